"""Which occasions a fault strikes: by scope, count, duration and seed; and what is said of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.devnet.faults.board import Board
from remora.devnet.faults.catalogue import BY_NAME, Invalid, documented, listed, read, written
from remora.devnet.faults.fault import Fault, Lasting
from remora.devnet.faults.node import LaggingHead
from remora.devnet.faults.occasion import Occasion, occasion
from remora.devnet.faults.venue import DropAfter, DropBefore, PostOnly, RateLimited, StaleBook

ALICE, BOB = "0x" + 40 * "a", "0x" + 40 * "b"
TOKEN = "7" * 77
BODY = f'{{"order":{{"maker":"{ALICE.upper().replace("0X", "0x")}","tokenId":"{TOKEN}"}},"orderType":"GTC"}}'
DOCUMENT = Path(__file__).parents[3] / "docs" / "devnet.md"


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def order(text: str = BODY) -> Occasion:
    return occasion("POST /order", text)


def test_an_occasion_knows_whom_and_what_its_text_mentions() -> None:
    found = occasion("POST /order", BODY, f"0x{64 * 'c'}", "1795368118133")
    assert (found.wallets, found.tokens) == (frozenset({ALICE}), frozenset({TOKEN}))


@pytest.mark.parametrize(
    ("fault", "is_struck"),
    [
        (DropBefore(), True),
        (DropBefore(wallet=ALICE), True),
        (DropBefore(wallet=BOB), False),
        (DropBefore(token=TOKEN), True),
        (DropBefore(token="1"), False),
        (DropBefore(endpoint="POST /order"), True),
        (DropBefore(endpoint="/order"), True),
        (DropBefore(endpoint="GET /order"), False),
        (DropBefore(wallet=ALICE, token="1"), False),
        (PostOnly(), True),
        (StaleBook(), False),
        (LaggingHead(node=2), False),
    ],
)
def test_a_fault_strikes_what_is_in_its_scope(fault: Lasting, is_struck: bool) -> None:
    assert fault.matches(order()) is is_struck


def test_post_only_mode_spares_orders_that_are_post_only() -> None:
    assert not PostOnly().matches(order(BODY.replace('"GTC"', '"GTC","postOnly":true')))


def test_a_count_ends_a_fault() -> None:
    board = Board(Watch())
    fault = DropBefore(count=2, wallet=ALICE)
    board.inject(fault)
    assert board.take(DropBefore, order("nobody")) is None
    assert [board.take(DropBefore, order()) for _ in range(3)] == [fault, fault, None]
    assert board.active() == []


def test_a_duration_ends_a_fault() -> None:
    watch = Watch()
    board = Board(watch)
    board.inject(RateLimited(duration_s=5))
    watch.now_s += 4.9
    assert board.take(RateLimited, order())
    watch.now_s += 0.1
    assert board.take(RateLimited, order()) is None


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_a_seed_picks_the_same_occasions_again_and_about_as_many_as_wanted(percent: int) -> None:
    def picked(seed: int) -> list[bool]:
        board = Board(Watch())
        board.inject(DropAfter(chance_percent=percent, seed=seed))
        return [board.take(DropAfter, order()) is not None for _ in range(500)]

    assert picked(1) == picked(1) != picked(2)
    assert abs(sum(picked(1)) - 5 * percent) < 50


def test_the_first_of_several_faults_is_spent_first() -> None:
    board = Board(Watch())
    first, second = DropBefore(count=1, seed=1), DropBefore(count=1, seed=2)
    board.inject(first)
    active = board.inject(second)
    assert board.take(DropBefore, order()) == first
    assert board.clear(active.id) == [active]
    assert not board.holds(DropBefore)


@pytest.mark.parametrize("kind", BY_NAME.values(), ids=BY_NAME)
def test_every_fault_says_what_it_does_and_what_its_parameters_mean(kind: type[Fault]) -> None:
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert all(field.description for field in kind.model_fields.values())


def test_what_was_written_reads_the_same() -> None:
    faults: list[Fault] = [LaggingHead(node=2, blocks=7), DropBefore(wallet=ALICE, count=1)]
    assert read({"faults": [written(fault) for fault in faults]}) == faults


def test_all_problems_are_told_at_once_with_their_places() -> None:
    with pytest.raises(Invalid) as caught:
        read({"faults": [{"fault": "reorg", "depth": 11}, {"fault": "nope"}, 7]})
    assert [problem.place for problem in caught.value.problems] == [
        ("faults", 0, "depth"),
        ("faults", 1, "fault"),
        ("faults", 2),
    ]
    assert str(caught.value).startswith("faults[0].depth: Input should be less than or equal to 10; found 11;")


def test_the_documented_list_is_the_catalogue() -> None:
    text = DOCUMENT.read_text()
    begin, end = "<!-- faults: remora devnet fault list --document -->\n", "<!-- end of faults -->"
    assert text[text.index(begin) + len(begin) : text.index(end)] == "".join(f"{line}\n" for line in documented())
    assert len(listed()) == len(BY_NAME)
