"""What an answer means for the caller: the venue's status codes and words, mapped to remora's errors.

Refused needs proof: the venue's own words in an answer that says no. Retryable needs proof too: the venue says that it
did not look. Everything else about a sent order is OutcomeUnknown, because a copy that is sent twice is paid twice.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from remora.adapters.venue.wire import Answer, error_words, loads, mapping, text_of
from remora.domain.errors import InvariantBroken, Malformed, OutcomeUnknown, Refused, Retryable
from remora.domain.money import Collateral, parse_units
from remora.domain.order import Acknowledgement, OrderKind, SignedOrder

_DEFAULT_DELAY_S = 1.0
_LONGEST_DELAY_S = 300.0
_LONGEST_WORDS = 300

_SUCCESSES = frozenset({200, 201})
_FINAL_NOS = frozenset(range(400, 500)) - {408, 425, 429}
_ACCEPTED = frozenset({"live", "matched", "delayed"})
_RESTING_KINDS = frozenset({OrderKind.GTC, OrderKind.GTD})
_DOUBTFUL_WORDS = (
    "duplicated",  # the venue has this very order
    "could not insert order",
    "could not run the execution",
    "order match delayed",
    "error delaying the order",
)
"""Words of an error that leave open whether the order is in the book (the venue's list of insert errors)."""


def acknowledgement(answer: Answer, order: SignedOrder, *, now_s: int) -> Acknowledgement:
    """Return what POST /order acknowledged.

    Raises Refused with the venue's words, Retryable when it did not look (425, 429, 503 in its own words),
    OutcomeUnknown for all that proves neither, InvariantBroken when it accepted the order under another hash than ours.
    """
    if answer.status in _SUCCESSES:
        return _accepted(_known(answer.body), order)
    words = error_words(answer.body)[:_LONGEST_WORDS]
    match answer.status:
        case 425 | 429:
            raise Retryable(_words_or_status(answer), retry_delay_s(answer, now_s=now_s))
        case 503 if words and not _is_doubtful(words):
            raise Retryable(words, retry_delay_s(answer, now_s=now_s))
        case 400 | 401 | 403 | 404 if words:
            raise _refusal(words)
        case _:
            raise OutcomeUnknown(_words_or_status(answer))


def content(answer: Answer, *, now_s: int) -> Any | None:
    """Return the JSON of a request without effect, None for 404 (there is no such thing).

    Raises Refused for another 4xx, Retryable for 408, 425, 429, every 5xx, a redirect and for what is no JSON.
    """
    match answer.status:
        case status if status in _SUCCESSES:
            return _readable(answer.body)
        case 404:
            return None
        case status if status in _FINAL_NOS:
            raise Refused(_words_or_status(answer))
        case _:
            raise Retryable(_words_or_status(answer), retry_delay_s(answer, now_s=now_s))


def retry_delay_s(answer: Answer, *, now_s: int) -> float:
    """Return how long the venue asks to wait: Retry-After in seconds or as a date, or `retry_after_seconds`."""
    delay_s = _header_delay_s(answer.retry_after, now_s)
    if delay_s is None:
        delay_s = _body_delay_s(answer.body)
    if delay_s is None or not math.isfinite(delay_s):
        return _DEFAULT_DELAY_S
    return min(max(delay_s, 0.0), _LONGEST_DELAY_S)


def _accepted(raw: dict[str, Any], order: SignedOrder) -> Acknowledgement:
    words, status = raw.get("errorMsg") or "", raw.get("status") or ""
    if raw.get("success") is False:
        raise _refusal(str(words or status or "the venue gave no reason"))
    if raw.get("success") is not True or words:
        raise OutcomeUnknown(f"the venue answered success {raw.get('success')} with {words or 'no reason'!r}")
    _check_hash(raw.get("orderID"), order)
    if status == "unmatched" and order.kind not in _RESTING_KINDS:
        raise Refused("unmatched")
    if status not in _ACCEPTED:
        raise OutcomeUnknown(f"the venue answered with status {status!r}")
    making, taking = _amount(raw, "makingAmount"), _amount(raw, "takingAmount")
    if status == "matched" and not (making and taking):
        raise OutcomeUnknown("the venue answered that it matched, and not how much")
    return Acknowledgement(order_hash=order.order_hash, status=status, making=making, taking=taking)


def _check_hash(order_id: Any, order: SignedOrder) -> None:
    if not isinstance(order_id, str) or not order_id:
        raise OutcomeUnknown("the venue answered without an order id")
    if order_id.lower() != order.order_hash:
        raise InvariantBroken(f"the venue accepted order {order.order_hash} as {order_id}")


def _known(body: bytes) -> dict[str, Any]:
    try:
        raw = mapping(loads(body))
    except Malformed as error:
        raise OutcomeUnknown(f"the venue's answer cannot be read: {error}") from None
    incomplete = [key for key in ("transactionsHashes", "tradeIDs") if key in raw and raw[key] is None]
    if incomplete:
        raise OutcomeUnknown(f"the venue's answer is incomplete: {incomplete[0]} is null")
    return raw


def _amount(raw: dict[str, Any], key: str) -> int:
    """Read a decimal text of whole tokens as base units; empty means 0."""
    try:
        return parse_units(text_of(raw, key) or "0", Collateral.decimals)
    except Malformed as error:
        raise OutcomeUnknown(f"the venue's answer is incomplete: {error}") from None


def _refusal(words: str) -> Refused | OutcomeUnknown:
    return OutcomeUnknown(words[:_LONGEST_WORDS]) if _is_doubtful(words) else Refused(words[:_LONGEST_WORDS])


def _is_doubtful(words: str) -> bool:
    lowered = words.lower()
    return any(doubtful in lowered for doubtful in _DOUBTFUL_WORDS)


def _words_or_status(answer: Answer) -> str:
    return error_words(answer.body)[:_LONGEST_WORDS] or f"HTTP {answer.status}"


def _readable(body: bytes) -> Any:
    try:
        return loads(body)
    except Malformed as error:
        raise Retryable(f"the venue's answer cannot be read: {error}") from None


def _header_delay_s(header: str | None, now_s: int) -> float | None:
    if header is None:
        return None
    try:
        return float(header)
    except ValueError:
        return _seconds_until(header, now_s)


def _seconds_until(date: str, now_s: int) -> float | None:
    try:
        return (parsedate_to_datetime(date) - datetime.fromtimestamp(now_s, tz=UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _body_delay_s(body: bytes) -> float | None:
    try:
        return float(mapping(loads(body))["retry_after_seconds"])
    except (Malformed, KeyError, TypeError, ValueError):
        return None
