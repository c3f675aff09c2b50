"""Answer by answer: what the caller may conclude of an order that was sent."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from remora.adapters.venue.outcome import acknowledgement, content, retry_delay_s
from remora.adapters.venue.wire import Answer
from remora.domain.errors import InvariantBroken, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.order import Acknowledgement, OrderKind, SignedOrder

NOW_S = 1_795_000_000
ORDER_ID = "0x" + 64 * "a"
ACCEPTED = {
    "success": True,
    "errorMsg": "",
    "orderID": ORDER_ID,
    "status": "matched",
    "makingAmount": "9.999999",
    "takingAmount": "14.925372",
    "tradeIDs": ["t1"],
    "transactionsHashes": ["0x" + 64 * "1"],
}


def answer(status: int, body: Any, retry_after: str | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, body=raw, retry_after=retry_after)


def accepted(**changes: Any) -> dict[str, Any]:
    return {**ACCEPTED, **changes}


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in ACCEPTED.items() if k != key}


def error(words: str) -> dict[str, str]:
    return {"error": words}


@pytest.mark.parametrize(
    ("body", "status", "making", "taking"),
    [
        (ACCEPTED, "matched", 9_999_999, 14_925_372),
        (accepted(status="live", makingAmount="", takingAmount=""), "live", 0, 0),
        (accepted(status="delayed", makingAmount="0", takingAmount="0"), "delayed", 0, 0),
        (accepted(makingAmount="100", takingAmount="200.5"), "matched", 100_000_000, 200_500_000),
        (accepted(orderID=ORDER_ID.upper().replace("0X", "0x")), "matched", 9_999_999, 14_925_372),
        # Since 2026-07 the venue may leave both lists out.
        (without("transactionsHashes"), "matched", 9_999_999, 14_925_372),
        (without("tradeIDs"), "matched", 9_999_999, 14_925_372),
    ],
)
def test_an_acceptance_is_acknowledged_in_base_units(
    body: dict[str, Any], status: str, making: int, taking: int, order: SignedOrder
) -> None:
    assert acknowledgement(answer(200, body), order, now_s=NOW_S) == Acknowledgement(
        order_hash=order.order_hash, status=status, making=making, taking=taking
    )


FAK_UNFILLED = (
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
)
DUPLICATED = f"order {ORDER_ID} is invalid. Duplicated."


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        # Refused: the venue's own words, in either form.
        (400, error("invalid nonce"), Refused, "invalid nonce"),
        (400, error(FAK_UNFILLED), Refused, FAK_UNFILLED),
        (400, error("not enough balance / allowance: the balance is not enough -> balance: 0"), Refused, "not enough"),
        (401, error("Unauthorized/Invalid api key"), Refused, "Unauthorized"),
        (403, error("Trading restricted in your region"), Refused, "region"),
        (404, error("No orderbook exists for the requested token id"), Refused, "No orderbook"),
        (200, accepted(success=False, errorMsg=FAK_UNFILLED, status="unmatched"), Refused, FAK_UNFILLED),
        (200, accepted(success=False, errorMsg="", status="unmatched"), Refused, "unmatched"),
        (200, {"success": False}, Refused, "no reason"),
        (200, accepted(status="unmatched", makingAmount="", takingAmount=""), Refused, "unmatched"),
        # Retryable: the venue did not look.
        (425, b"", Retryable, "HTTP 425"),
        (425, error("restarting"), Retryable, "restarting"),
        (429, b"<html>slow down</html>", Retryable, "HTTP 429"),
        (429, error("Too Many Requests"), Retryable, "Too Many"),
        (503, {"error": "post-only mode", "code": "post_only_mode"}, Retryable, "post-only"),
        (503, error("Trading is currently cancel-only. New orders are not accepted."), Retryable, "cancel-only"),
        (503, error("Trading is currently disabled."), Retryable, "disabled"),
        # Unknown: the venue has this order already.
        (400, error(DUPLICATED), OutcomeUnknown, "Duplicated"),
        (200, accepted(success=False, errorMsg=DUPLICATED), OutcomeUnknown, "Duplicated"),
        # Unknown: words that leave open what became of the order.
        (400, error("could not insert order"), OutcomeUnknown, "insert"),
        (400, error("could not run the execution"), OutcomeUnknown, "execution"),
        (400, error("order match delayed due to market conditions"), OutcomeUnknown, "delayed"),
        (200, accepted(success=False, errorMsg="error delaying the order"), OutcomeUnknown, "delaying"),
        (200, accepted(errorMsg="order match delayed due to market conditions"), OutcomeUnknown, "delayed"),
        (503, error("could not run the execution"), OutcomeUnknown, "execution"),
        # Unknown: a server or something before it failed.
        (500, error("internal server error"), OutcomeUnknown, "internal"),
        (500, error("could not run the execution"), OutcomeUnknown, "execution"),
        (502, b"<html>bad gateway</html>", OutcomeUnknown, "HTTP 502"),
        (503, b"upstream connect error, reset reason: connection termination", OutcomeUnknown, "HTTP 503"),
        (504, error("timeout"), OutcomeUnknown, "timeout"),
        (520, b"", OutcomeUnknown, "HTTP 520"),
        (408, error("request timeout"), OutcomeUnknown, "timeout"),
        (301, b"", OutcomeUnknown, "HTTP 301"),
        (202, ACCEPTED, OutcomeUnknown, "HTTP 202"),
        # Unknown: a refusal without the venue's words proves nothing.
        (400, b"", OutcomeUnknown, "HTTP 400"),
        (403, b"<html>cloudflare</html>", OutcomeUnknown, "HTTP 403"),
        (404, b"[]", OutcomeUnknown, "HTTP 404"),
        # Unknown: an acceptance that cannot be read, or not in full.
        (200, b"", OutcomeUnknown, "cannot be read"),
        (200, b'{"success":true,', OutcomeUnknown, "cannot be read"),
        (200, b"<html></html>", OutcomeUnknown, "cannot be read"),
        (200, [], OutcomeUnknown, "cannot be read"),
        (200, {}, OutcomeUnknown, "success None"),
        (200, accepted(success="true"), OutcomeUnknown, "success true"),
        (200, accepted(transactionsHashes=None), OutcomeUnknown, "transactionsHashes"),
        (200, accepted(tradeIDs=None), OutcomeUnknown, "tradeIDs"),
        (200, accepted(orderID=""), OutcomeUnknown, "order id"),
        (200, without("orderID"), OutcomeUnknown, "order id"),
        (200, accepted(status="queued"), OutcomeUnknown, "queued"),
        (200, without("status"), OutcomeUnknown, "status"),
        (200, without("makingAmount"), OutcomeUnknown, "makingAmount"),
        (200, without("takingAmount"), OutcomeUnknown, "takingAmount"),
        (200, accepted(makingAmount=None), OutcomeUnknown, "makingAmount"),
        (200, accepted(makingAmount=1), OutcomeUnknown, "makingAmount"),
        (200, accepted(makingAmount="1.0000001"), OutcomeUnknown, "decimals"),
        (200, accepted(takingAmount="NaN"), OutcomeUnknown, "finite"),
    ],
)
def test_what_an_answer_proves(
    status: int, body: Any, expected: type[RemoraError], words: str, order: SignedOrder
) -> None:
    with pytest.raises(RemoraError) as caught:
        acknowledgement(answer(status, body), order, now_s=NOW_S)
    assert type(caught.value) is expected
    assert words in str(caught.value)


def test_an_unmatched_order_that_may_rest_is_unknown(order: SignedOrder) -> None:
    resting = dataclasses.replace(order, kind=OrderKind.GTC)
    with pytest.raises(OutcomeUnknown):
        acknowledgement(answer(200, accepted(status="unmatched")), resting, now_s=NOW_S)


def test_acceptance_under_another_hash_breaks_the_identity_of_orders(order: SignedOrder) -> None:
    with pytest.raises(InvariantBroken):
        acknowledgement(answer(200, accepted(orderID="0x" + 64 * "b")), order, now_s=NOW_S)


def test_a_refusal_carries_the_venues_words_as_its_reason(order: SignedOrder) -> None:
    with pytest.raises(Refused) as caught:
        acknowledgement(answer(400, error("x" * 1000)), order, now_s=NOW_S)
    assert caught.value.reason == "x" * 300


@pytest.mark.parametrize(
    ("retry_after", "body", "delay_s"),
    [
        ("7", b"", 7.0),
        ("0", b"", 0.0),
        ("0.5", b"", 0.5),
        ("-3", b"", 0.0),
        ("86400", b"", 300.0),
        ("inf", b"", 1.0),
        ("nan", b"", 1.0),
        ("soon", b"", 1.0),
        (None, b"", 1.0),
        ("Fri, 18 Nov 2026 11:06:50 GMT", b"", 10.0),  # NOW_S is 11:06:40
        ("Fri, 18 Nov 2026 11:06:30 GMT", b"", 0.0),
        (None, b'{"retry_after_seconds":4}', 4.0),
        (None, b'{"retry_after_seconds":2.5}', 2.5),
        (None, b'{"retry_after_seconds":null}', 1.0),
        ("9", b'{"retry_after_seconds":4}', 9.0),
    ],
)
def test_the_delay_is_the_one_that_the_venue_asks_for(retry_after: str | None, body: bytes, delay_s: float) -> None:
    assert retry_delay_s(Answer(status=429, body=body, retry_after=retry_after), now_s=NOW_S) == delay_s


def test_a_retryable_answer_carries_its_delay(order: SignedOrder) -> None:
    with pytest.raises(Retryable) as caught:
        acknowledgement(answer(425, b"", "12"), order, now_s=NOW_S)
    assert caught.value.delay_s == 12.0


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error("Invalid token id"), Refused),
        (401, b"", Refused),
        (403, b"<html></html>", Refused),
        (408, b"", Retryable),
        (425, b"", Retryable),
        (429, b"", Retryable),
        (500, error("x"), Retryable),
        (503, b"", Retryable),
        (302, b"", Retryable),
        (200, b"<html></html>", Retryable),
        (200, b"", Retryable),
    ],
)
def test_a_request_without_effect_is_never_unknown(status: int, body: Any, expected: type[RemoraError]) -> None:
    with pytest.raises(expected):
        content(answer(status, body), now_s=NOW_S)


def test_content_is_json_or_none_for_what_does_not_exist() -> None:
    assert content(answer(200, b'{"a":0.5}'), now_s=NOW_S) == {"a": "0.5"}
    assert content(answer(200, b"null"), now_s=NOW_S) is None
    assert content(answer(404, error("No orderbook exists")), now_s=NOW_S) is None
