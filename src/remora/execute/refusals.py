"""What the venue's words of refusal mean (polymarket.md 3.5): its refusals can be told apart by text only.

Words that are not known are a refusal all the same. Whatever they are, they are kept with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remora.domain.money import Price
from remora.domain.reasons import Because, Reason, because


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """The venue's words, and the limit of the order that they are about."""

    words: str
    limit: Price


_MEANINGS: tuple[tuple[Callable[[_Refusal], Because], tuple[str, ...]], ...] = (
    (
        lambda refusal: because(Reason.NOT_FILLED, limit=refusal.limit),
        ("no orders found to match with fak", "fak_not_filled", "unmatched"),
    ),
    (
        lambda refusal: because(Reason.NOT_FILLED_WHOLE, limit=refusal.limit),
        ("fok orders are fully filled or killed", "fok_not_filled"),
    ),
    (
        lambda refusal: because(Reason.OPERATOR_SHORT, detail=refusal.words),
        ("not enough balance", "not_enough_balance", "the allowance is not enough"),
    ),
    (
        lambda refusal: because(Reason.ACCOUNT_REFUSED, detail=refusal.words),
        (
            "address banned",
            "closed only mode",
            "maker address not allowed",
            "has to be the owner of the api key",
            "has to be the address of the api key",
            "invalid api key",
            "invalid l1 request headers",
            "restricted in your region",
        ),
    ),
    (
        lambda refusal: because(Reason.TICK_CHANGED, detail=refusal.words),
        ("breaks minimum tick size rule",),
    ),
    (
        lambda refusal: because(Reason.ORDER_TOO_SMALL, detail=refusal.words),
        ("lower than the minimum", "min size:"),
    ),
    (
        lambda refusal: because(Reason.MARKET_CLOSED, detail=refusal.words),
        ("market is not yet ready", "market_not_ready", "no orderbook exists"),
    ),
    (
        lambda refusal: because(Reason.VENUE_CLOSED, detail=refusal.words),
        ("trading is currently disabled", "cancel-only", "post-only mode", "post_only_mode"),
    ),
    (
        lambda refusal: because(Reason.ORDER_INVALID, detail=refusal.words),
        (
            "invalid order payload",
            "invalid nonce",
            "invalid_nonce",
            "invalid expiration",
            "invalid_expiration",
            "invalid signature",
            "invalid post-only order",
            "post_only_would_cross",
            "max accuracy of",
            "order_version_mismatch",
            "too many orders in payload",
        ),
    ),
)
"""What it means when the venue's words, in lower case, contain one of these. The first that does counts."""


def refused(words: str, *, limit: Price) -> Because:
    """Return why the venue refused an order at a limit; VENUE_REJECTED when its words are not known."""
    refusal, lowered = _Refusal(words=words, limit=limit), words.lower()
    for meaning, known in _MEANINGS:
        if any(part in lowered for part in known):
            return meaning(refusal)
    return because(Reason.VENUE_REJECTED, detail=words)
