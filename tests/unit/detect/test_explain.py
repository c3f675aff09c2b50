"""Why a log is no trade: by its event, its contract, and for transfers of shares by what they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from eth_abi.abi import encode

from remora.detect.calldata import NotAMatch
from remora.detect.explain import SENTENCES, NoTrade, explain, explain_receipt
from remora.detect.transfers import Meaning, decode_transfer
from remora.domain import contracts
from remora.domain.chain import Log, Receipt
from remora.domain.contracts import (
    AUTO_REDEEMER,
    BINARY_MODULE,
    COLLATERAL_ADAPTER,
    CONDITIONAL_TOKENS,
    CONVERSION_BURN,
    EXCHANGE_ADAPTER,
    EXCHANGE_V3,
    NEG_RISK_ADAPTER,
    NEG_RISK_COLLATERAL_ADAPTER,
    POLYGON,
    POSITION_MANAGER,
    STANDARD_EXCHANGE,
    V3_ROUTER,
)
from remora.domain.ids import ZERO_ADDRESS, Address, TxHash

LEADER = Address("0x" + 40 * "a")
FRIEND = Address("0x" + 40 * "b")
STRANGER = Address("0x" + 40 * "c")
LOCAL_ADAPTER = Address("0x" + 40 * "d")
LOCAL_NEG_RISK_ADAPTER = Address("0x" + 40 * "e")
TX = TxHash("0x" + 64 * "2")
WORD = "0x" + 64 * "5"


def padded(party: Address) -> str:
    return "0x" + party[2:].rjust(64, "0")


def single(operator: Address, sender: Address, receiver: Address, ledger: Address = CONDITIONAL_TOKENS) -> Log:
    return Log(
        address=ledger,
        topics=(contracts.TRANSFER_SINGLE, padded(operator), padded(sender), padded(receiver)),
        data=encode(["uint256", "uint256"], [7, 5_000_000]),
    )


def batch(operator: Address, sender: Address, receiver: Address, *amounts: int) -> Log:
    return Log(
        address=CONDITIONAL_TOKENS,
        topics=(contracts.TRANSFER_BATCH, padded(operator), padded(sender), padded(receiver)),
        data=encode(["uint256[]", "uint256[]"], [range(len(amounts)), amounts]),
    )


def event(emitter: Address, topic: str, account: Address) -> Log:
    return Log(address=emitter, topics=(topic, padded(account), WORD), data=bytes(32))


def order_filled(wallet: Address, taker: Address, exchange: Address = STANDARD_EXCHANGE) -> Log:
    return Log(
        address=exchange,
        topics=(contracts.ORDER_FILLED, WORD, padded(wallet), padded(taker)),
        data=encode(["uint256"] * 7, [0, 7, 1, 2, 0, 0, 0]),
    )


def transaction(*logs: Log) -> list[Log]:
    return [log._replace(tx_hash=TX, log_index=position) for position, log in enumerate(logs)]


def reasons(*logs: Log, wallet: Address = LEADER) -> list[NoTrade | NotAMatch]:
    seen = explain(transaction(*logs), wallet, POLYGON, complete=True)
    assert len(seen.fills) + len(seen.ignored) == len(logs)
    return [row.reason for row in seen.ignored]


def reason(log: Log) -> NoTrade | NotAMatch:
    (only,) = reasons(log)
    return only


def test_every_reason_has_a_sentence_and_every_meaning_is_a_reason() -> None:
    assert SENTENCES.keys() == set(NoTrade)
    assert {meaning.value for meaning in Meaning} <= {word.value for word in NoTrade}


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(event(STANDARD_EXCHANGE, contracts.ORDERS_MATCHED, LEADER), NoTrade.SUMMARY, id="matched"),
        pytest.param(event(STANDARD_EXCHANGE, contracts.FEE_CHARGED, LEADER), NoTrade.FEE, id="fee"),
        pytest.param(event(STRANGER, contracts.ORDERS_MATCHED, LEADER), NoTrade.UNKNOWN_CONTRACT, id="false match"),
        pytest.param(event(STRANGER, contracts.FEE_CHARGED, LEADER), NoTrade.UNKNOWN_CONTRACT, id="false fee"),
        pytest.param(order_filled(LEADER, FRIEND, STRANGER), NoTrade.UNKNOWN_CONTRACT, id="false fill"),
        pytest.param(order_filled(FRIEND, LEADER), NoTrade.COUNTERPARTY, id="counterparty"),
        pytest.param(order_filled(FRIEND, STRANGER), NoTrade.OTHER_WALLET, id="somebody else's"),
        pytest.param(order_filled(LEADER, FRIEND)._replace(data=bytes(31)), NoTrade.MALFORMED, id="malformed fill"),
        pytest.param(order_filled(LEADER, FRIEND)._replace(removed=True), NoTrade.REMOVED, id="removed fill"),
        pytest.param(single(LEADER, LEADER, FRIEND, STRANGER), NoTrade.SPOOF, id="spoofed token"),
        pytest.param(
            single(LEADER, LEADER, FRIEND)._replace(data=bytes(63)), NoTrade.MALFORMED, id="malformed transfer"
        ),
        pytest.param(event(STRANGER, contracts.POSITION_SPLIT, LEADER), NoTrade.UNKNOWN_CONTRACT, id="false split"),
        pytest.param(event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, STRANGER), NoTrade.MERGE, id="merge"),
        pytest.param(event(NEG_RISK_ADAPTER, contracts.NEG_RISK_CONVERSION, LEADER), NoTrade.CONVERSION, id="convert"),
        pytest.param(event(BINARY_MODULE, contracts.MODULE_REDEMPTION, LEADER), NoTrade.REDEMPTION, id="V3 redemption"),
        pytest.param(
            event(contracts.COLLATERAL, contracts.TRANSFER, LEADER), NoTrade.COLLATERAL_TRANSFER, id="collateral"
        ),
        pytest.param(event(STRANGER, contracts.TRANSFER, LEADER), NoTrade.FOREIGN_TRANSFER, id="other token"),
        pytest.param(event(CONDITIONAL_TOKENS, contracts.APPROVAL_FOR_ALL, LEADER), NoTrade.APPROVAL, id="approval"),
        pytest.param(event(STRANGER, WORD, LEADER), NoTrade.UNKNOWN_EVENT, id="unknown event"),
        pytest.param(Log(address=STANDARD_EXCHANGE, topics=(), data=b""), NoTrade.UNKNOWN_EVENT, id="anonymous"),
    ],
)
def test_reason_of_one_log(log: Log, expected: NoTrade) -> None:
    assert reason(log) is expected


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(single(LEADER, LEADER, FRIEND), NoTrade.TRANSFER, id="gift"),
        pytest.param(batch(FRIEND, FRIEND, LEADER, 1, 2), NoTrade.TRANSFER, id="gift of a batch"),
        pytest.param(single(LEADER, LEADER, COLLATERAL_ADAPTER), NoTrade.TRANSFER, id="sent to an adapter by mistake"),
        pytest.param(single(STANDARD_EXCHANGE, FRIEND, LEADER), NoTrade.DELIVERY, id="moved by the exchange"),
        pytest.param(
            batch(EXCHANGE_ADAPTER, EXCHANGE_ADAPTER, STANDARD_EXCHANGE, 5, 5),
            NoTrade.DELIVERY,
            id="minted for a match",
        ),
        pytest.param(batch(LEADER, ZERO_ADDRESS, LEADER, 5, 5), NoTrade.SPLIT, id="minted"),
        pytest.param(batch(COLLATERAL_ADAPTER, COLLATERAL_ADAPTER, LEADER, 5, 5), NoTrade.SPLIT, id="handed out"),
        pytest.param(batch(LEADER, LEADER, ZERO_ADDRESS, 5, 5), NoTrade.MERGE, id="a pair burned"),
        pytest.param(batch(COLLATERAL_ADAPTER, LEADER, COLLATERAL_ADAPTER, 5, 5), NoTrade.MERGE, id="a pair pulled"),
        pytest.param(single(LEADER, LEADER, ZERO_ADDRESS), NoTrade.REDEMPTION, id="one token burned"),
        pytest.param(
            batch(COLLATERAL_ADAPTER, LEADER, COLLATERAL_ADAPTER, 5, 0), NoTrade.REDEMPTION, id="uneven pair pulled"
        ),
        pytest.param(single(AUTO_REDEEMER, LEADER, AUTO_REDEEMER), NoTrade.REDEMPTION, id="redeemed automatically"),
        pytest.param(
            single(V3_ROUTER, LEADER, BINARY_MODULE, POSITION_MANAGER), NoTrade.REDEMPTION, id="pulled by the V3 router"
        ),
        pytest.param(
            single(BINARY_MODULE, ZERO_ADDRESS, LEADER, POSITION_MANAGER), NoTrade.SPLIT, id="minted by a V3 module"
        ),
        pytest.param(batch(NEG_RISK_ADAPTER, LEADER, CONVERSION_BURN, 5), NoTrade.CONVERSION, id="NO shares burned"),
        pytest.param(
            batch(NEG_RISK_COLLATERAL_ADAPTER, LEADER, NEG_RISK_COLLATERAL_ADAPTER, 5, 5, 5),
            NoTrade.CONVERSION,
            id="NO shares pulled",
        ),
        pytest.param(
            batch(NEG_RISK_ADAPTER, NEG_RISK_ADAPTER, LEADER, 5, 5, 5), NoTrade.CONVERSION, id="YES shares handed out"
        ),
    ],
)
def test_meaning_of_a_transfer_that_stands_alone(log: Log, expected: NoTrade) -> None:
    assert reason(log) is expected


def test_a_redemption_of_equal_amounts_is_known_by_its_event() -> None:
    adapter = COLLATERAL_ADAPTER
    assert (
        reasons(
            batch(adapter, LEADER, adapter, 5, 5),
            single(adapter, adapter, ZERO_ADDRESS),
            single(adapter, adapter, ZERO_ADDRESS),
            event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, adapter),
        )
        == [NoTrade.REDEMPTION] * 4
    )


def test_a_conversion_is_not_taken_for_the_splits_inside_it() -> None:
    nra = LOCAL_NEG_RISK_ADAPTER
    assert reasons(
        batch(nra, LEADER, CONVERSION_BURN, 5),
        batch(nra, ZERO_ADDRESS, nra, 5, 5),
        event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, nra),
        batch(nra, nra, CONVERSION_BURN, 5, 5),
        batch(nra, nra, LEADER, 5, 5),
        event(nra, contracts.NEG_RISK_CONVERSION, LEADER),
    ) == [
        NoTrade.CONVERSION,
        NoTrade.CONVERSION,
        NoTrade.SPLIT,  # the ledger's own event says what it is
        NoTrade.CONVERSION,
        NoTrade.CONVERSION,
        NoTrade.CONVERSION,
    ]


def test_each_of_several_moves_keeps_its_transfers() -> None:
    adapter = LOCAL_ADAPTER
    assert reasons(
        batch(adapter, LEADER, adapter, 5, 0),
        single(adapter, adapter, ZERO_ADDRESS),
        event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, adapter),
        batch(adapter, ZERO_ADDRESS, adapter, 5, 5),
        event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, adapter),
        batch(adapter, adapter, LEADER, 5, 5),
        batch(adapter, LEADER, adapter, 5, 5),
        batch(adapter, adapter, ZERO_ADDRESS, 5, 5),
        event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, adapter),
        single(LEADER, LEADER, FRIEND),
    ) == [NoTrade.REDEMPTION] * 3 + [NoTrade.SPLIT] * 3 + [NoTrade.MERGE] * 3 + [NoTrade.TRANSFER]


def test_a_gift_after_the_wallets_own_split_stays_a_transfer() -> None:
    assert reasons(
        batch(LEADER, ZERO_ADDRESS, LEADER, 5, 5),
        event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, LEADER),
        single(LEADER, LEADER, FRIEND),
    ) == [NoTrade.SPLIT, NoTrade.SPLIT, NoTrade.TRANSFER]


def test_a_strangers_event_does_not_turn_a_gift_into_a_split() -> None:
    assert reasons(
        single(FRIEND, FRIEND, LEADER),
        event(STRANGER, contracts.NEG_RISK_SPLIT, FRIEND),
        event(STRANGER, contracts.POSITION_SPLIT, LEADER),
    ) == [NoTrade.TRANSFER, NoTrade.UNKNOWN_CONTRACT, NoTrade.UNKNOWN_CONTRACT]


def test_in_a_match_the_adapters_transfers_are_deliveries_and_a_gift_is_none() -> None:
    adapter = LOCAL_ADAPTER
    assert reasons(
        batch(adapter, ZERO_ADDRESS, adapter, 5, 5),
        event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, adapter),
        batch(adapter, adapter, STANDARD_EXCHANGE, 5, 5),
        single(STANDARD_EXCHANGE, STANDARD_EXCHANGE, LEADER),
        order_filled(LEADER, FRIEND),
        single(LEADER, LEADER, STRANGER),
    ) == [NoTrade.DELIVERY, NoTrade.SPLIT, NoTrade.DELIVERY, NoTrade.DELIVERY, NoTrade.TRANSFER]


def test_in_a_v3_match_the_modules_transfers_are_deliveries() -> None:
    assert reasons(
        single(BINARY_MODULE, ZERO_ADDRESS, EXCHANGE_V3, POSITION_MANAGER),
        event(BINARY_MODULE, contracts.MODULE_SPLIT, EXCHANGE_V3),
        single(EXCHANGE_V3, LEADER, BINARY_MODULE, POSITION_MANAGER),
        single(BINARY_MODULE, BINARY_MODULE, ZERO_ADDRESS, POSITION_MANAGER),
        order_filled(LEADER, EXCHANGE_V3, EXCHANGE_V3),
    ) == [NoTrade.DELIVERY, NoTrade.SPLIT, NoTrade.DELIVERY, NoTrade.DELIVERY]


def test_transactions_of_a_list_do_not_explain_each_other() -> None:
    gift = single(COLLATERAL_ADAPTER, COLLATERAL_ADAPTER, LEADER)._replace(tx_hash=TX, log_index=0)
    merge = event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, FRIEND)._replace(tx_hash=TxHash(WORD), log_index=0)
    seen = explain([gift, merge], LEADER, POLYGON, complete=False)
    assert [row.reason for row in seen.ignored] == [NoTrade.SPLIT, NoTrade.MERGE]


def test_a_self_trade_is_a_fill_in_both_roles() -> None:
    logs = transaction(order_filled(LEADER, LEADER), order_filled(LEADER, STANDARD_EXCHANGE))
    seen = explain(logs, LEADER, POLYGON, complete=True)
    assert [fill.role.value for fill in seen.fills] == ["maker", "taker"]
    assert seen.ignored == ()


def test_the_same_log_twice_is_one_fill() -> None:
    log = order_filled(LEADER, FRIEND)._replace(tx_hash=TX, log_index=4)
    seen = explain([log, log], LEADER, POLYGON, complete=False)
    assert len(seen.fills) == 1
    assert [row.reason for row in seen.ignored] == [NoTrade.REPEATED]


def test_a_row_says_whether_it_concerns_the_wallet() -> None:
    seen = explain(
        transaction(order_filled(FRIEND, LEADER), order_filled(FRIEND, STRANGER)), LEADER, POLYGON, complete=True
    )
    assert [row.concerns_wallet for row in seen.ignored] == [True, False]


@dataclass(frozen=True)
class Reverted:
    logs: tuple[Log, ...]
    rows: list[int | None]


@pytest.mark.parametrize(
    "case", [Reverted((), [None]), Reverted(tuple(transaction(order_filled(LEADER, FRIEND))), [0])]
)
def test_nothing_in_a_reverted_transaction_is_a_fill(case: Reverted) -> None:
    receipt = Receipt(tx_hash=TX, block_number=1, succeeded=False, gas_used=1, logs=case.logs)
    seen = explain_receipt(receipt, LEADER, POLYGON)
    assert seen.fills == ()
    assert [(row.log_index, row.reason) for row in seen.ignored] == [(index, NoTrade.REVERTED) for index in case.rows]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(encode(["uint256", "uint256"], [64, 96]), id="arrays beyond the data"),
        pytest.param(encode(["uint256"] * 3, [2**255, 64, 0]), id="an offset far away"),
        pytest.param(encode(["uint256"] * 3, [63, 64, 0]), id="an offset between words"),
        pytest.param(encode(["uint256"] * 4, [64, 96, 0, 2**200]), id="an endless array"),
        pytest.param(encode(["uint256[]", "uint256[]"], [[1, 2], [3]]), id="unequal lengths"),
        pytest.param(encode(["uint256[]", "uint256[]"], [[1], [3]]) + b"\0", id="a byte too many"),
    ],
)
def test_a_malformed_batch_is_no_transfer(data: bytes) -> None:
    assert decode_transfer(batch(LEADER, LEADER, FRIEND, 1)._replace(data=data)) is None
