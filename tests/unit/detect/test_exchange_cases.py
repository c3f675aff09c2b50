"""Matches run on the real exchange: exact fills are the expected ones and are the change of the wallets' balances."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from remora.detect.decode import decode_fill, exact_fills, sum_by_order
from remora.detect.explain import NoTrade, explain_receipt
from remora.domain.chain import Receipt, parse_receipt
from remora.domain.contracts import POLYGON, TRANSFER
from remora.domain.ids import Address, address
from remora.domain.signal import Fill, Role
from tests.unit.detect.movements import movements

FIXTURES = Path(__file__).parents[2] / "fixtures/exchange_v2"
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in json.loads((FIXTURES / "cases.json").read_text())}
NON_TRADES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads((FIXTURES / "non_trades.json").read_text())
}
DEPLOYMENT = json.loads((FIXTURES / "deployment.json").read_text())
KNOWN = POLYGON.adding(
    exchanges=[address(DEPLOYMENT["standard_exchange"]), address(DEPLOYMENT["neg_risk_exchange"])],
    ledgers=[address(DEPLOYMENT["ctf"])],
)
INFRASTRUCTURE = {"exchange", "adapter", "feeReceiver"}


def receipt_of(case: dict[str, Any]) -> Receipt:
    return parse_receipt(case["receipt"])


def rows(fills: Iterable[Fill]) -> list[tuple[str, ...]]:
    return sorted(
        (
            fill.wallet,
            fill.role.value.upper(),
            fill.side.value,
            str(fill.token_id),
            str(fill.shares.units),
            str(fill.collateral.units),
            str(fill.fee.units),
            fill.order_hash,
        )
        for fill in fills
    )


def expected_rows(case: dict[str, Any]) -> list[tuple[str, ...]]:
    keys = ("wallet", "role", "side", "token_id", "shares", "collateral", "fee", "order_hash")
    return sorted(
        tuple(row[key].lower() if key in {"wallet", "order_hash"} else row[key] for key in keys)
        for row in case["expected_fills"]
    )


def balance_changes(case: dict[str, Any]) -> dict[Address, dict[str, int]]:
    names = {"collateral": "collateral", "token0": case["token_ids"][0], "token1": case["token_ids"][1]}
    return {
        address(wallet): {names[asset]: int(after) - int(before) for asset, (before, after) in changes.items()}
        for wallet, changes in case["balances"].items()
        if not INFRASTRUCTURE & set(case["parties"][wallet].split("+"))
    }


@pytest.mark.parametrize("name", CASES)
def test_exact_fills_are_the_expected_ones(name: str) -> None:
    fills = exact_fills(receipt_of(CASES[name]).logs, KNOWN.exchanges, complete=True)
    assert rows(fills) == expected_rows(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_exact_fills_are_the_change_of_the_balances(name: str) -> None:
    moved = movements(exact_fills(receipt_of(CASES[name]).logs, KNOWN.exchanges, complete=True))
    changed = balance_changes(CASES[name])
    assert moved.keys() == changed.keys()
    for wallet, changes in changed.items():
        assert {asset: units for asset, units in changes.items() if units} == {
            asset: units for asset, units in moved[wallet].items() if units
        }


def swept(case: dict[str, Any]) -> Receipt:
    """Return the receipt of a match whose taker also got 7 of collateral that somebody had left on the exchange."""
    (taker,) = {row["wallet"] for row in case["expected_fills"] if row["role"] == "TAKER"}
    exchange = DEPLOYMENT["neg_risk_exchange" if case["exchange_kind"] == "neg_risk" else "standard_exchange"]
    logs = case["receipt"]["logs"]
    stray = {
        **logs[0],
        "address": DEPLOYMENT["pusd"],
        "topics": [TRANSFER, *(f"0x{wallet[2:].lower():0>64}" for wallet in (exchange, taker))],
        "data": f"0x{7_000_000:064x}",
    }
    renumbered = [{**log, "logIndex": hex(index)} for index, log in enumerate([logs[0], stray, *logs[1:]])]
    return parse_receipt({**case["receipt"], "logs": renumbered})


@pytest.mark.parametrize("name", CASES)
def test_what_had_been_left_on_the_exchange_is_no_part_of_a_trade(name: str) -> None:
    fills = exact_fills(swept(CASES[name]).logs, KNOWN.exchanges, complete=True)
    assert rows(fills) == expected_rows(CASES[name])


def test_logged_amounts_alone_would_break_the_balances() -> None:
    upper_bounds = {
        name
        for name, case in CASES.items()
        if rows(filter(None, (decode_fill(log, KNOWN.exchanges) for log in receipt_of(case).logs)))
        != expected_rows(case)
    }
    assert {"g05_merge_leftover_refund", "x05_mixed_buy_4_makers_partial_fees"} <= upper_bounds


@pytest.mark.parametrize("name", CASES)
def test_a_bare_list_with_all_fills_is_as_exact_as_the_receipt(name: str) -> None:
    logs = [log for log in receipt_of(CASES[name]).logs if decode_fill(log, KNOWN.exchanges)]
    assert rows(exact_fills(logs, KNOWN.exchanges, complete=False)) == expected_rows(CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_a_bare_list_without_a_maker_keeps_the_logged_amounts(name: str) -> None:
    logs = [log for log in receipt_of(CASES[name]).logs if decode_fill(log, KNOWN.exchanges)]
    logged = decode_fill(logs[-1], KNOWN.exchanges)
    assert logged is not None
    assert logged.role is Role.TAKER
    assert exact_fills(logs[1:], KNOWN.exchanges, complete=False)[-1] == logged


@pytest.mark.parametrize("name", CASES)
def test_every_log_is_explained_to_every_wallet(name: str) -> None:
    receipt = receipt_of(CASES[name])
    for wallet in {row["wallet"].lower() for row in CASES[name]["expected_fills"]}:
        seen = explain_receipt(receipt, Address(wallet), KNOWN)
        assert rows(seen.fills) == [row for row in expected_rows(CASES[name]) if row[0] == wallet]
        assert len(seen.fills) + len(seen.ignored) == len(receipt.logs)
        assert not {row.reason for row in seen.ignored} & {
            NoTrade.TRANSFER,
            NoTrade.SPOOF,
            NoTrade.MALFORMED,
            NoTrade.UNKNOWN_CONTRACT,
            NoTrade.UNKNOWN_EVENT,
            NoTrade.CONVERSION,
            NoTrade.REDEMPTION,
        }


@pytest.mark.parametrize("name", CASES)
def test_summing_by_order_keeps_the_movements(name: str) -> None:
    fills = exact_fills(receipt_of(CASES[name]).logs, KNOWN.exchanges, complete=True)
    summed = sum_by_order(fills)
    assert movements(summed) == movements(fills)
    assert len(summed) == len({fill.order_hash for fill in fills})


def test_an_order_that_fills_twice_in_a_match_is_two_rows_and_one_sum() -> None:
    fills = exact_fills(
        receipt_of(CASES["w03_same_maker_order_twice_in_one_mint"]).logs, KNOWN.exchanges, complete=True
    )
    first, second, taker = fills
    assert first.order_hash == second.order_hash
    (summed, _) = sum_by_order(fills)
    # 30 shares for 13.5 and 40 shares for 18
    assert (str(summed.shares), str(summed.collateral), str(summed.price)) == ("70", "31.5", "0.45")
    assert (summed.log_index, first.log_index) == (12, 12)
    assert taker.role is Role.TAKER


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("u01_adapter_split", NoTrade.SPLIT),
        ("u03_direct_ctf_split", NoTrade.SPLIT),
        ("u05_gift_single", NoTrade.TRANSFER),
        ("u07_negrisk_adapter_split", NoTrade.SPLIT),
        ("u09_direct_ctf_redeem", NoTrade.REDEMPTION),
    ],
)
def test_non_trade(name: str, reason: NoTrade) -> None:
    case = NON_TRADES[name]
    receipt = receipt_of(case)
    changed = balance_changes(case)
    concerned = 0
    for wallet in map(address, case["parties"]):
        seen = explain_receipt(receipt, wallet, KNOWN)
        assert seen.fills == ()
        assert len(seen.ignored) == len(receipt.logs)
        payments = {NoTrade.FOREIGN_TRANSFER}
        reasons = {row.reason for row in seen.ignored if row.concerns_wallet} - payments
        moved = any(units for asset, units in changed[wallet].items() if asset != "collateral")
        assert reasons == ({reason} if moved else set())
        concerned += moved
    assert concerned


def test_the_table_of_non_trades_is_complete() -> None:
    assert NON_TRADES.keys() == {
        "u01_adapter_split",
        "u03_direct_ctf_split",
        "u05_gift_single",
        "u07_negrisk_adapter_split",
        "u09_direct_ctf_redeem",
    }
