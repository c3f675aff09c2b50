"""The blocks that are served for measuring trade what they say."""

from __future__ import annotations

import itertools

from bench.blocks import COLLATERAL_UNITS, LOGS_PER_MATCH, MAKERS, SHARES_UNITS, mined, wallets
from remora.detect.trades import fills_of
from remora.detect.watch import Watch
from remora.domain.chain import parse_receipt
from remora.domain.contracts import POLYGON
from remora.domain.signal import Role, Side

LEADERS = wallets("leader", 10)


def test_every_match_has_one_leader_who_buys() -> None:
    block = mined(7, least_logs=2 * LOGS_PER_MATCH - 1, timestamp_s=1, leaders=itertools.cycle(LEADERS))
    watch = Watch(chain_id=137, known=POLYGON, leaders=frozenset(LEADERS), fleet=frozenset())
    taken, made = fills_of([parse_receipt(raw) for raw in block.receipts], watch)
    assert len(block.logs) == 2 * LOGS_PER_MATCH
    assert block.traded == {fill.order_hash: (fill.shares.units, fill.collateral.units) for fill in (taken, made)}
    assert [(fill.wallet, fill.role, fill.side) for fill in (taken, made)] == [
        (LEADERS[0], Role.TAKER, Side.BUY),
        (LEADERS[1], Role.MAKER, Side.BUY),
    ]
    assert (taken.shares.units, taken.collateral.units) == (MAKERS * SHARES_UNITS, MAKERS * COLLATERAL_UNITS)
    assert (made.shares.units, made.collateral.units) == (2 * SHARES_UNITS, 2 * COLLATERAL_UNITS)
