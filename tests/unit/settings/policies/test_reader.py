"""The policy file is used whole or not at all, and every problem has its place and its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remora.devnet.accounts import Role, on_demand, scripted
from remora.domain.errors import Malformed
from remora.domain.policy import (
    Bounds,
    ExitMode,
    Filters,
    Limits,
    Listed,
    OrderMode,
    Orders,
    Policy,
    Protections,
    Rulebook,
    Sizing,
    SizingMode,
    Tier,
)
from remora.domain.signal import Side, SignalKind
from remora.settings.policies.reader import policy_id, read_policy_file, read_rulebook
from tests.fakes.specimens import collateral, price, ratio
from tests.unit.settings.policies.texts import FOLLOWER, LEADER, OTHER, entry, file, follower, leader


def policy(**fields: Any) -> Policy:
    return Policy(policy_id=policy_id(follower, leader), follower=follower, leader=leader, **fields)


def problems(text: str) -> list[str]:
    with pytest.raises(Malformed) as refused:
        read_rulebook(text, "policies.yaml")
    heading, *lines = str(refused.value).splitlines()
    count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
    assert heading == f"policies.yaml has {count}:"
    return [line.strip() for line in lines]


def test_a_short_policy_has_defaults() -> None:
    assert read_rulebook(file(entry()), "") == Rulebook(policies=(policy(),))


def test_every_section_is_read() -> None:
    (rules,) = read_rulebook(
        file(
            entry(
                sizing='{mode: tiers, tiers: [{above: 0, multiplier: "0.1"}, {above: 500, multiplier: "0.02"}]}',
                exits="{mode: all, kinds: [trade, merge], max_slippage_bps: 1000}",
                filters='{sides: [BUY], max_odds: "0.85", outcomes: {allow: [yes, No]}, tags: {refuse: [" NBA "]}}',
                limits='{per_day: "12.5", open_positions: 3}',
                protections="{losses_in_row: 3, cool_down_s: 60}",
                orders="{kind: gtd, rest_s: 60}",
            )
        ),
        "",
    ).policies
    tiers = (
        Tier(above=collateral("0"), multiplier=ratio("0.1")),
        Tier(above=collateral("500"), multiplier=ratio("0.02")),
    )
    assert rules.sizing == Sizing(mode=SizingMode.TIERS, tiers=tiers)
    assert (rules.exits.mode, rules.exits.max_slippage_bps) == (ExitMode.ALL, 1000)
    assert rules.exits.kinds == {SignalKind.TRADE, SignalKind.MERGE}
    assert rules.filters == Filters(
        sides=frozenset({Side.BUY}),
        max_odds=price("0.85"),
        outcomes=Listed(allow=("yes", "no")),  # bare yes and no are words, not truths
        tags=Listed(refuse=("nba",)),
    )
    assert rules.limits == Limits(per_day=collateral("12.5"), open_positions=3)
    assert rules.protections == Protections(losses_in_row=3, cool_down_s=60)
    assert rules.orders == Orders(kind=OrderMode.GTD, rest_s=60)


def test_bounds_of_the_service_of_leaders_and_of_followers() -> None:
    book = read_rulebook(
        f"""
        service: {{limits: {{exposure: "1000"}}, protections: {{max_depeg_bps: 100}}}}
        leaders: {{"{LEADER}": {{limits: {{per_day: 5}}}}}}
        followers: {{"{FOLLOWER}": {{protections: {{daily_loss: "0.5"}}}}}}
        policies: [{{follower: "{FOLLOWER}", leader: "{LEADER}"}}]
        """,
        "",
    )
    assert book.service == Bounds(
        limits=Limits(exposure=collateral("1000")), protections=Protections(max_depeg_bps=100)
    )
    assert book.leaders == {leader: Bounds(limits=Limits(per_day=collateral("5")))}
    assert book.followers == {follower: Bounds(protections=Protections(daily_loss=collateral("0.5")))}


def test_no_policies_is_a_file_too() -> None:
    assert read_rulebook("policies: []\n", "") == Rulebook()


def test_json_is_a_policy_file_too() -> None:
    text = f'{{"policies": [{{"follower": "{FOLLOWER}", "leader": "{LEADER}", "sizing": {{"multiplier": "2"}}}}]}}'
    assert read_rulebook(text, "") == Rulebook(policies=(policy(sizing=Sizing(multiplier=ratio("2"))),))


@pytest.mark.parametrize(
    ("section", "fields", "problem"),
    [
        # amounts
        (
            "limits",
            "{per_day: 10.5}",
            'limits.per_day (line 4): expected the number in quotes, "10.5", found a floating',
        ),
        (
            "limits",
            '{per_day: "ten"}',
            "limits.per_day (line 4): expected a number from 0 to 1000000000000, found 'ten'",
        ),
        ("limits", '{per_day: "-5"}', "limits.per_day (line 4): expected a number from 0 to 1000000000000, found -5"),
        (
            "limits",
            '{per_day: "nan"}',
            "limits.per_day (line 4): expected a number from 0 to 1000000000000, found 'nan'",
        ),
        (
            "limits",
            "{per_day: .inf}",
            "limits.per_day (line 4): expected a number from 0 to 1000000000000, found '.inf'",
        ),
        (
            "limits",
            '{per_day: "1e3"}',
            "limits.per_day (line 4): expected a number from 0 to 1000000000000, found '1e3'",
        ),
        ("limits", '{per_day: "1_000"}', "expected a number from 0 to 1000000000000, found '1_000'"),
        ("limits", "{per_day: 0x10}", "expected a number from 0 to 1000000000000, found '0x10'"),
        ("limits", "{per_day: true}", "expected a number from 0 to 1000000000000, found 'true'"),
        ("limits", "{per_day: null}", "expected a number from 0 to 1000000000000, found nothing"),
        ("limits", '{per_day: ["5"]}', "expected a number from 0 to 1000000000000, found a list"),
        ("limits", '{per_day: "0.0000001"}', "limits.per_day (line 4): expected at most 6 decimals, found '0.0000001'"),
        (
            "limits",
            '{per_day: "1000000000000.000001"}',
            "expected a number from 0 to 1000000000000, found 1000000000000.",
        ),
        ("sizing", '{mode: fixed, amount: "0"}', "sizing.amount (line 4): expected a number above 0 and up to"),
        (
            "sizing",
            '{multiplier: "0"}',
            "sizing.multiplier (line 4): expected a number above 0 and up to 1000000, found 0",
        ),
        # odds
        ("filters", '{max_odds: "1.01"}', "filters.max_odds (line 4): expected odds above 0 and up to 1, found 1.01"),
        ("filters", '{min_odds: "-0.1"}', "filters.min_odds (line 4): expected odds from 0 to 1, found -0.1"),
        ("filters", '{max_spread: "2"}', "filters.max_spread (line 4): expected odds from 0 to 1, found 2"),
        # whole numbers
        ("limits", "{open_positions: 1.5}", "expected a whole number from 0 to 1000000000, found '1.5'"),
        ("limits", '{open_positions: "3"}', "expected a whole number from 0 to 1000000000, found '3'"),
        ("limits", "{open_positions: -1}", "expected a whole number from 0 to 1000000000, found '-1'"),
        ("limits", "{open_positions: 010}", "expected a whole number from 0 to 1000000000, found '010'"),
        ("exits", "{max_slippage_bps: 10001}", "expected a whole number from 0 to 10000, found '10001'"),
        ("filters", "{max_signal_age_s: 0}", "expected a whole number from 1 to 1000000000, found '0'"),
        # words
        (
            "sizing",
            "{mode: percentage}",
            "sizing.mode (line 4): expected one of fixed, multiplier, proportional, tiers",
        ),
        (
            "filters",
            "{sides: []}",
            "filters.sides (line 4): expected a list of at least one of BUY, SELL, found an empty",
        ),
        ("filters", "{sides: [BUY, BUY]}", "filters.sides (line 4): expected each once, found BUY more than once"),
        (
            "filters",
            "{sides: BUY}",
            "filters.sides (line 4): expected a list of at least one of BUY, SELL, found 'BUY'",
        ),
        ("filters", "{sides: [buy]}", "filters.sides (line 4): expected one of BUY, SELL, found 'buy'"),
        (
            "filters",
            "{tags: {allow: [a, A]}}",
            "filters.tags.allow (line 4): expected each once, found a more than once",
        ),
        ("filters", '{tags: {allow: [" "]}}', "filters.tags.allow (line 4): expected words, found an empty one"),
        ("filters", "{tags: {allow: [[a]]}}", "filters.tags.allow (line 4): expected a word, found a list"),
        ("filters", "{tags: [a]}", "filters.tags (line 4): expected fields, found a list"),
        ("sizing", '{accumulate: "true"}', "sizing.accumulate (line 4): expected true or false, found 'true'"),
        ("sizing", "{accumulate: yes}", "sizing.accumulate (line 4): expected true or false, found 'yes'"),
        ("sizing", "", "sizing (line 4): expected fields, found nothing"),
        # names
        (
            "limits",
            "{per_dya: 5}",
            "limits.per_dya (line 4): expected one of per_trade, per_market, per_leader, per_day",
        ),
        (
            "colour",
            "red",
            "colour (line 4): expected one of follower, leader, sizing, exits, orders, filters, limits",
        ),
        ("limits", "{per_day: 5, per_day: 6}", "limits.per_day (line 4): expected it once, found it again"),
        ("limits", "{[per_day]: 5}", "limits.a list (line 4): expected one of per_trade"),
    ],
)
def test_a_problem_is_named_with_its_place_and_line(section: str, fields: str, problem: str) -> None:
    (line,) = problems(file(entry(**{section: fields})))
    assert line.startswith("policies.0.")
    assert problem in line


@pytest.mark.parametrize(
    ("section", "fields", "problem"),
    [
        ("sizing", "{mode: fixed}", "sizing.amount (line 4): expected one with mode fixed, found none"),
        ("sizing", "{amount: 5}", "sizing.amount (line 4): expected none with mode multiplier: it is for mode fixed"),
        ("sizing", "{mode: tiers}", "sizing.tiers (line 4): expected one with mode tiers, found none"),
        ("sizing", "{tiers: [{above: 0, multiplier: 1}]}", "sizing.tiers (line 4): expected none with mode multiplier"),
        (
            "sizing",
            "{mode: fixed, amount: 5, multiplier: 2}",
            "sizing.multiplier (line 4): expected none with mode fixed",
        ),
        (
            "sizing",
            "{mode: tiers, tiers: [{above: 5, multiplier: 1}, {above: 5, multiplier: 2}]}",  # twice
            "sizing.tiers (line 4): expected each `above` to be above the one before",
        ),
        (
            "sizing",
            "{mode: tiers, tiers: [{above: 5, multiplier: 1}, {above: 4, multiplier: 2}]}",  # unsorted
            "sizing.tiers (line 4): expected each `above` to be above the one before",
        ),
        (
            "sizing",
            "{mode: tiers, tiers: [{above: 5}]}",
            "sizing.tiers.0.multiplier (line 4): expected a value, found none",
        ),
        ("sizing", "{minimum: 5, maximum: 4}", "sizing.minimum (line 4): expected at most the maximum of 4, found 5"),
        (
            "filters",
            '{min_odds: "0.5", max_odds: "0.4"}',
            "filters.min_odds (line 4): expected at most the max_odds of 0.4, found 0.5",
        ),
        (
            "filters",
            "{min_days_to_resolution: 9, max_days_to_resolution: 8}",
            "filters.min_days_to_resolution (line 4): expected at most the max_days_to_resolution of 8, found 9",
        ),
        (
            "filters",
            "{tags: {allow: [a, b], refuse: [B]}}",
            "filters.tags.refuse (line 4): expected other words than in allow, found b in both",
        ),
        (
            "protections",
            "{cool_down_s: 60}",
            "protections.cool_down_s (line 4): expected losses_in_row with it, found none",
        ),
        ("orders", "{kind: gtd}", "orders.rest_s (line 4): expected how long a gtd order rests, found none"),
        ("orders", "{kind: fok, rest_s: 9}", "orders.rest_s (line 4): expected none with kind fok, found 9"),
        ("leader", f'"{FOLLOWER}"', "leader (line 3): expected somebody else than the follower, found the same wallet"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(section: str, fields: str, problem: str) -> None:
    (line,) = problems(file(entry(**{section: fields})))
    assert line.startswith(f"policies.0.{problem}")


def test_all_problems_are_told_together_in_the_order_of_the_file() -> None:
    found = problems(
        'service: {limits: {per_day: "x"}}\n'
        + file(
            entry(filters='{max_odds: 0.5, colour: red, tags: {allow: ""}}', limits="{per_day: -1}"),
            entry(leader=f'"{OTHER}"'),
            entry(follower='"nobody"', leader=LEADER, sizing="{mode: other}"),
        )
        + f'leaders: {{"{OTHER}": {{limit: {{}}}}, "": {{}}}}\n'
    )
    assert [line.split(": ")[0] for line in found] == [
        "service.limits.per_day (line 1)",
        "policies.0.filters.colour (line 5)",
        "policies.0.filters.max_odds (line 5)",
        "policies.0.filters.tags.allow (line 5)",
        "policies.0.limits.per_day (line 6)",
        "policies.2.follower (line 9)",
        "policies.2.leader (line 10)",
        "policies.2.sizing.mode (line 11)",
        f"leaders.{OTHER}.limit (line 12)",
        "leaders. (line 12)",
    ]


@pytest.mark.parametrize(
    ("section", "fields", "places"),
    [
        # beside what is wrong with others, the good ones are held against each other
        ("sizing", "{minimum: 5, maximum: 4, colour: red}", ["sizing.colour", "sizing.minimum"]),
        ("sizing", "{minimum: 5, maximum: 4, accumulate: 1}", ["sizing.accumulate", "sizing.minimum"]),
        ("sizing", "{amount: 5, minimum: -1}", ["sizing.amount", "sizing.minimum"]),
        ("sizing", "{mode: tiers, minimum: x}", ["sizing.minimum", "sizing.tiers"]),
        ("filters", "{tags: {allow: [a], refuse: [a], deny: []}}", ["filters.tags.deny", "filters.tags.refuse"]),
        ("filters", '{min_odds: "0.5", max_odds: "0.4", depth: x}', ["filters.depth", "filters.min_odds"]),
        ("orders", "{kind: gtd, rest: 9}", ["orders.rest", "orders.rest_s"]),
        ("protections", "{cool_down_s: 9, stop_loss: 0}", ["protections.cool_down_s", "protections.stop_loss"]),
        ("leader", f'"{FOLLOWER}"\n    limits: {{per_day: x}}', ["leader", "limits.per_day"]),
        # one that could not be read, or comes twice, contradicts nothing
        ("sizing", "{minimum: 5, maximum: x}", ["sizing.maximum"]),
        ("sizing", "{minimum: 5, maximum: 9, maximum: 4}", ["sizing.maximum"]),
        ("sizing", "{mode: other, amount: 5}", ["sizing.mode"]),
        ("sizing", "{mode: fixed, amount: x}", ["sizing.amount"]),
        ("sizing", "{mode: fixed, multiplier: 2, amount: x}", ["sizing.amount", "sizing.multiplier"]),
        ("sizing", "{mode: tiers, tiers: [{above: 5}, {above: 4, multiplier: 1}]}", ["sizing.tiers.0.multiplier"]),
        ("filters", "{tags: {allow: [a, a], refuse: [a]}}", ["filters.tags.allow"]),
        ("orders", "{kind: other, rest_s: 9}", ["orders.kind"]),
        ("protections", "{losses_in_row: 0, cool_down_s: 9}", ["protections.losses_in_row"]),
        ("leader", "[]", ["leader"]),
    ],
)
def test_contradictions_are_told_beside_other_problems(section: str, fields: str, places: list[str]) -> None:
    found = problems(file(entry(**{section: fields})))
    assert sorted(line.split(" ")[0] for line in found) == [f"policies.0.{place}" for place in places]


def test_a_policy_of_which_something_is_wrong_still_names_its_wallets() -> None:
    bad = entry(limits="{per_day: x}")
    assert problems(file(entry(), bad) + f'leaders: {{"{LEADER}": {{}}, "{OTHER}": {{}}}}\n') == [
        "policies.1 (line 4): expected one policy for each pair, found follower and leader of policies.0",
        "policies.1.limits.per_day (line 6): expected a number from 0 to 1000000000000, found 'x'",
        f"leaders.{OTHER} (line 7): expected the leader of a policy, found an address that no policy names",
    ]


@pytest.mark.parametrize(
    "policies",
    [
        "policies: x\n",
        "policies: []\npolicies: []\n",
        file(entry(leader="[]")),
        file(f'  - {{follower: "{FOLLOWER}"}}\n'),
    ],
)
def test_where_a_policys_leader_cannot_be_read_no_leader_is_called_a_stranger(policies: str) -> None:
    (line,) = problems(f'leaders: {{"{OTHER}": {{}}}}\n' + policies)
    assert line.startswith("policies")


def test_two_policies_for_one_pair_are_refused_whatever_their_case() -> None:
    twin = entry(follower=f'"{FOLLOWER.lower().replace("0x", "0X")}"')
    assert problems(file(entry(), entry(leader=f'"{OTHER}"'), twin)) == [
        "policies.2 (line 6): expected one policy for each pair, found follower and leader of policies.0"
    ]


def test_bounds_of_one_wallet_twice_are_refused_whatever_its_case() -> None:
    assert problems(f'leaders: {{"{LEADER}": {{}}, "{leader}": {{}}}}\n' + file(entry())) == [
        f"leaders.{leader} (line 1): expected each wallet once, found it again"
    ]


def test_bounds_of_somebody_whom_no_policy_names_are_refused() -> None:
    """A mistyped address must not loosen a limit in silence."""
    text = file(entry()) + f'leaders: {{"{FOLLOWER}": {{}}}}\nfollowers:\n  "{LEADER}": {{}}\n'
    assert problems(text) == [
        f"leaders.{follower} (line 4): expected the leader of a policy, found an address that no policy names",
        f"followers.{leader} (line 6): expected the follower of a policy, found an address that no policy names",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policies:\n", "policies (line 1): expected a list of policies, found nothing"),
        ("- follower: x\n", "file (line 1): expected fields, found a list"),
        (
            "policies: []\nstrategies: []\n",
            "strategies (line 2): expected one of service, leaders, followers, policies",
        ),
        ("service: {}\n", "policies (line 1): expected a list of policies, found none"),
        ("policies:\n  - fixed\n", "policies.0 (line 2): expected fields, found 'fixed'"),
        ("policies: []\npolicies: []\n", "policies (line 2): expected it once, found it again"),
        ("policies: []\nleaders: []\n", "leaders (line 2): expected fields, found a list"),
        ("policies: []\nservice: {limits: [1]}\n", "service.limits (line 2): expected fields, found a list"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(text))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Malformed, match=r"^expected policies in policies.yaml, found nothing$"):
        read_rulebook("# nothing yet\n", "policies.yaml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("policies: [", "a mistake in line 2, column 1: while parsing a flow node, did not find"),
        ("policies:\n\t- x", "a mistake in line 2, column 1: while scanning for the next token, found character"),
        ("a: b: c", "a mistake in line 1, column 5: mapping values are not allowed"),
        ("a: 1\n---\nb: 2\n", "a mistake in line 2, column 1: expected a single document"),
        ("a: *nobody", "a mistake in line 1, column 4: found undefined alias"),
        ("a: \x01", "unacceptable character #x0001"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(text: str, found: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_rulebook(text, "policies.yaml")
    assert str(refused.value).startswith(f"expected YAML in policies.yaml, found {found}")


def test_anchors_are_read_and_merge_keys_are_not() -> None:
    book = read_rulebook(
        file(entry(limits='&all {per_day: "5"}'), entry(follower=f'"{OTHER}"', limits="*all")), "policies.yaml"
    )
    assert [str(policy.limits.per_day) for policy in book.policies] == ["5", "5"]
    assert problems(file(entry(limits='{<<: {per_day: "5"}}')))[0].startswith(
        "policies.0.limits.<< (line 4): expected one"
    )


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_bytes(b"\xff\xfe\x00policies")
    with pytest.raises(Malformed, match="expected YAML"):
        read_policy_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"expected a policy file at .*nowhere\.yaml, found No such file"):
        read_policy_file(tmp_path / "nowhere.yaml")


def test_the_example_is_a_policy_file_for_the_first_leader_and_follower_of_a_fresh_devnet() -> None:
    (policy,) = read_policy_file(Path(__file__).parents[4] / "policies.example.yaml").policies
    assert policy.leader == scripted(Role.LEADER).address
    assert policy.follower == on_demand("eoa", 0, seed=0).address


def test_no_object_is_made_of_a_tag(tmp_path: Path) -> None:
    found = problems(file(entry(limits=f"!!python/object/apply:pathlib.Path.touch [{tmp_path}/made]")))
    assert "expected fields, found a list" in found[0]
    assert not list(tmp_path.iterdir())
