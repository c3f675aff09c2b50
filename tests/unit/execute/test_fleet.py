"""The fleet: no wallet in two hands, no float promised twice, nobody forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from remora.domain.fleet import WalletState
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
            async with fleet.checkout(f"copy-{number}", collateral("3"), wait_s=1) as found:
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


async def test_a_large_float_is_not_starved_by_small_ones() -> None:
    """Small copies keep promising what is free; from when somebody wants all of it, those who come later wait."""
    fleet = await fleet_of("100", "30")
    for number in range(2):
        async with fleet.checkout(f"small-{number}", collateral("40"), only=wallet(0)):
            fleet.rekey(f"small-{number}", f"order-{number}")
    large = asyncio.ensure_future(taken_patiently(fleet, "large", "100"))
    later = [asyncio.ensure_future(taken_patiently(fleet, f"later-{n}", "20")) for n in range(3)]
    await asyncio.sleep(0)
    assert [await each for each in later] == [wallet(1)] * 3  # those that the other wallet serves do not wait
    blocked = asyncio.ensure_future(taken_patiently(fleet, "blocked", "31"))
    await fleet.release("order-0")  # 60 are free: enough for the later one, who stays behind
    await asyncio.sleep(0)
    assert not large.done()
    assert not blocked.done()
    await fleet.release("order-1")
    assert await large == wallet(0)
    assert await blocked == wallet(0)


async def test_who_wants_more_than_any_wallet_ever_had_holds_up_nobody() -> None:
    fleet = await fleet_of("10")
    too_large = asyncio.ensure_future(taken_patiently(fleet, "too large", "11"))
    await asyncio.sleep(0)
    assert await taken(fleet, "small", "10") == wallet(0)
    too_large.cancel()


async def test_an_exit_passes_who_waits_for_float() -> None:
    fleet = await fleet_of("10")
    fleet.hold("order", wallet(0), collateral("5"))
    entry = asyncio.ensure_future(taken_patiently(fleet, "entry", "10"))
    await asyncio.sleep(0)
    assert await taken(fleet, "exit", "0", only=wallet(0)) == wallet(0)
    assert await taken(fleet, "collection", "0") == wallet(0)
    entry.cancel()


async def test_a_retired_wallet_finishes_what_it_has_and_gets_nothing_new() -> None:
    fleet = await fleet_of("10", "10")
    async with fleet.checkout("before", collateral("1"), only=wallet(0)):
        fleet.assign(fleet.wallets, {wallet(0): "retired by hand"})
        assert fleet.state(wallet(0)) == (WalletState.RETIRED, "retired by hand")
    assert fleet.ready == (wallet(1),)
    assert {await taken(fleet, f"{n}") for n in range(3)} == {wallet(1)}
    assert await taken(fleet, "exit", "0", only=wallet(0)) == wallet(0)
    waiter = asyncio.ensure_future(taken_patiently(fleet, "next", "10"))
    async with fleet.checkout("busy", collateral("10"), only=wallet(1)):
        await asyncio.sleep(0)
        fleet.assign(fleet.wallets, {})
        assert await waiter == wallet(0)


async def test_a_wallet_that_cannot_pay_for_a_settlement_is_passed_over_until_it_can() -> None:
    fleet = await fleet_of("10", "10")
    fleet.note_low_gas([wallet(0)])
    assert fleet.state(wallet(0))[0] is WalletState.LOW_GAS
    assert {await taken(fleet, f"{n}") for n in range(3)} == {wallet(1)}
    fleet.note_low_gas([])
    assert await taken(fleet, "again") == wallet(0)


async def test_a_wallet_that_comes_back_while_it_is_out_is_in_one_hand() -> None:
    fleet = await fleet_of("10")
    async with fleet.checkout("first", collateral("1")):
        fleet.dismiss(wallet(0), "its key was refused")
        assert fleet.state(wallet(0)) == (WalletState.UNHEALTHY, "its key was refused")
        await fleet.enlist(wallet(0), collateral("10"))
        assert fleet.state(wallet(0))[0] is WalletState.BUSY
        with pytest.raises(NoneFree):
            await taken(fleet, "second")
    assert await taken(fleet, "third") == wallet(0)


async def test_a_fleet_grows() -> None:
    fleet = Fleet([wallet(0)], low_float=collateral("2"))
    await fleet.enlist(wallet(0), collateral("10"))
    waiter = asyncio.ensure_future(taken_patiently(fleet, "second", "5"))
    async with fleet.checkout("first", collateral("6")):
        fleet.assign([wallet(0), wallet(1)], {})
        assert fleet.missing == (wallet(1),)
        assert fleet.state(wallet(1)) == (WalletState.UNHEALTHY, "not looked at yet")
        await fleet.enlist(wallet(1), collateral("5"))
    assert await waiter in fleet.wallets
    await fleet.update(wallet(1), collateral("1.999999"))
    assert fleet.state(wallet(1))[0] is WalletState.LOW_FLOAT
    assert fleet.state(wallet(0)) == (WalletState.READY, "")


async def taken_patiently(fleet: Fleet, key: str, amount: str) -> Address:
    """Check a wallet out and in again, however long it takes."""
    async with fleet.checkout(key, collateral(amount)) as found:
        return found


async def test_exits_are_served_before_entries_and_each_in_the_order_in_which_it_came() -> None:
    fleet, served = await fleet_of("10"), list[str]()

    async def copy(name: str, *, urgent: bool) -> None:
        async with fleet.checkout(name, collateral("1"), urgent=urgent):
            await asyncio.sleep(0)
            served.append(name)

    async with asyncio.TaskGroup() as copies, fleet.checkout("holder", collateral("1")):
        for name in ("entry 1", "entry 2", "exit 1", "exit 2"):
            copies.create_task(copy(name, urgent=name.startswith("exit")))
        await asyncio.sleep(0)
        assert fleet.waiting == (2, 2)
    assert served == ["exit 1", "exit 2", "entry 1", "entry 2"]


async def test_who_can_use_no_idle_wallet_holds_nobody_up() -> None:
    fleet = await fleet_of("1")
    large = asyncio.ensure_future(taken(fleet, "large", "2"))
    await asyncio.sleep(0)
    assert fleet.waiting == (0, 1)
    assert await taken(fleet, "small") == wallet(0)
    await fleet.update(wallet(0), collateral("2"))
    assert await large == wallet(0)
    assert fleet.waiting == (0, 0)


async def test_who_is_cancelled_right_when_served_gives_the_wallet_back() -> None:
    fleet = await fleet_of("10")
    async with fleet.checkout("first", collateral("1")):
        second = asyncio.ensure_future(taken(fleet, "second", "10"))
        await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await taken(fleet, "third", "10") == wallet(0)
