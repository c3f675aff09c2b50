"""The index of policies by leader, while rules change."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from remora.dispatch.matching import RulesInForce, by_leader
from remora.domain.ids import Address
from remora.domain.policy import Bounds, Limits, Policy, Rulebook
from remora.domain.rules import RuleChanges
from remora.domain.switches import Scope
from remora.domain.usage import SERVICE
from remora.settings.policies.reader import policy_id
from tests.fakes.specimens import collateral

LEADER, OTHER = Address("0x" + 40 * "a"), Address("0x" + 40 * "b")


def policy(number: int, leader: Address = LEADER, *, most: str = "1") -> Policy:
    follower = Address(f"0x{number:040x}")
    limits = Limits(per_trade=collateral(most))
    return Policy(policy_id=policy_id(follower, leader), follower=follower, leader=leader, limits=limits)


def test_changes_replace_add_and_remove() -> None:
    rules = RulesInForce()
    assert rules.take_up(RuleChanges(revision=1, policies=(policy(2), policy(1), policy(1, OTHER))))
    assert dict(rules) == {LEADER: (policy(1), policy(2)), OTHER: (policy(1, OTHER),)}
    other = policy(2, most="9")
    gone = frozenset({policy(1, OTHER).policy_id, policy(7).policy_id})
    assert rules.take_up(RuleChanges(revision=3, policies=(other, policy(3)), removed=gone))
    assert dict(rules) == {LEADER: (policy(1), other, policy(3))}
    assert rules.revision == 3


def test_what_is_known_is_not_taken_up_again() -> None:
    rules = RulesInForce()
    rules.take_up(RuleChanges(revision=2, policies=(policy(1, most="2"),)))
    for late in (1, 2):
        assert not rules.take_up(RuleChanges(revision=late, policies=(policy(1),)))
    assert rules[LEADER] == (policy(1, most="2"),)


def test_who_looked_a_leader_up_keeps_what_was_in_force() -> None:
    rules = RulesInForce()
    rules.take_up(RuleChanges(revision=1, policies=(policy(1),)))
    under_way = rules[LEADER]
    rules.take_up(RuleChanges(revision=2, removed=frozenset({policy(1).policy_id})))
    assert under_way == (policy(1),)
    assert LEADER not in rules


def test_leaders_that_nothing_changed_of_are_not_touched() -> None:
    rules = RulesInForce()
    rules.take_up(RuleChanges(revision=1, policies=(policy(1), policy(1, OTHER))))
    before = rules[OTHER]
    rules.take_up(RuleChanges(revision=2, policies=(policy(2),)))
    assert rules[OTHER] is before


@given(st.lists(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), max_size=5), max_size=6))
def test_changes_in_steps_are_the_same_as_all_at_once(steps: list[list[tuple[int, bool, bool]]]) -> None:
    rules, expected = RulesInForce(), dict[str, Policy]()
    for revision, step in enumerate(steps, start=1):
        edits = {
            each.policy_id: (each, removed)
            for number, other, removed in step
            for each in [replace(policy(number, OTHER if other else LEADER, most=str(revision)))]
        }
        put = {each: found for each, (found, removed) in edits.items() if not removed}
        gone = frozenset(each for each, (_, removed) in edits.items() if removed)
        rules.take_up(RuleChanges(revision=revision, policies=tuple(put.values()), removed=gone))
        expected = {each: found for each, found in (expected | put).items() if each not in gone}
    assert dict(rules) == by_leader(sorted(expected.values(), key=lambda each: each.policy_id))


def test_the_rulebook_is_what_all_changes_make() -> None:
    rules = RulesInForce()
    strict, loose = (Bounds(limits=Limits(per_day=collateral(most))) for most in ("1", "9"))
    bounds = {(Scope.FOLLOWER, "0x1"): strict, (Scope.LEADER, LEADER): strict, SERVICE: strict}
    rules.take_up(RuleChanges(revision=1, policies=(policy(1),), bounds=bounds))
    before = rules.rulebook
    assert before == Rulebook(
        policies=(policy(1),), followers={Address("0x1"): strict}, leaders={LEADER: strict}, service=strict
    )
    rules.take_up(RuleChanges(revision=2, bounds={(Scope.LEADER, LEADER): Bounds(), (Scope.FOLLOWER, "0x2"): loose}))
    assert rules.rulebook == replace(before, followers={Address("0x1"): strict, Address("0x2"): loose}, leaders={})
    assert rules.policy(policy(1).policy_id) == policy(1)
    rules.take_up(RuleChanges(revision=3, removed=frozenset({policy(1).policy_id}), bounds={SERVICE: Bounds()}))
    assert (rules.rulebook.policies, rules.rulebook.service) == ((), Bounds())
    assert rules.policy(policy(1).policy_id) is None
