"""Every captured log and receipt of Polygon decodes as its source says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remora.detect.decode import exact_fills
from remora.detect.explain import NoTrade, explain, explain_receipt
from remora.domain.chain import parse_log, parse_receipt
from remora.domain.contracts import LEGACY_EXCHANGES, ORDER_FILLED, POLYGON
from remora.domain.ids import Address
from remora.domain.signal import Fill

ITEMS: dict[str, dict[str, Any]] = {
    item["name"]: item
    for item in json.loads((Path(__file__).parents[2] / "fixtures/polygon/polygon_logs.json").read_text())
}
RECEIPTS = {name: item for name, item in ITEMS.items() if "receipt" in item}
LISTS = {name: item for name, item in ITEMS.items() if "logs" in item}
FILL_LOGS = {name: item for name, item in ITEMS.items() if "log" in item and "wallet" in item["expected"]}
OTHER_LOGS = {name: item for name, item in ITEMS.items() if "log" in item and "wallet" not in item["expected"]}
VALUES = {name: item for name, item in ITEMS.items() if "values" in item}

NO_TRADES = {
    "vike_ctf_merge": NoTrade.MERGE,
    "vike_condition_resolution": NoTrade.MARKET_EVENT,
    "vike_transfer_batch_redeem_in": NoTrade.REDEMPTION,
    "vike_transfer_single_burn": NoTrade.REDEMPTION,
    "vike_usdce_transfer_payout": NoTrade.COLLATERAL_TRANSFER,
}


def observed(fill: Fill) -> dict[str, Any]:
    return {
        "wallet": fill.wallet,
        "counterparty": fill.counterparty,
        "role": fill.role.value,
        "side": fill.side.value,
        "token_id": str(fill.token_id),
        "shares": str(fill.shares),
        "shares_raw": str(fill.shares.units),
        "collateral": str(fill.collateral),
        "collateral_raw": str(fill.collateral.units),
        "price": str(fill.price),
        "fee": str(fill.fee),
        "fee_raw": str(fill.fee.units),
        "fee_word_scaled": str(fill.fee),
        "log_index": fill.log_index,
        "block": fill.block_number,
    }


def assert_agrees(fill: Fill, expected: dict[str, Any]) -> None:
    seen = observed(fill)
    compared = {key: value for key, value in expected.items() if key in seen}
    assert {key: seen[key] for key in compared} == compared
    assert {"side", "role"} & compared.keys()


def test_no_item_is_left_out_but_the_signed_order() -> None:
    assert len(RECEIPTS) == 3
    assert len(RECEIPTS) + len(LISTS) + len(FILL_LOGS) + len(OTHER_LOGS) + len(VALUES) + 1 == len(ITEMS)
    assert OTHER_LOGS.keys() == NO_TRADES.keys()


@pytest.mark.parametrize("name", RECEIPTS)
def test_receipt(name: str) -> None:
    item = RECEIPTS[name]
    receipt = parse_receipt(item["receipt"])
    fills = exact_fills(receipt.logs, POLYGON.exchanges, complete=True)
    assert len(fills) == len(item["expected"]["all_fills"])
    for fill, expected in zip(fills, item["expected"]["all_fills"], strict=True):
        assert_agrees(fill, expected)
    for wallet, rows in item["expected"]["leader_fills"].items():
        seen = explain_receipt(receipt, Address(wallet), POLYGON)
        assert len(seen.fills) == len(rows)
        for fill, expected in zip(seen.fills, rows, strict=True):
            assert_agrees(fill, expected)
        assert len(seen.ignored) == len(receipt.logs) - len(rows)


@pytest.mark.parametrize("name", LISTS)
def test_list_of_logs(name: str) -> None:
    item = LISTS[name]
    fills = exact_fills([parse_log(raw) for raw in item["logs"]], POLYGON.exchanges, complete=False)
    assert len(fills) == len(item["expected"]["fills"])
    for fill, expected in zip(fills, item["expected"]["fills"], strict=True):
        assert_agrees(fill, expected)


@pytest.mark.parametrize("name", FILL_LOGS)
def test_fill_log(name: str) -> None:
    item = FILL_LOGS[name]
    expected = item["expected"]
    seen = explain([parse_log(item["log"])], Address(expected["wallet"]), POLYGON, complete=False)
    (fill,) = seen.fills
    assert seen.ignored == ()
    assert_agrees(fill, expected)
    assert (fill.exchange in LEGACY_EXCHANGES) == ("fee_word_scaled" in expected)


def test_a_log_that_names_the_wallet_as_counterparty_only_is_no_fill_of_it() -> None:
    item = FILL_LOGS["shadow_counterparty_only"]
    seen = explain([parse_log(item["log"])], Address(item["expected"]["not_a_fill_of"]), POLYGON, complete=False)
    assert seen.fills == ()
    assert [row.reason for row in seen.ignored] == [NoTrade.COUNTERPARTY]


@pytest.mark.parametrize("name", OTHER_LOGS)
def test_log_that_is_no_trade(name: str) -> None:
    log = parse_log(OTHER_LOGS[name]["log"])
    for topic in log.topics[1:]:
        seen = explain([log], Address("0x" + topic[26:]), POLYGON, complete=False)
        assert seen.fills == ()
        assert [row.reason for row in seen.ignored] == [NO_TRADES[name]]


@pytest.mark.parametrize("name", VALUES)
def test_values_without_log_bytes(name: str) -> None:
    values, expected = VALUES[name]["values"], VALUES[name]["expected"]
    parties = (values["maker"], values.get("taker", values["address"]))
    padded = ["0x" + party[2:].rjust(64, "0") for party in parties]
    data = "0x" + "".join(f"{int(word):064x}" for word in values["words"])
    log = parse_log({**values, "topics": [ORDER_FILLED, "0x" + 64 * "1", *padded], "data": data})
    (fill,) = explain([log], Address(expected["wallet"]), POLYGON, complete=False).fills
    assert_agrees(fill, expected)
