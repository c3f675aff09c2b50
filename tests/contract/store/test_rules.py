"""PolicyStore: the rules in force, and what changed of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain.parties import Leader
from remora.domain.policy import Bounds, Limits, Policy, Rulebook
from remora.domain.rules import Imported
from remora.domain.signal import Side
from remora.domain.switches import Scope
from remora.settings.policies.problems import BadRules
from remora.settings.policies.reader import policy_id
from tests.contract.store.implementations import OpenStores, Stores
from tests.contract.store.journey import Journey
from tests.contract.store.samples import NOW_US, settled, wallet
from tests.fakes.specimens import collateral

STRICT = Bounds(limits=Limits(per_day=collateral("5")))
LOOSE = Limits(exposure=collateral("1000.000001"))


def policy(follower: int, leader: int, limits: Limits = Limits()) -> Policy:  # noqa: B008  it is frozen
    pair = wallet(follower), wallet(leader)
    return Policy(policy_id=policy_id(*pair), follower=pair[0], leader=pair[1], limits=limits)


ANN, BOB, CAT = policy(1, 9), policy(2, 9), policy(1, 8)
BOOK = Rulebook(
    policies=(CAT, ANN, BOB), followers={wallet(1): STRICT}, leaders={wallet(9): STRICT}, service=Bounds(limits=LOOSE)
)


async def put(
    stores: Stores, book: Rulebook, *, replace: bool = False, add_leaders: bool = False, keep_lots: bool = False
) -> Imported:
    return await stores.policies.put(
        book, replace=replace, add_leaders=add_leaders, keep_lots=keep_lots, changed_us=NOW_US
    )


async def test_there_are_no_rules_at_first(stores: Stores) -> None:
    assert await stores.policies.rulebook() == Rulebook()
    assert await stores.policies.policy(ANN.policy_id) is None
    assert (await stores.policies.changes(0)).revision == 0


async def test_rules_are_kept_for_the_next_process(open_stores: OpenStores) -> None:
    with open_stores() as stores:
        assert await put(stores, BOOK) == Imported(added=3)
    with open_stores() as stores:
        found = await stores.policies.rulebook()
        assert found == Rulebook(
            policies=tuple(sorted(BOOK.policies, key=lambda each: each.policy_id)),
            followers=BOOK.followers,
            leaders=BOOK.leaders,
            service=BOOK.service,
        )
        assert await stores.policies.policy(CAT.policy_id) == CAT


async def test_a_second_import_adds_to_the_first(stores: Stores) -> None:
    await put(stores, Rulebook(policies=(ANN, CAT), service=STRICT))
    other = replace(ANN, limits=LOOSE)
    assert await put(stores, Rulebook(policies=(other, BOB, CAT))) == Imported(added=1, changed=1, unchanged=1)
    found = await stores.policies.rulebook()
    assert sorted(found.policies, key=str) == sorted((other, BOB, CAT), key=str)
    assert found.service == STRICT


async def test_replacing_removes_what_is_not_there(stores: Stores) -> None:
    await put(stores, BOOK)
    did = await put(stores, Rulebook(policies=(BOB,)), replace=True)
    assert did == Imported(removed=2, unchanged=1)
    assert await stores.policies.rulebook() == Rulebook(policies=(BOB,))


async def test_what_is_removed_comes_again(stores: Stores) -> None:
    await put(stores, Rulebook(policies=(ANN,)))
    await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US)
    assert await put(stores, Rulebook(policies=(ANN,))) == Imported(added=1)
    assert await stores.policies.policy(ANN.policy_id) == ANN


async def test_changes_are_what_came_after_a_revision(stores: Stores) -> None:
    await put(stores, BOOK)
    first = await stores.policies.changes(0)
    assert set(first.removed) == set()
    assert {each.policy_id for each in first.policies} == {each.policy_id for each in BOOK.policies}
    other = replace(BOB, limits=LOOSE)
    await put(stores, Rulebook(policies=(other,)))
    second = await stores.policies.changes(first.revision)
    assert (second.revision, second.policies, second.bounds) == (first.revision + 1, (other,), {})
    await put(stores, Rulebook(policies=(other,)), replace=True)
    third = await stores.policies.changes(second.revision)
    assert third.removed == {ANN.policy_id, CAT.policy_id}
    assert third.policies == ()
    assert third.bounds == {
        (Scope.SERVICE, ""): Bounds(),
        (Scope.FOLLOWER, wallet(1)): Bounds(),
        (Scope.LEADER, wallet(9)): Bounds(),
    }
    assert (await stores.policies.changes(third.revision)).revision == third.revision


async def test_the_same_rules_again_change_nothing(stores: Stores) -> None:
    await put(stores, BOOK)
    before = await stores.policies.changes(0)
    assert await put(stores, BOOK, replace=True) == Imported(unchanged=3)
    assert await stores.policies.changes(0) == before


async def test_leaders_are_registered_when_that_is_asked_for(stores: Stores) -> None:
    await stores.leaders.add_leader(Leader(wallet=wallet(9), label="nine"), added_us=NOW_US)
    assert (await put(stores, Rulebook(policies=(ANN, CAT)), add_leaders=True)).leaders == [wallet(8)]
    assert {each.wallet: each.label for each in await stores.leaders.leaders()} == {
        wallet(9): "nine",
        wallet(8): wallet(8),
    }
    assert (await put(stores, Rulebook(policies=(BOB, CAT)))).leaders == ()


async def test_bounds_go_with_the_last_policy_that_names_the_wallet(stores: Stores) -> None:
    await put(stores, BOOK)
    did = await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US)
    assert did == Imported(removed=1, unbound=[])
    did = await stores.policies.remove(BOB.policy_id, keep_lots=False, changed_us=NOW_US)
    assert did == Imported(removed=1, unbound=[wallet(9)])
    found = await stores.policies.rulebook()
    assert (found.followers, found.leaders) == (BOOK.followers, {})


async def test_a_policy_that_is_not_there_is_not_removed(stores: Stores) -> None:
    assert await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US) is None


@pytest.mark.parametrize("by_import", [True, False])
@pytest.mark.parametrize("delivered", [True, False])
async def test_a_policy_with_a_lot_or_an_entry_under_way_is_not_removed(
    stores: Stores, journey: Journey, *, by_import: bool, delivered: bool
) -> None:
    await put(stores, BOOK)
    entries = await journey.decide(ANN.policy_id)
    if delivered:
        legs = await journey.fill(entries)
        await journey.mine(legs, [settled(leg) for leg in legs])

    async def remove(*, keep_lots: bool) -> Imported | None:
        if by_import:
            return await put(stores, Rulebook(policies=(BOB,)), replace=True, keep_lots=keep_lots)
        return await stores.policies.remove(ANN.policy_id, keep_lots=keep_lots, changed_us=NOW_US)

    with pytest.raises(BadRules) as refused:
        await remove(keep_lots=False)
    (problem,) = refused.value.problems
    assert problem.place == ("policies", ANN.policy_id)
    assert problem.says.startswith("expected no shares held and no entry under way, found some in a token")
    assert len((await stores.policies.rulebook()).policies) == len(BOOK.policies)
    assert await remove(keep_lots=True) is not None
    assert await stores.policies.policy(ANN.policy_id) is None


async def test_what_was_sold_holds_no_policy(stores: Stores, journey: Journey) -> None:
    await put(stores, BOOK)
    legs = await journey.fill(await journey.decide(ANN.policy_id))
    await journey.mine(legs, [settled(leg) for leg in legs])
    exits = await journey.decide(ANN.policy_id, side=Side.SELL, size=20_000_000)
    await journey.collect(exits)
    with pytest.raises(BadRules):
        await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US)
    await journey.fill(exits)
    assert await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US) is not None


async def test_what_is_of_a_resolved_market_holds_no_policy(stores: Stores, journey: Journey) -> None:
    await put(stores, BOOK)
    entries = await journey.decide(ANN.policy_id)
    legs = await journey.fill(entries)
    await journey.mine(legs, [settled(leg) for leg in legs])
    await stores.switches.resolve({entries[0].token_id: None})
    assert await stores.policies.remove(ANN.policy_id, keep_lots=False, changed_us=NOW_US) is not None
