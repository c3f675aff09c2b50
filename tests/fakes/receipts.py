"""Receipts of the real exchange and of Polygon, with what they are known to have traded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from remora.detect.decode import sum_by_order
from remora.domain.chain import Head, Receipt, parse_receipt
from remora.domain.contracts import POLYGON
from remora.domain.ids import Address, OrderHash, TokenId, address
from remora.domain.money import Collateral, Shares
from remora.domain.signal import Fill, Role, Side
from tests.fakes.chain import head

FIXTURES = Path(__file__).parents[1] / "fixtures"
DEPLOYMENT = json.loads((FIXTURES / "exchange_v2/deployment.json").read_text())
KNOWN = POLYGON.adding(
    exchanges=[address(DEPLOYMENT["standard_exchange"]), address(DEPLOYMENT["neg_risk_exchange"])],
    ledgers=[address(DEPLOYMENT["ctf"])],
)


def _cases(name: str) -> dict[str, dict[str, Any]]:
    return {case["name"]: case for case in json.loads((FIXTURES / "exchange_v2" / name).read_text())}


TRADES: Mapping[str, dict[str, Any]] = _cases("cases.json")
NON_TRADES: Mapping[str, dict[str, Any]] = _cases("non_trades.json")
CAPTURED: Mapping[str, dict[str, Any]] = {
    item["name"]: item for item in json.loads((FIXTURES / "polygon/polygon_logs.json").read_text()) if "receipt" in item
}


def receipt_of(case: dict[str, Any], *, block_number: int | None = None) -> Receipt:
    """Return a case's receipt in the fake chain, moved to another block if one is given."""
    receipt = parse_receipt(case["receipt"])
    return placed(receipt, head(receipt.block_number if block_number is None else block_number))


def placed(receipt: Receipt, block: Head) -> Receipt:
    """Return the receipt in another block."""
    logs = tuple(log._replace(block_number=block.number, block_hash=block.hash) for log in receipt.logs)
    return replace(receipt, block_number=block.number, block_hash=block.hash, logs=logs)


def traded(case: dict[str, Any]) -> list[Fill]:
    """Return what the case says of each order, summed: a row may be one of several fills of an order."""
    receipt = receipt_of(case)
    rows = [
        Fill(
            wallet=address(row["wallet"]),
            counterparty=Address(""),
            role=Role(row["role"].lower()),
            side=Side(row["side"]),
            token_id=TokenId(int(row["token_id"])),
            shares=Shares(int(row["shares"])),
            collateral=Collateral(int(row["collateral"])),
            fee=Collateral(int(row["fee"])),
            order_hash=OrderHash(row["order_hash"].lower()),
            exchange=Address(""),
            tx_hash=receipt.tx_hash,
            block_number=receipt.block_number,
            log_index=None,
        )
        for row in case["expected_fills"]
    ]
    return sum_by_order(rows)
