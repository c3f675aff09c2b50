"""The node gate's pure parts: what a lagging node is asked, and which transactions stay stuck."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from remora.devnet.accounts import Role, scripted
from remora.devnet.node_gate.lag import bounded, is_hidden
from remora.devnet.node_gate.messages import Call, read_frame
from remora.devnet.node_gate.stuck import Signed, StuckPool

ADDRESS = "0x" + 40 * "1"
LEADER = scripted(Role.LEADER)


def call(method: str, *params: Any) -> Call:
    return Call(id=1, method=method, params=params)


@pytest.mark.parametrize(
    ("asked", "bound"),
    [
        (call("eth_call", {"to": ADDRESS}, "latest"), ({"to": ADDRESS}, "0x64")),
        (call("eth_getBalance", ADDRESS, "0x10"), (ADDRESS, "0x10")),
        (call("eth_getBlockByNumber", "finalized", False), ("0x64", False)),
        (call("eth_getLogs", {"fromBlock": "0x5f", "toBlock": "latest"}), ({"fromBlock": "0x5f", "toBlock": "0x64"},)),
        (call("eth_getLogs", {"fromBlock": "earliest", "toBlock": "0x65"}), ({"fromBlock": "0x0", "toBlock": "0x64"},)),
        (call("eth_getLogs", {"blockHash": "0xab"}), ({"blockHash": "0xab"},)),
    ],
)
def test_a_lagging_node_is_asked_of_what_it_has_seen(asked: Call, bound: tuple[Any, ...]) -> None:
    assert bounded(asked, 100).params == bound


def test_logs_after_what_it_has_seen_match_nothing() -> None:
    (criteria,) = bounded(call("eth_getLogs", {"fromBlock": "0x65", "topics": []}), 100).params
    assert criteria["topics"] == [["0x" + 64 * "0"]]


@pytest.mark.parametrize(
    ("method", "answered", "hidden"),
    [
        ("eth_getTransactionReceipt", {"blockNumber": "0x65"}, True),
        ("eth_getTransactionReceipt", {"blockNumber": "0x64"}, False),
        ("eth_getTransactionByHash", {"blockNumber": None}, False),
        ("eth_getBlockByHash", {"number": "0x65"}, True),
        ("eth_chainId", "0x7a69", False),
    ],
)
def test_what_is_in_later_blocks_is_hidden(method: str, answered: Any, hidden: bool) -> None:
    assert is_hidden(call(method), answered, 100) is hidden


@pytest.mark.parametrize("text", ["", "[]", "7", "[7]", '{"method":"eth_chainId"}', '{"id":1,"method":"m","params":5}'])
def test_what_is_no_request_is_left_to_the_chain(text: str) -> None:
    assert read_frame(text) is None


def signed(*, gas_gwei: int, nonce: int = 3, value: int = 1) -> Signed:
    fees = {"maxFeePerGas": gas_gwei * 10**9, "maxPriorityFeePerGas": 1, "gas": 21_000, "chainId": 31337}
    raw = Account.sign_transaction({"to": ADDRESS, "value": value, "nonce": nonce, **fees}, LEADER.private_key)
    found = Signed.of("0x" + raw.raw_transaction.hex())
    assert found is not None
    return found


def test_a_raw_transaction_is_read_with_its_sender() -> None:
    read = signed(gas_gwei=50)
    assert (read.sender, read.nonce, read.gas_price) == (LEADER.address, 3, 50 * 10**9)


TERMS = {"to": ADDRESS, "value": 5, "nonce": 3, "gas": 21_000, "chainId": 31337, "data": b"\x01\x02"}
LEGACY = {"gasPrice": 50 * 10**9}
ACCESS_LIST = {**LEGACY, "type": 1, "accessList": ()}
DYNAMIC_FEE = {"maxFeePerGas": 50 * 10**9, "maxPriorityFeePerGas": 1}


@pytest.mark.parametrize("fees", [LEGACY, ACCESS_LIST, DYNAMIC_FEE], ids=["legacy", "access list", "dynamic fee"])
def test_transactions_of_every_type_are_read(fees: dict[str, Any]) -> None:
    transaction = Account.sign_transaction({**TERMS, **fees}, LEADER.private_key)
    read = Signed.of("0x" + transaction.raw_transaction.hex())
    assert read is not None
    assert (read.hash, read.sender) == ("0x" + transaction.hash.hex(), LEADER.address)
    assert (read.nonce, read.gas_price) == (3, 50 * 10**9)
    shown = {name: read.shown[name] for name in ("to", "value", "data", "blockNumber")}
    assert shown == {"to": ADDRESS, "value": "0x5", "data": "0x0102", "blockNumber": None}


@pytest.mark.parametrize("raw", ["0x", "0x02ff", "0xc0", "0xc101", "0x7f00", "0xf8ff"])
def test_what_is_no_transaction_is_left_to_the_chain(raw: str) -> None:
    assert Signed.of(raw) is None


@pytest.mark.parametrize(("gas_gwei", "passes"), [(50, False), (54, False), (55, True), (80, True)])
def test_a_replacement_pays_a_tenth_more(gas_gwei: int, passes: bool) -> None:
    pool = StuckPool()
    stuck, rival = signed(gas_gwei=50), signed(gas_gwei=gas_gwei, value=2)
    pool.keep(stuck)
    assert pool.rival(rival) == stuck
    assert pool.rival(stuck) is None
    assert pool.give_way(rival) is passes
    assert (pool.find(stuck.hash) is None) is passes


def test_pending_nonces_count_what_is_stuck_in_sequence() -> None:
    pool = StuckPool()
    for nonce in (3, 4, 6):
        pool.keep(signed(gas_gwei=1, nonce=nonce))
    assert [pool.next_nonce(LEADER.address, known) for known in (2, 3, 6)] == [2, 5, 7]
    assert pool.release() == [signed(gas_gwei=1, nonce=nonce).raw for nonce in (3, 4, 6)]
    assert pool.is_empty
