"""The fleet: no wallet in two hands, no float promised twice, nobody forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from remora.domain.ids import Address
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.execute.fleet import Fleet, NoneFree
from tests.fakes.specimens import collateral, wallet


async def fleet_of(*balances: str) -> Fleet:
    fleet = Fleet([wallet(n) for n in range(len(balances))])
    for n, balance in enumerate(balances):
        await fleet.enlist(wallet(n), collateral(balance))
    return fleet


async def taken(fleet: Fleet, key: str, amount: str = "1", *, only: Address | None = None) -> Address:
    """Check a wallet out and in again."""
    async with fleet.checkout(key, collateral(amount), only=only, wait_s=0.05) as found:
        return found


async def test_a_wallet_is_never_in_two_hands() -> None:
    fleet = await fleet_of(*["100"] * 20)
    hands: Counter[Address] = Counter()
    served: Counter[Address] = Counter()

    async def copy(number: int) -> None:
        async with fleet.checkout(f"copy-{number}", collateral("1")) as found:
            hands[found] += 1
            assert hands[found] == 1
            for _ in range(number % 3):
                await asyncio.sleep(0)
            hands[found] -= 1
            served[found] += 1

    async with asyncio.TaskGroup() as copies:
        for number in range(1000):
            copies.create_task(copy(number))
    assert served.total() == 1000
    assert len(served) == 20
    assert all(fleet.free_float(each) == collateral("100") for each in fleet.wallets)


async def test_float_is_never_promised_twice() -> None:
    """Each order spends what it was promised, as a crowd of copies would."""
    fleet = await fleet_of(*["10"] * 4)
    spent: Counter[Address] = Counter()

    async def copy(number: int) -> bool:
        try:
            async with fleet.checkout(f"copy-{number}", collateral("3"), wait_s=0.01) as found:
                await asyncio.sleep(0)
                fleet.rekey(f"copy-{number}", f"order-{number}")
                spent[found] += 3
        except NoneFree:
            return False
        return True

    served = await asyncio.gather(*(copy(number) for number in range(100)))
    assert served.count(True) == 12  # 4 wallets with 10 each promise 3 three times
    assert set(spent.values()) == {9}
    assert {fleet.free_float(each) for each in fleet.wallets} == {collateral("1")}


async def test_the_least_recently_used_wallet_is_next() -> None:
    fleet = await fleet_of("10", "10", "10")
    assert [await taken(fleet, f"{n}") for n in range(5)] == [wallet(0), wallet(1), wallet(2), wallet(0), wallet(1)]
    async with fleet.checkout("slow", collateral("1")) as slow:
        assert slow == wallet(2)
        assert await taken(fleet, "fast") == wallet(0)
        assert await taken(fleet, "faster") == wallet(1)
    assert [await taken(fleet, f"{n}") for n in range(3)] == [wallet(0), wallet(1), wallet(2)]


async def test_a_wallet_without_enough_float_is_passed_over() -> None:
    fleet = await fleet_of("1", "10", "2")
    assert await taken(fleet, "large", "5") == wallet(1)
    assert await taken(fleet, "small", "2") == wallet(2)
    assert await taken(fleet, "exact", "10") == wallet(1)
    with pytest.raises(NoneFree, match=r"no operator wallet had 10\.000001 of free float within"):
        await taken(fleet, "too large", "10.000001")


async def test_a_promise_ends_with_the_checkout_unless_it_became_an_orders() -> None:
    fleet = await fleet_of("10")
    async with fleet.checkout("block", collateral("4")):
        assert fleet.free_float(wallet(0)) == collateral("6")
    assert fleet.free_float(wallet(0)) == collateral("10")
    async with fleet.checkout("block", collateral("4")):
        fleet.rekey("block", "order")
    assert fleet.free_float(wallet(0)) == collateral("6")
    await fleet.release("order")
    assert fleet.free_float(wallet(0)) == collateral("10")


async def test_a_failure_inside_returns_wallet_and_float() -> None:
    fleet = await fleet_of("10")
    with pytest.raises(ZeroDivisionError):
        async with fleet.checkout("block", collateral("4")):
            raise ZeroDivisionError
    assert await taken(fleet, "next", "10") == wallet(0)


async def test_a_cancelled_holder_returns_wallet_and_float() -> None:
    fleet = await fleet_of("10")

    async def hold() -> None:
        async with fleet.checkout("block", collateral("4")):
            await asyncio.Event().wait()

    holder = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    assert fleet.free_float(wallet(0)) == collateral("6")
    holder.cancel()
    assert await taken(fleet, "next", "10") == wallet(0)


async def test_a_cancelled_waiter_takes_nothing_along() -> None:
    fleet = await fleet_of("10")
    async with fleet.checkout("first", collateral("1")):
        waiter = asyncio.ensure_future(taken(fleet, "second"))
        await asyncio.sleep(0)
        waiter.cancel()
    assert await taken(fleet, "third", "10") == wallet(0)


@pytest.mark.parametrize("event", ["checkin", "release", "update", "enlist"])
async def test_who_waits_is_woken(event: str) -> None:
    fleet = await fleet_of("10")
    async with AsyncExitStack() as hand:
        if event == "checkin":
            await hand.enter_async_context(fleet.checkout("first", collateral("1")))
        elif event == "release":
            fleet.hold("order", wallet(0), collateral("10"))
        elif event == "update":
            await fleet.update(wallet(0), ZERO_COLLATERAL)
        else:
            fleet.dismiss(wallet(0))
        waiter = asyncio.ensure_future(taken(fleet, "second", "5"))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiter.done()
        if event == "release":
            await fleet.release("order")
        elif event == "update":
            await fleet.update(wallet(0), collateral("5"))
        elif event == "enlist":
            await fleet.enlist(wallet(0), collateral("5"))
    assert await waiter == wallet(0)


async def test_an_exit_waits_for_the_wallet_that_has_its_shares() -> None:
    fleet = await fleet_of("10", "10")
    assert await taken(fleet, "exit", "0", only=wallet(1)) == wallet(1)
    async with fleet.checkout("busy", collateral("1"), only=wallet(1)):
        with pytest.raises(NoneFree):
            await taken(fleet, "exit", "0", only=wallet(1))
        assert await taken(fleet, "entry") == wallet(0)


async def test_a_wallet_without_float_still_sells() -> None:
    fleet = await fleet_of("0")
    assert await taken(fleet, "exit", "0") == wallet(0)
    with pytest.raises(NoneFree):
        await taken(fleet, "entry", "0.000001")


async def test_a_wallet_that_fails_is_out_and_the_others_go_on() -> None:
    fleet = await fleet_of("10", "10", "10")
    fleet.dismiss(wallet(1))
    assert fleet.ready == (wallet(0), wallet(2))
    assert fleet.wallets == (wallet(0), wallet(1), wallet(2))
    assert {await taken(fleet, f"{n}") for n in range(6)} == {wallet(0), wallet(2)}
    await fleet.enlist(wallet(1), collateral("10"))
    assert len(fleet.ready) == 3


async def test_a_wallet_that_is_dismissed_while_it_is_out_does_not_come_back() -> None:
    fleet = await fleet_of("10", "10")
    async with fleet.checkout("block", collateral("1"), only=wallet(0)):
        fleet.dismiss(wallet(0))
    assert {await taken(fleet, f"{n}") for n in range(4)} == {wallet(1)}


async def test_promises_survive_a_restart() -> None:
    """What an earlier process promised is held before its wallet is known to work."""
    fleet = Fleet([wallet(0)])
    fleet.hold("order", wallet(0), collateral("7"))
    fleet.hold("order", wallet(0), collateral("4"))  # the same key again replaces the promise
    await fleet.enlist(wallet(0), collateral("10"))
    assert fleet.free_float(wallet(0)) == collateral("6")
    await fleet.release("order")
    await fleet.release("order")
    await fleet.release("never promised")
    assert fleet.free_float(wallet(0)) == collateral("10")


async def test_the_largest_order_is_what_the_richest_ready_wallet_has() -> None:
    fleet = await fleet_of("10", "30", "20")
    fleet.hold("order", wallet(1), collateral("25"))
    assert fleet.largest_balance() == collateral("30")
    fleet.dismiss(wallet(1))
    assert fleet.largest_balance() == collateral("20")
    assert Fleet([wallet(0)]).largest_balance() == Collateral(0)
