"""What detection reads from the logs of exchange V3 is what the wallets gained and lost, to the base unit."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from remora.detect.explain import explain
from remora.domain.chain import Log
from remora.domain.contracts import Contracts
from remora.domain.ids import Address, TxHash
from remora.domain.signal import Role, Side
from tests.unit.contracts.generation_v3 import ALICE, BOB, BUY, CAROL, NO, SELL, YES, Generation, U, deploy

TX = TxHash("0x" + "77" * 32)


@pytest.fixture
def v3() -> Iterator[Generation]:
    with boa.env.anchor():
        yield deploy()


def logs_of(v3: Generation) -> list[Log]:
    """Return the logs of the last match as a node tells them."""
    return [
        Log(
            address=Address("0x" + emitter.hex()),
            topics=tuple(f"0x{topic:064x}" for topic in topics),
            data=data,
            tx_hash=TX,
            log_index=index,
        )
        for index, (_, emitter, topics, data) in enumerate(v3.exchange._computation.get_raw_log_entries())
    ]


@pytest.mark.parametrize(
    ("side", "price", "maker", "collateral"),
    [
        (BUY, 60, (SELL, YES, 50), 15 * U),  # direct: 20 x 0.5 from Alice, 10 x 0.5 from Carol
        (SELL, 40, (BUY, YES, 50), 15 * U),
        (BUY, 60, (BUY, NO, 45), 16 * U),  # 20 x (1 - 0.45) of the sets with Alice, 10 x 0.5 with Carol
        (SELL, 40, (SELL, NO, 45), 16 * U),
    ],
)
def test_the_takers_fill_is_what_it_paid_and_got(
    v3: Generation, side: int, price: int, maker: tuple[int, int, int], collateral: int
) -> None:
    maker_side, maker_token, maker_price = maker
    makers = [
        v3.order(ALICE, maker_side, 20 * U, maker_price, token_id=maker_token),
        v3.order(CAROL, SELL if side == BUY else BUY, 10 * U, 50),
    ]
    taker = v3.order(BOB, side, 30 * U, price)
    received = 30 * U if side == BUY else collateral
    v3.match(taker, [(order, order[4], 0) for order in makers], (taker[4], received, 0))

    wallet = Address(BOB.address.lower())
    known = Contracts(
        exchanges=frozenset({Address(v3.exchange.address.lower())}),
        ledgers=frozenset({Address(v3.manager.address.lower())}),
        collaterals=frozenset({Address(v3.collateral.address.lower())}),
        adapters=frozenset(),
    )
    for complete in (True, False):
        (fill,) = explain(logs_of(v3), wallet, known, complete=complete).fills
        assert (fill.role, fill.side) == (Role.TAKER, Side.BUY if side == BUY else Side.SELL)
        assert (fill.shares.units, fill.collateral.units) == (30 * U, collateral)
    sign = 1 if side == BUY else -1
    assert v3.change(BOB) == (-sign * collateral, sign * 30 * U, 0)
