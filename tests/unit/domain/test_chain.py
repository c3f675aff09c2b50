"""What a node sends, and what it must not send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.chain import LogPlace, parse_log, parse_place, parse_receipt, quantity
from remora.domain.errors import Malformed
from remora.domain.ids import TxHash

TX, BLOCK, TOPIC = ("0x" + 64 * digit for digit in "123")
LOG: dict[str, Any] = {
    "address": "0xE111180000d2663C0091e4f400237545B87B996B",
    "topics": [TOPIC, "0x" + 64 * "A"],
    "data": "0x00ff",
    "blockNumber": "0x64",
    "blockHash": BLOCK,
    "transactionHash": TX,
    "logIndex": "0x0",
    "removed": False,
}
RECEIPT: dict[str, Any] = {
    "transactionHash": TX,
    "blockNumber": "0x64",
    "status": "0x1",
    "gasUsed": "0x5208",
    "logs": [LOG],
}


def test_log() -> None:
    log = parse_log(LOG)
    assert log.address == "0xe111180000d2663c0091e4f400237545b87b996b"
    assert log.topics == (TOPIC, "0x" + 64 * "a")
    assert log.data == b"\x00\xff"
    assert (log.block_number, log.block_hash, log.tx_hash, log.log_index) == (100, BLOCK, TX, 0)
    assert not log.removed


def test_the_place_of_a_log() -> None:
    assert parse_place(LOG) == LogPlace(100, BLOCK, TxHash(TX), 0)
    assert parse_place({**LOG, "removed": True}) == LogPlace(100, BLOCK, TxHash(TX), 0, removed=True)
    assert parse_place({"address": LOG["address"], "topics": [], "data": "0x"}) == LogPlace(None, None, None, None)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "expected a log object, found list"),
        ({**LOG, "blockNumber": "100"}, "blockNumber: expected a hex quantity, found '100'"),
        ({**LOG, "blockHash": 12}, "64 hex digits"),
        ({**LOG, "transactionHash": "0x12"}, "64 hex digits"),
        ({**LOG, "transactionHash": [TX]}, "expected the log's block and transaction to be hex"),
        ({**LOG, "logIndex": "0x"}, "logIndex: expected a hex quantity"),
        ({**LOG, "logIndex": True}, "logIndex: expected a hex quantity"),
    ],
)
def test_a_log_without_a_readable_place_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_place(wrong)


def test_a_log_may_come_without_its_place() -> None:
    log = parse_log({"address": LOG["address"], "topics": [], "data": "0x"})
    assert (log.block_number, log.block_hash, log.tx_hash, log.log_index) == (None, None, None, None)
    assert not log.removed
    assert log.data == b""


@pytest.mark.parametrize(("said", "removed"), [(True, True), (False, False), (None, False), ("true", False)])
def test_only_a_true_is_removed(said: Any, removed: bool) -> None:
    assert parse_log({**LOG, "removed": said}).removed is removed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"address": None}, "expected an address"),
        ({"address": "0xe1"}, "expected an address"),
        ({"topics": None}, "topics to be a list, found NoneType"),
        ({"topics": TOPIC}, "topics to be a list, found str"),
        ({"topics": [TOPIC, "0x1"]}, "64 hex digits, found '0x1'"),
        ({"topics": [7]}, "64 hex digits, found 7"),
        ({"data": None}, "expected hex data, found None"),
        ({"data": "00ff"}, "expected hex data"),
        ({"data": "0x0"}, "expected hex data"),
        ({"data": "0xgg"}, "expected hex data"),
        ({"blockNumber": "100"}, "blockNumber: expected a hex quantity, found '100'"),
        ({"blockNumber": -1}, "blockNumber: expected a hex quantity"),
        ({"logIndex": "0x"}, "logIndex: expected a hex quantity"),
        ({"logIndex": True}, "logIndex: expected a hex quantity"),
        ({"transactionHash": "0x12"}, "64 hex digits"),
        ({"blockHash": 12}, "64 hex digits"),
    ],
)
def test_a_malformed_log_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_log({**LOG, **wrong})
    with pytest.raises(Malformed, match=message):
        parse_receipt({**RECEIPT, "logs": [LOG, {**LOG, **wrong}]})


@pytest.mark.parametrize("raw", [None, [], "0x", 7, True])
def test_what_is_no_object_is_refused(raw: Any) -> None:
    with pytest.raises(Malformed, match="expected a log object"):
        parse_log(raw)
    with pytest.raises(Malformed, match="expected a receipt object"):
        parse_receipt(raw)


def test_receipt() -> None:
    receipt = parse_receipt(RECEIPT)
    assert (receipt.tx_hash, receipt.block_number, receipt.succeeded, receipt.gas_used) == (TX, 100, True, 21_000)
    assert [log.log_index for log in receipt.logs] == [0]
    assert not parse_receipt({**RECEIPT, "status": "0x0"}).succeeded


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"logs": None}, "with a list of logs"),
        ({"logs": {}}, "with a list of logs"),
        ({"transactionHash": None}, "64 hex digits"),
        ({"blockNumber": None}, "blockNumber: expected a hex quantity, found None"),
        ({"status": "ok"}, "status: expected a hex quantity, found 'ok'"),
        ({"status": None}, "status: expected a hex quantity, found None"),
        ({"gasUsed": "lots"}, "gasUsed: expected a hex quantity"),
    ],
)
def test_a_malformed_receipt_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_receipt({**RECEIPT, **wrong})


@given(number=st.integers(0, 2**256))
def test_a_quantity_is_hex_or_a_plain_number(number: int) -> None:
    assert quantity(hex(number)) == number
    assert quantity(number) == number


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LOG, *RECEIPT]), inner, max_size=8),
    max_leaves=12,
)


@given(raw=json_values)
def test_whatever_a_node_sends_is_read_or_malformed(raw: Any) -> None:
    for parse in (parse_log, parse_receipt):
        try:
            parse(raw)
        except Malformed:
            continue


@given(field=st.sampled_from(sorted(LOG)), value=json_values)
def test_a_log_with_a_strange_field_is_read_or_malformed(field: str, value: Any) -> None:
    try:
        parse_log({**LOG, field: value})
    except Malformed as refusal:
        assert "expected" in str(refusal)  # noqa: PT017  either outcome is right


def test_real_receipts_are_read() -> None:
    fixtures = Path(__file__).parents[2] / "fixtures/polygon/polygon_logs.json"
    items = [item for item in json.loads(fixtures.read_text()) if "receipt" in item]
    assert len(items) == 3
    for item in items:
        receipt = parse_receipt(item["receipt"])
        assert receipt.succeeded
        assert len(receipt.logs) == len(item["receipt"]["logs"])
