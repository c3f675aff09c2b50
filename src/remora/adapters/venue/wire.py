"""The venue's words: how requests are written and how markets and errors are read (polymarket.md 3.2 to 3.5).

Pure. Amounts on the wire are decimal texts of whole tokens; JSON numbers with a fraction are kept as text, so that no
float comes near money. What is not as documented raises Malformed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from remora.domain.errors import Malformed
from remora.domain.ids import Address, ConditionId, OrderHash, TokenId, word
from remora.domain.market import MarketInfo
from remora.domain.money import ONE, Price, Shares, parse_units
from remora.domain.order import SignedOrder

_DEFAULT_MIN_SIZE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request to the venue. Its headers and its body are secrets: neither is shown."""

    method: str
    path: str
    query: Mapping[str, str | tuple[str, ...]] | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer that was read to its end."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None = None


@lru_cache(maxsize=4096)
def checksummed(address: Address) -> str:
    """Return the mixed-case form (EIP-55) in which the official SDK writes addresses."""
    return to_checksum_address(address)


def order_body(order: SignedOrder, *, owner: str) -> bytes:
    """Return the body of POST /order, byte for byte as the official SDK writes it; `owner` is the API key's id."""
    terms = order.terms
    payload = {
        "deferExec": False,
        "order": {
            "builder": terms.builder,
            "expiration": str(order.expiration_s),
            "maker": checksummed(terms.maker),
            "makerAmount": str(terms.maker_amount),
            "metadata": terms.metadata,
            "salt": terms.salt,
            "side": terms.side.value,
            "signature": "0x" + order.signature.hex(),
            "signatureType": terms.signature_type,
            "signer": checksummed(terms.signer),
            "takerAmount": str(terms.taker_amount),
            "timestamp": str(terms.timestamp_ms),
            "tokenId": str(terms.token_id),
        },
        "orderType": order.kind.value,
        "owner": owner,
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def cancel_body(order_hash: OrderHash) -> bytes:
    """Return the body of DELETE /order."""
    return json.dumps({"orderID": order_hash}, separators=(",", ":")).encode()


def loads(body: bytes) -> Any:
    """Read JSON with numbers that have a fraction as text; Malformed when it is no JSON."""
    try:
        return json.loads(body, parse_float=str, parse_constant=str)
    except ValueError:
        raise Malformed("expected JSON") from None


def error_words(body: bytes) -> str:
    """Return the venue's own words for an error, from `error` or `errorMsg`; empty when it gave none."""
    try:
        raw = loads(body)
    except Malformed:
        return ""
    words = (raw.get("error") or raw.get("errorMsg")) if isinstance(raw, dict) else None
    return words.strip() if isinstance(words, str) else ""


def parse_condition(raw: Any) -> ConditionId:
    """Read GET /markets-by-token/{token}."""
    return ConditionId(word(text_of(raw, "condition_id")))


def parse_market(raw: Any, *, condition_id: ConditionId, token_id: TokenId) -> MarketInfo:
    """Read GET /clob-markets/{condition}: tick `mts`, minimum size `mos`, neg-risk `nr`, fee rate and exponent `fd`.

    A fee exponent below 1 is Malformed: our bound of the fee, made for exponent 1, would be too low.
    """
    fee = mapping(mapping(raw).get("fd") or {})
    rate = parse_units(number(fee.get("r", 0)), Price.decimals)
    if rate and parse_units(number(fee.get("e", 0)), Price.decimals) < ONE:
        raise Malformed(f"expected a fee exponent of at least 1, found {fee.get('e')!r}")
    return MarketInfo(
        condition_id=condition_id,
        token_id=token_id,
        tick=_tick(raw.get("mts")),
        min_order_size=Shares.parse(number(raw.get("mos", _DEFAULT_MIN_SIZE))),
        neg_risk=raw.get("nr") is True,
        fee_rate_units=rate,
    )


def mapping(raw: Any) -> dict[str, Any]:
    """Return a JSON object as it is; Malformed when it is none."""
    if not isinstance(raw, dict):
        raise Malformed(f"expected an object, found {type(raw).__name__}")
    return raw


def sequence(raw: Any, key: str) -> list[Any]:
    """Return the list at `key` of a JSON object; Malformed when there is none."""
    found = mapping(raw).get(key)
    if not isinstance(found, list):
        raise Malformed(f"expected a list {key!r}, found {type(found).__name__}")
    return found


def text_of(raw: Any, key: str) -> str:
    """Return the text at `key` of a JSON object; Malformed when there is none."""
    found = mapping(raw).get(key)
    if not isinstance(found, str):
        raise Malformed(f"expected a text {key!r}, found {type(found).__name__}")
    return found


def number(raw: Any) -> str:
    """Return a JSON number, or a text that holds one, as text."""
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise Malformed(f"expected a number, found {type(raw).__name__}")
    return str(raw)


def _tick(raw: Any) -> Price:
    tick = Price.parse(number(raw))
    if not 0 < tick.units < ONE:
        raise Malformed(f"expected a tick between 0 and 1, found {tick}")
    return tick
