"""Late fills: as much as there is room for, exactly, and the rest is the fleet's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain import ledger
from remora.domain.ids import IntentId, OrderHash, TxHash, late_id, settlement_id
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.records import Filled, LateFill
from remora.domain.signal import Side
from remora.execute.late import LEAST_ROOM, allot
from tests.fakes.specimens import block, collateral, part, shares, wallet

ORDER, TX = OrderHash("0x" + 64 * "b"), TxHash("0x" + 64 * "7")


def late(side: Side, rooms: list[str], filled: tuple[str, str, str], *free: int) -> LateFill:
    """A late fill of shares, collateral and fee, of intents with rooms."""
    buying = side is Side.BUY
    parts = [part(n, budget=room if buying else "0", sold="0" if buying else room) for n, room in enumerate(rooms)]
    return LateFill(
        order_hash=ORDER,
        tx_hash=TX,
        wallet=wallet(1),
        block=block(side, "0.5" if buying else "0.1", parts),
        filled=Filled(shares=shares(filled[0]), collateral=collateral(filled[1]), fee=collateral(filled[2])),
        free=frozenset(IntentId(f"intent-{n}") for n in free),
    )


@pytest.mark.parametrize(
    ("of", "legs", "nobodys"),
    [
        # room for 20, filled 40 shares for 20 with a fee of 0.2: a quarter and three
        (
            late(Side.BUY, ["5", "15"], ("40", "20", "0.2")),
            [("10", "5.05", "0"), ("30", "15.15", "0")],
            ("0", "0", "0"),
        ),
        # room for 10 of 20: half of it
        (late(Side.BUY, ["10", "0"], ("40", "20", "0.2")), [("20", "10.1", "0")], ("20", "10", "0.1")),
        (late(Side.BUY, ["0", "0.009999"], ("40", "20", "0.2")), [], ("40", "20", "0.2")),
        (late(Side.SELL, ["10", "10"], ("20", "10", "0.2")), [("10", "4.9", "0"), ("10", "4.9", "0")], ("0", "0", "0")),
        # what is not on its way back already goes back with the proceeds
        (late(Side.SELL, ["10"], ("4", "2", "0")), [("4", "2", "0")], ("0", "0", "0")),
        (late(Side.SELL, ["10"], ("4", "2", "0"), 0), [("4", "2", "6")], ("0", "0", "0")),
        (late(Side.SELL, ["5"], ("20", "10", "0.2")), [("5", "2.45", "0")], ("15", "7.5", "0.15")),
    ],
)
def test_who_gets_what(of: LateFill, legs: list[tuple[str, str, str]], nobodys: tuple[str, str, str]) -> None:
    done = allot(of)
    assert [(str(leg.shares), str(leg.collateral), str(leg.returned)) for leg in done.legs] == legs
    assert (str(done.nobodys.shares), str(done.nobodys.collateral), str(done.nobodys.fee)) == nobodys


def test_each_late_fill_has_legs_of_its_own() -> None:
    of = late(Side.BUY, ["20"], ("40", "20", "0"))
    (leg,) = allot(of).legs
    (other,) = allot(replace(of, tx_hash=TxHash("0x" + 64 * "8"))).legs
    assert leg.settlement_id == late_id(settlement_id("deliver", IntentId("intent-0")), TX) != other.settlement_id


@given(
    st.sampled_from(Side),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=6),
    st.integers(1, 10**10),
    st.integers(1_000, ONE - 1_000),
)
def test_nobody_pays_beyond_the_room_and_nothing_is_lost(side: Side, rooms: list[int], units: int, price: int) -> None:
    of = late(side, [str(Collateral(room)) for room in rooms], ("0", "0", "0"))
    limit = of.block.limit.units
    paid = units * min(limit, price) // ONE if side is Side.BUY else units * max(limit, price) // ONE
    filled = Filled(shares=Shares(units), collateral=Collateral(paid), fee=Collateral(paid // 50))
    done = allot(replace(of, filled=filled))
    got = {each.intent_id: each for each in done.allocations}
    for n, room in enumerate(rooms):
        each = got.get(IntentId(f"intent-{n}"))
        assert each is None or (
            room >= LEAST_ROOM and (each.collateral if side is Side.BUY else each.shares).units <= room
        )
    assert sum(each.shares.units for each in done.allocations) + done.nobodys.shares.units == units
    books = ledger.balances(entry for posting in done.postings for entry in posting.entries)
    assert sum(books.values()) == 0
    assert all(leg.collateral.units >= 0 for leg in done.legs)
