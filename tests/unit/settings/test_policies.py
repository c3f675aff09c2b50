"""The policy file is used whole or not at all, and every problem has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.domain.errors import Malformed
from remora.domain.money import ONE, Price
from remora.domain.parties import Policy, Sizing
from remora.settings.policies import read_policies
from tests.fakes.specimens import collateral, price

FOLLOWER, LEADER = "0x" + 40 * "F", "0x" + 40 * "A"

GOOD = f"""
  - follower: "{FOLLOWER}"
    leader: "{LEADER}"
    sizing: fixed
    fixed_amount: "10"
"""


def read(tmp_path: Path, text: str) -> list[Policy]:
    path = tmp_path / "policies.yaml"
    path.write_text(text)
    return read_policies(path)


def entry(**changes: str | None) -> str:
    fields = {"follower": f'"{FOLLOWER}"', "leader": f'"{LEADER}"', "sizing": "fixed", "fixed_amount": '"10"'} | changes
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "  - " + "\n    ".join(lines) + "\n"


def problems(tmp_path: Path, *entries: str) -> list[str]:
    with pytest.raises(Malformed) as refused:
        read(tmp_path, "policies:\n" + "".join(entries))
    heading, *lines = str(refused.value).splitlines()
    assert heading == f"{tmp_path / 'policies.yaml'} has problems:"
    return [line.strip() for line in lines]


def test_a_short_policy_has_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, f"policies:{GOOD}") == [
        Policy(
            policy_id=f"{FOLLOWER.lower()}:{LEADER.lower()}",  # type: ignore[arg-type]  # a PolicyId as text
            follower=FOLLOWER.lower(),  # type: ignore[arg-type]  # an Address as text
            leader=LEADER.lower(),  # type: ignore[arg-type]  # an Address as text
            sizing=Sizing.FIXED,
            fixed_amount=collateral("10"),
            percentage_bps=0,
            max_odds=Price(ONE),
            min_size=collateral("1"),
            max_slippage_bps=500,
            max_signal_age_s=60,
        )
    ]


def test_every_field_works(tmp_path: Path) -> None:
    (rules,) = read(
        tmp_path,
        "policies:\n"
        + entry(
            sizing="percentage",
            fixed_amount=None,
            percentage_bps="2500",
            max_odds='"0.85"',
            min_size='"0.5"',
            max_slippage_bps="0",
            max_signal_age_s="15",
        ),
    )
    assert (rules.sizing, rules.percentage_bps, rules.fixed_amount) == (Sizing.PERCENTAGE, 2500, collateral("0"))
    assert (rules.max_odds, rules.min_size) == (price("0.85"), collateral("0.5"))
    assert (rules.max_slippage_bps, rules.max_signal_age_s) == (0, 15)


def test_whole_amounts_need_no_quotes(tmp_path: Path) -> None:
    (rules,) = read(tmp_path, "policies:\n" + entry(fixed_amount="10", max_odds="1"))
    assert (rules.fixed_amount, rules.max_odds) == (collateral("10"), price("1"))


def test_no_policies_is_a_file_too(tmp_path: Path) -> None:
    assert read(tmp_path, "policies: []\n") == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fixed_amount": "10.5"}, 'fixed_amount: expected the amount in quotes, "10.5", found a'),
        ({"max_odds": "0.85"}, 'max_odds: expected the amount in quotes, "0.85", found a'),
        ({"fixed_amount": '"ten"'}, "fixed_amount: expected a decimal number, found 'ten'"),
        ({"fixed_amount": '"0.0000001"'}, "fixed_amount: expected at most 6 decimals"),
        ({"fixed_amount": "null"}, "expected fixed_amount with sizing fixed"),
        ({"fixed_amount": "true"}, "fixed_amount: expected a decimal number"),
        ({"fixed_amount": '"0"'}, "expected a fixed_amount above 0"),
        ({"fixed_amount": '"-5"'}, "expected a fixed_amount above 0"),
        ({"fixed_amount": None}, "expected fixed_amount with sizing fixed"),
        ({"percentage_bps": "100"}, "expected no percentage_bps with sizing fixed"),
        ({"sizing": "percentage"}, "expected no fixed_amount with sizing percentage"),
        (
            {"sizing": "percentage", "fixed_amount": None},
            "expected percentage_bps with sizing percentage",
        ),
        ({"sizing": "proportional"}, "sizing: Input should be 'fixed' or 'percentage'"),
        ({"sizing": None}, "sizing: Field required"),
        ({"follower": None}, "follower: Field required"),
        ({"leader": '"0xA1"'}, "leader: expected an address of 0x and 40 hex digits, found '0xA1'"),
        ({"leader": LEADER}, "leader: expected an address of 0x and 40 hex digits, found"),  # no quotes
        ({"max_odds": '"1.01"'}, "max_odds: expected odds above 0 and at most 1, found 1.01"),
        ({"max_odds": '"0"'}, "max_odds: expected odds above 0 and at most 1, found 0"),
        ({"min_size": '"-1"'}, "expected a min_size of at least 0"),
        ({"max_slippage_bps": "10000"}, "max_slippage_bps: Input should be less than 10000"),
        ({"max_slippage_bps": "-1"}, "max_slippage_bps: Input should be greater than or equal to 0"),
        ({"max_slippage_bps": "1.5"}, "max_slippage_bps: Input should be a valid integer"),
        ({"max_signal_age_s": "0"}, "max_signal_age_s: Input should be greater than 0"),
        ({"stop_loss": '"0.3"'}, "stop_loss: Extra inputs are not permitted"),
        ({"max_slipage_bps": "100"}, "max_slipage_bps: Extra inputs are not permitted"),
    ],
)
def test_a_problem_is_named_with_its_place(tmp_path: Path, changes: dict[str, str | None], problem: str) -> None:
    (line,) = problems(tmp_path, entry(leader='"0x' + 40 * "1" + '"'), entry(**changes))
    assert line.startswith("policies.1")
    assert problem in line


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        entry(max_odds="0.5", colour="red"),
        entry(leader='"0x' + 40 * "1" + '"'),
        entry(follower='"nobody"', sizing="other"),
    )
    assert [line.split(":")[0] for line in found] == [
        "policies.0.max_odds",
        "policies.0.colour",
        "policies.2.follower",
        "policies.2.sizing",
    ]


def test_two_policies_for_one_pair_are_refused_whatever_their_case(tmp_path: Path) -> None:
    twin = entry(follower=f'"{FOLLOWER.lower().replace("0x", "0X")}"', fixed_amount='"99"')
    other = entry(leader='"0x' + 40 * "1" + '"')
    assert problems(tmp_path, entry(), other, twin) == [
        "policies.2: the same follower and leader as policies.0; expected one policy for each pair"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "file: Input should be a valid dictionary"),
        ("policies:\n", "policies: Input should be a valid list"),
        ("- follower: x\n", "file: Input should be a valid dictionary"),
        ("policies: []\nleaders: []\n", "leaders: Extra inputs are not permitted"),
        ("policy: []\n", "policies: Field required"),
        ("policies:\n  - fixed\n", "policies.0: Input should be a valid dictionary"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Malformed, match="has problems") as refused:
        read(tmp_path, text)
    assert problem in str(refused.value)


@pytest.mark.parametrize("text", ["policies: [", "policies:\n\t- x", "a: b: c", "!!python/object:os.system {}"])
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed, match=r"expected YAML in .*policies\.yaml, found"):
        read(tmp_path, text)


def test_a_field_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"found 'max_odds' twice in .*, line 7, column 5"):
        read(tmp_path, "policies:\n" + entry(max_odds='"0.5"') + '    max_odds: "0.9"\n')
    with pytest.raises(Malformed, match="found 'policies' twice"):
        read(tmp_path, f"policies:{GOOD}policies: []\n")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_bytes(b"\xff\xfe\x00policies")
    with pytest.raises(Malformed, match="expected YAML"):
        read_policies(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"expected a policy file at .*nowhere\.yaml, found No such file"):
        read_policies(tmp_path / "nowhere.yaml")


def test_the_example_is_a_policy_file() -> None:
    assert read_policies(Path(__file__).parents[3] / "policies.example.yaml")
