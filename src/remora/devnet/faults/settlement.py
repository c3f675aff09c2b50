"""Faults between a match and its confirmation (polymarket.md 3.6); the endpoint of these occasions is "settlement"."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from remora.devnet.faults.fault import Lasting


class DelayedMatch(Lasting):
    """An order that would match at once is answered with `delayed` and matched later."""

    name: ClassVar[str] = "delayed-match"

    seconds: int = Field(default=2, ge=1, le=60, description="how much later")


class RetriedTrade(Lasting):
    """A matched trade goes RETRYING, is sent to the chain later, and is CONFIRMED if it still can be."""

    name: ClassVar[str] = "retried-trade"

    seconds: float = Field(default=1, gt=0, le=600, description="how much later")


class FailedTrade(Lasting):
    """The transaction of a matched trade reverts on chain, and the trade is FAILED."""

    name: ClassVar[str] = "failed-trade"


SETTLEMENT_FAULTS = (DelayedMatch, RetriedTrade, FailedTrade)
