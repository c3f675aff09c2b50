"""An order as it comes over the wire (polymarket.md 3.3), parsed once and strictly.

Whatever is not shaped as the venue expects is refused as "Invalid order payload"; nothing after this module meets a
missing field, a wrong type or an unbounded number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from remora.devnet.clob import refusals

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
#: 65 bytes, or what a deposit wallet takes for a signature; the exchange takes no more.
_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){65,1024}")
_PLAIN_SIGNATURE_BYTES = 65
_DIGITS = re.compile(r"\d{1,78}", re.ASCII)
_UINT256 = 2**256
#: Amounts above are no order, and below no product of two of them leaves 256 bits on chain.
_MAX_AMOUNT = 2**96
_E = TypeVar("_E", bound=StrEnum)


class Side(StrEnum):
    """What the maker of an order does with the token."""

    BUY = "BUY"
    SELL = "SELL"


class SignatureType(IntEnum):
    """Whose order it is: a plain account's, or that of a proxy wallet, a safe or a deposit wallet of the signer."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT_WALLET = 3


class OrderType(StrEnum):
    """How long an order lives: until cancelled, until a date, fill or kill, fill and kill."""

    GTC = "GTC"
    GTD = "GTD"
    FOK = "FOK"
    FAK = "FAK"

    @property
    def rests(self) -> bool:
        """Whether what is not matched at once stays in the book."""
        return self in (OrderType.GTC, OrderType.GTD)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """The struct that the exchange contract takes; addresses are lower-case, amounts in base units."""

    salt: int
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    side: Side
    signature_type: SignatureType
    timestamp_ms: int
    metadata: bytes
    builder: bytes
    signature: bytes = field(repr=False)

    @property
    def shares(self) -> int:
        """The shares asked for (BUY) or offered (SELL)."""
        return self.taker_amount if self.side is Side.BUY else self.maker_amount

    @property
    def collateral(self) -> int:
        """The collateral offered (BUY) or asked for (SELL)."""
        return self.maker_amount if self.side is Side.BUY else self.taker_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order and what the venue is to do with it; `expiration_s` is 0 where there is none."""

    order: SignedOrder
    type: OrderType
    expiration_s: int
    post_only: bool
    owner: str = field(repr=False)


def parse_request(payload: object) -> OrderRequest:
    """Parse one body of POST /order; refuse whatever is not one."""
    body = _object(payload)
    fields = _object(body.get("order"))
    kind = _member(OrderType, body.get("orderType"))
    post_only = body.get("postOnly") or False
    if not isinstance(post_only, bool) or (post_only and not kind.rests):
        raise refusals.invalid_order_payload()
    return OrderRequest(
        order=_parse_order(fields),
        type=kind,
        expiration_s=_number(fields.get("expiration", "0")),
        post_only=post_only,
        owner=_text(body.get("owner")),
    )


def _parse_order(fields: Mapping[str, Any]) -> SignedOrder:
    order = SignedOrder(
        salt=_integer(fields.get("salt")),
        maker=_matching(_ADDRESS, fields.get("maker")).lower(),
        signer=_matching(_ADDRESS, fields.get("signer")).lower(),
        token_id=_number(fields.get("tokenId")),
        maker_amount=_number(fields.get("makerAmount")),
        taker_amount=_number(fields.get("takerAmount")),
        side=_member(Side, fields.get("side")),
        signature_type=_signature_type(fields.get("signatureType")),
        timestamp_ms=_number(fields.get("timestamp")),
        metadata=_bytes(_WORD, fields.get("metadata")),
        builder=_bytes(_WORD, fields.get("builder")),
        signature=_bytes(_SIGNATURE, fields.get("signature")),
    )
    amounts_fit = 0 < order.maker_amount < _MAX_AMOUNT and 0 < order.taker_amount < _MAX_AMOUNT
    if not amounts_fit or not _is_consistent(order):
        raise refusals.invalid_order_payload()
    return order


def _is_consistent(order: SignedOrder) -> bool:
    """Tell whether maker, signer and the signature's length fit the signature type; a deposit wallet signs itself."""
    is_plain = len(order.signature) == _PLAIN_SIGNATURE_BYTES
    match order.signature_type:
        case SignatureType.EOA:
            return is_plain and order.maker == order.signer
        case SignatureType.PROXY | SignatureType.SAFE:
            return is_plain
        case SignatureType.DEPOSIT_WALLET:
            return not is_plain and order.maker == order.signer


def _signature_type(value: object) -> SignatureType:
    try:
        return SignatureType(_integer(value))
    except ValueError:
        raise refusals.invalid_order_payload() from None


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise refusals.invalid_order_payload()
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refusals.invalid_order_payload()
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _UINT256:
        raise refusals.invalid_order_payload()
    return value


def _number(value: object) -> int:
    return _integer(int(_matching(_DIGITS, value)))


def _matching(pattern: re.Pattern[str], value: object) -> str:
    text = _text(value)
    if not pattern.fullmatch(text):
        raise refusals.invalid_order_payload()
    return text


def _bytes(pattern: re.Pattern[str], value: object) -> bytes:
    return bytes.fromhex(_matching(pattern, value)[2:])


def _member(members: type[_E], value: object) -> _E:
    text = _text(value)
    if text not in members.__members__:
        raise refusals.invalid_order_payload()
    return members(text)
