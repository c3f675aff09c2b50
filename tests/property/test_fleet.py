"""Laws of the fleet under any crowd: one hand per wallet, no float promised twice, everybody who can is served."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.execute.fleet import Fleet
from tests.fakes.specimens import wallet

BALANCES = st.lists(st.integers(1, 100), min_size=1, max_size=5)
WANTS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3), st.booleans()), min_size=1, max_size=60)
"""For each caller: how much it wants, for how many turns, and whether its promise outlives the checkout."""


@settings(max_examples=150, deadline=None)
@given(BALANCES, WANTS)
def test_any_crowd_is_served_by_one_hand_at_a_time(balances: list[int], wants: list[tuple[int, int, bool]]) -> None:
    asyncio.run(_play(balances, [(min(want, max(balances)), turns, outlives) for want, turns, outlives in wants]))


async def _play(balances: list[int], wants: list[tuple[int, int, bool]]) -> None:
    fleet = Fleet([wallet(n) for n in range(len(balances))])
    for n, balance in enumerate(balances):
        await fleet.enlist(wallet(n), Collateral(balance))
    hands: Counter[Address] = Counter()

    async def copy(number: int, want: int, turns: int, outlives: bool) -> None:
        async with fleet.checkout(f"copy-{number}", Collateral(want)) as found:
            hands[found] += 1
            assert hands[found] == 1
            assert fleet.free_float(found) >= Collateral(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            hands[found] -= 1
            if outlives:
                fleet.rekey(f"copy-{number}", f"order-{number}")
        if outlives:
            await asyncio.sleep(0)
            await fleet.release(f"order-{number}")

    async with asyncio.timeout(10), asyncio.TaskGroup() as copies:
        for number, (want, turns, outlives) in enumerate(wants):
            copies.create_task(copy(number, want, turns, outlives))
    assert [fleet.free_float(each).units for each in fleet.wallets] == balances
