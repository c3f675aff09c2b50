"""What is wrong with rules is told in one way to people and to programs."""

from __future__ import annotations

import pytest

from remora.domain.ids import Address
from remora.settings.policies.problems import BadRules, Problem
from remora.settings.policies.reader import read_bounds, read_policy, read_rulebook
from tests.unit.settings.policies.texts import FOLLOWER, LEADER, OTHER, entry, file, follower, leader


def test_a_problem_has_a_place_a_line_and_what_was_expected_and_found() -> None:
    problem = Problem(place=("policies", 3, "leader"), line=7, says="expected an address, found '0x1', found again")
    assert str(problem) == "policies.3.leader (line 7): expected an address, found '0x1', found again"
    assert problem.facts() == {
        "place": "policies.3.leader",
        "line": 7,
        "expected": "an address",
        "found": "'0x1', found again",
    }


def test_what_says_nothing_of_what_was_found_and_has_no_line() -> None:
    problem = Problem(place=(), line=None, says="expected it in order")
    assert str(problem) == "file: expected it in order"
    assert problem.facts() == {"place": "", "line": None, "expected": "it in order", "found": None}


def test_problems_come_in_the_order_of_the_text() -> None:
    second, first = (Problem(place=(), line=line, says="expected one, found two") for line in (9, 2))
    refused = BadRules("rules.yaml", [second, first])
    assert refused.problems == (first, second)
    assert str(refused).splitlines()[0] == "rules.yaml has 2 problems:"


def test_only_registered_leaders_are_taken() -> None:
    text = file(entry(), entry(leader=f'"{OTHER}"'))
    assert len(read_rulebook(text, "", leaders={leader, Address(OTHER)}).policies) == 2
    with pytest.raises(BadRules) as refused:
        read_rulebook(text, "", leaders={leader})
    (problem,) = refused.value.problems
    assert (problem.place, problem.line) == (("policies", 1, "leader"), 5)
    assert problem.says == f"expected a leader of the registry (remora leaders add), found {OTHER}"


def test_bounds_may_be_of_wallets_that_policies_in_force_name() -> None:
    (policy,) = read_rulebook(file(entry()), "").policies
    text = f'leaders: {{"{LEADER}": {{limits: {{per_day: "1"}}}}}}\npolicies: []\n'
    assert list(read_rulebook(text, "", beside=[policy]).leaders) == [leader]
    with pytest.raises(BadRules, match="expected the leader of a policy"):
        read_rulebook(text, "")


def test_a_policy_and_bounds_can_stand_alone() -> None:
    text = f'{{follower: "{FOLLOWER}", leader: "{LEADER}", limits: {{per_day: "5"}}}}'
    assert read_policy(text, "").policy_id == f"{follower}:{leader}"
    assert str(read_bounds('limits: {per_day: "5"}', "").limits.per_day) == "5"
    for read in (read_policy, read_bounds):
        with pytest.raises(BadRules, match=r"limit \(line 1\): expected one of"):
            read(text.replace("limits", "limit"), "")


def test_everything_wrong_is_told_at_once_whatever_else_is_wrong_with_the_same_policy() -> None:
    spoilt = entry(leader=f'"{OTHER}"', sizing='{mode: fixed, amount: "-1", minimum: "5", maximum: "2"}')
    twin, stranger = entry(leader=f'"{OTHER}"'), "0x" + 40 * "2"
    text = file(spoilt, twin) + f'followers: {{"{stranger}": {{}}}}\n'
    with pytest.raises(BadRules) as refused:
        read_rulebook(text, "", leaders={leader})
    assert [".".join(map(str, each.place)) for each in refused.value.problems] == [
        "policies.0.leader",
        "policies.0.sizing.amount",
        "policies.0.sizing.minimum",
        "policies.1",
        "policies.1.leader",
        f"followers.{stranger}",
    ]


def test_bounds_are_nobodys_problem_while_a_policy_may_mean_their_wallet() -> None:
    text = file(entry(follower='"0x12"')) + f'followers: {{"{FOLLOWER}": {{}}}}\n'
    with pytest.raises(BadRules) as refused:
        read_rulebook(text, "")
    assert [each.place for each in refused.value.problems] == [("policies", 0, "follower")]


def test_operator_wallets_are_no_parties_of_a_policy() -> None:
    with pytest.raises(BadRules) as refused:
        read_rulebook(file(entry()), "", fleet={leader, follower})
    assert [(each.place[-1], each.says) for each in refused.value.problems] == [
        ("follower", f"expected no wallet of remora's own, found the operator wallet {follower}"),
        ("leader", f"expected no wallet of remora's own, found the operator wallet {leader}"),
    ]


def test_an_address_with_a_wrong_checksum_is_mistyped() -> None:
    mistyped = "0x335Ac48637a3bC37C2eaC9E0C9799c32b3cDa494"
    with pytest.raises(BadRules, match=r"policies.0.follower \(line 2\): expected an address whose capitals match"):
        read_rulebook(file(entry(follower=f'"{mistyped}"')), "")
