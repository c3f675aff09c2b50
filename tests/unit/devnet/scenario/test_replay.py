"""Captured trades of every format are read with all their digits, and fitted to what the venue can do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from remora.devnet.scenario.captured import read_capture
from remora.devnet.scenario.deeds import Trade
from remora.devnet.scenario.format import ReplayEntry
from remora.devnet.scenario.replay import Replay, replay_of
from remora.devnet.traders.outcome import Outcome
from remora.domain.errors import Malformed
from remora.domain.signal import Side
from tests.unit.devnet.scenario.files import EXAMPLES

ALICE, BOB = "0x" + 40 * "a", "0x" + 40 * "b"
ACTIVITY = {
    "proxyWallet": ALICE, "asset": "71", "conditionId": "0x01", "side": "BUY", "price": 0.53, "size": 10,
    "timestamp": 100, "outcomeIndex": 0, "type": "TRADE", "title": "Rain?",
}  # fmt: skip


def replay(folder: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> Replay:
    file = folder / "rows.json"
    file.write_text(json.dumps(rows))
    entry = ReplayEntry.model_validate({"file": file.name, **options})
    return replay_of(entry, read_capture(file), first_leader=0, first_market=1)


def trade(folder: Path, **row: Any) -> Trade:
    (step,) = replay(folder, [{**ACTIVITY, **row}]).steps
    assert isinstance(step.deed, Trade)
    return step.deed


def test_a_recorded_session_is_read_whole() -> None:
    capture = read_capture(EXAMPLES / "data" / "session_2026-08-19.json")
    assert (len(capture.trades), capture.left_out) == (61, ())
    fifth = capture.trades[4]
    assert (fifth.price, fifth.size) == (Decimal("0.599999985"), Decimal("13.333332"))


def test_decoded_fills_give_price_and_shares(tmp_path: Path) -> None:
    file = tmp_path / "fills.json"
    row = {"orderWallet": ALICE, "tokenId": "7"}
    bought = {**row, "side": "BUY", "makerAmountFilled": "21600000", "takerAmountFilled": "24000000"}
    sold = {**row, "side": "SELL", "makerAmountFilled": "24000000", "takerAmountFilled": "21600000"}
    file.write_text(json.dumps({"fills": [bought, sold]}))
    found = read_capture(file).trades
    # 21.6 collateral for 24 shares are 0.9 each, whoever sells.
    assert [(each.side, each.price, each.size) for each in found] == [
        (Side.BUY, Decimal("0.9"), Decimal(24)),
        (Side.SELL, Decimal("0.9"), Decimal(24)),
    ]


@pytest.mark.parametrize(
    ("row", "price", "shares", "spend"),
    [
        ({"size": 10}, "0.53", "10", None),
        ({"size": 10.12}, "0.53", "10.12", None),
        ({"price": 0.968, "size": 2641.75}, "0.968", "2641.75", None),  # its tick is 0.001
        ({"price": 0.599999985, "size": 13.333332}, "0.6", "13.333333", "8"),  # 8 / 0.6
        ({"price": 0.4, "size": 4.23}, "0.4", "4.23", None),  # less than 5 shares are bought at rest
        ({"price": 0.6, "size": 1.666665}, "0.6", "1.666666", "1"),  # 1 / 0.6
        ({"price": 0.0281117021, "size": 37.6}, "0.0281", "37.6", None),  # between the finest ticks
        ({"price": 0.4099999836, "size": 12.19512, "side": "SELL"}, "0.41", "12.2", None),
    ],
)
def test_a_trade_is_fitted_to_ticks_and_decimals(
    tmp_path: Path, row: dict[str, Any], price: str, shares: str, spend: str | None
) -> None:
    found = trade(tmp_path, **row)
    assert (str(found.price), str(found.shares)) == (price, shares)
    assert (None if found.spend is None else str(found.spend)) == spend


@pytest.mark.parametrize(
    ("row", "rests"),
    [
        ({"price": 0.4, "size": 4.23}, True),  # fewer than 5 shares
        ({"price": 0.002, "size": 5}, True),  # worth less than 1
        ({"price": 0.6, "size": 1.666665}, False),  # names what it spends
        ({"price": 0.2, "size": 5}, False),
        ({"price": 0.2, "size": 1, "side": "SELL"}, False),
    ],
)
def test_what_is_too_small_to_take_is_bought_at_rest(tmp_path: Path, row: dict[str, Any], rests: bool) -> None:
    assert trade(tmp_path, **row).rests is rests


@pytest.mark.parametrize(
    ("row", "gain"),
    [
        ({"price": 0.4, "size": 4.23}, 4_230_000),
        ({"price": 0.6, "size": 1.666665}, 1_666_666 - 3),  # 1 / 0.4 = 2.5 base units may be lost to a bid for NO
        ({"price": 0.2, "size": 1, "side": "SELL"}, -1_000_000),
    ],
)
def test_what_a_leader_surely_holds_afterwards(tmp_path: Path, row: dict[str, Any], gain: int) -> None:
    assert trade(tmp_path, **row).least_gain == gain


def test_what_is_rounded_and_left_out_is_told_by_row(tmp_path: Path) -> None:
    rows = [
        {**ACTIVITY, "size": 10.127},
        {**ACTIVITY, "type": "REDEEM", "side": "", "price": 0},
        {**ACTIVITY, "price": 0.0281117021},
        {**ACTIVITY, "price": 1},
        {**ACTIVITY, "side": "SELL", "size": 0.004},
        {**ACTIVITY, "proxyWallet": "nobody"},
    ]
    found = replay(tmp_path, rows)
    assert len(found.steps) == 2
    assert [str(note) for note in found.notes] == [
        "row 1: size 10.127 becomes 10.13",
        "row 2: left out, it is no trade but REDEEM",
        "row 3: price 0.0281117021 becomes 0.0281",
        "row 4: left out, expected a price between 0 and 1 and a size above 0, found 1 and 10",
        "row 5: left out, 0.004 shares are less than an order can have",
        "row 6: left out, expected an address of 0x and 40 hex digits, found 'nobody'",
    ]


def test_identical_rows_are_kept_or_dropped(tmp_path: Path) -> None:
    assert len(replay(tmp_path, [ACTIVITY, ACTIVITY]).steps) == 2
    dropped = replay(tmp_path, [ACTIVITY, ACTIVITY], identical_rows="drop")
    assert (len(dropped.steps), [str(note) for note in dropped.notes]) == (
        1,
        ["row 2: left out, it is identical to row 1"],
    )


def test_tokens_of_one_condition_are_the_outcomes_of_one_market(tmp_path: Path) -> None:
    rows = [ACTIVITY, {**ACTIVITY, "asset": "72", "outcomeIndex": 1, "price": 0.47}, {**ACTIVITY, "conditionId": "0x2"}]
    found = replay(tmp_path, rows)
    deeds = [step.deed for step in found.steps if isinstance(step.deed, Trade)]
    assert [(deed.market, deed.outcome) for deed in deeds] == [
        ("replay-1", Outcome.YES),
        ("replay-1", Outcome.NO),
        ("replay-2", Outcome.YES),
    ]


@pytest.mark.parametrize(("speed", "moments"), [("1", [0, 8_000]), ("4", [0, 2_000]), ("max", [0, 0])])
def test_the_speed_is_that_of_the_capture_or_none(tmp_path: Path, speed: str, moments: list[int]) -> None:
    rows = [{**ACTIVITY, "timestamp": 108}, ACTIVITY]
    assert [step.at_ms for step in replay(tmp_path, rows, speed=speed).steps] == moments


def test_only_the_wanted_wallets_trade(tmp_path: Path) -> None:
    found = replay(tmp_path, [ACTIVITY, {**ACTIVITY, "proxyWallet": BOB}], wallets=[BOB])
    assert (found.wallets, len(found.steps)) == ((BOB,), 1)


@pytest.mark.parametrize("text", ["", "{}", "[]", '[{"a": 1}]', '{"rows": 3}', "[3]"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(Malformed, match="expected"):
        read_capture(tmp_path / "other.json")
