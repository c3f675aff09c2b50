"""Simulated time, and one order to speak of."""

from __future__ import annotations

import pytest

from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.order import OrderKind, OrderTerms, SignedOrder
from remora.domain.signal import Side

WALLET = Address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")


class SimulatedClock:
    """A Clock in which sleeping is what moves time."""

    def __init__(self) -> None:
        self.us = 1_795_000_000_000_000
        self.slept_us: list[int] = []

    def now_us(self) -> int:
        return self.us

    async def sleep(self, delay_s: float) -> None:
        self.slept_us.append(round(delay_s * 1_000_000))
        self.us += self.slept_us[-1]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def wallet() -> Address:
    return WALLET


@pytest.fixture
def order() -> SignedOrder:
    return SignedOrder(
        order_hash=OrderHash("0x" + 64 * "a"),
        terms=OrderTerms(
            salt=2_046_813_772_791_508,
            maker=WALLET,
            signer=WALLET,
            token_id=TokenId(2**255 + 7),
            maker_amount=5_000_000,
            taker_amount=10_000_000,
            side=Side.BUY,
            timestamp_ms=1_795_368_118_133,
        ),
        kind=OrderKind.FAK,
        signature=bytes(64) + b"\x1b",
    )
