"""Calldata and events, each decoded or encoded here by the signatures in the contract's source."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from remora.adapters.chain.clearinghouse import MAX_LEGS, MAX_REFUELS, ClearinghouseCustody
from remora.domain.chain import Log, Receipt
from remora.domain.contracts import Exchanges, Ledgers
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.ids import Address, IntentId, SettlementId, TokenId, TxHash
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.order import Leg, LegFailure, SettlementStep

CLEARINGHOUSE = Address("0x" + "c1" * 20)
COLLATERAL = Address("0x" + "c0" * 20)
CONDITIONAL_TOKENS = Address("0x" + "c7" * 20)
EXCHANGE = Address("0x" + "e1" * 20)
NEG_RISK_EXCHANGE = Address("0x" + "e2" * 20)
EXCHANGE_V3 = Address("0x" + "e3" * 20)
POSITION_MANAGER = Address("0x" + "c8" * 20)
OPERATOR = Address("0x" + "0a" * 20)
FOLLOWER = Address("0x" + "f0" * 20)
OTHER_FOLLOWER = Address("0x" + "f1" * 20)
TOKEN = TokenId(2**255 + 11)
TX_HASH = TxHash("0x" + "77" * 32)
FIRST = SettlementId("0x" + "51" * 32)
SECOND = SettlementId("0x" + "52" * 32)
MAX_GAS = 2**25
SOURCE = Path(__file__).parents[3] / "contracts" / "Clearinghouse.vy"

custody = ClearinghouseCustody(
    clearinghouse=CLEARINGHOUSE,
    collateral=COLLATERAL,
    ledgers=Ledgers(conditional_tokens=CONDITIONAL_TOKENS, position_manager=POSITION_MANAGER),
    exchanges=Exchanges(standard=EXCHANGE, neg_risk=NEG_RISK_EXCHANGE, v3=EXCHANGE_V3),
)


def leg(**changes: Any) -> Leg:
    fields: dict[str, Any] = {
        "settlement_id": FIRST,
        "intent_id": IntentId("intent"),
        "step": SettlementStep.DELIVER,
        "wallet": OPERATOR,
        "follower": FOLLOWER,
        "token_id": TOKEN,
        "shares": Shares(1_000_000),
        "collateral": Collateral(520_000),
    }
    return Leg(**(fields | changes))


def raw(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal[2:])


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


def test_delivery_calldata() -> None:
    legs = [leg(), leg(settlement_id=SECOND, follower=OTHER_FOLLOWER, shares=Shares(7), collateral=Collateral(0))]
    call = custody.settle(SettlementStep.DELIVER, legs)
    assert (call.to, call.value) == (CLEARINGHOUSE, Wei(0))
    assert call.data[:4] == selector("deliver(uint256,(bytes32,address,uint256,uint256)[])")
    assert decode(["uint256", "(bytes32,address,uint256,uint256)[]"], call.data[4:]) == (
        TOKEN,
        ((raw(FIRST), FOLLOWER, 1_000_000, 520_000), (raw(SECOND), OTHER_FOLLOWER, 7, 0)),
    )


def test_collection_calldata() -> None:
    call = custody.settle(SettlementStep.COLLECT, [leg(step=SettlementStep.COLLECT)])
    assert call.data[:4] == selector("collect(uint256,(bytes32,address,uint256)[])")
    decoded = decode(["uint256", "(bytes32,address,uint256)[]"], call.data[4:])
    assert decoded == (TOKEN, ((raw(FIRST), FOLLOWER, 1_000_000),))


def test_remittance_calldata_takes_several_tokens() -> None:
    sold = leg(step=SettlementStep.REMIT, returned=Shares(3))
    call = custody.settle(SettlementStep.REMIT, [sold, replace(sold, token_id=TokenId(12), settlement_id=SECOND)])
    assert call.data[:4] == selector("remit((bytes32,address,uint256,uint256,uint256,uint256)[])")
    (rows,) = decode(["(bytes32,address,uint256,uint256,uint256,uint256)[]"], call.data[4:])
    assert rows == (
        (raw(FIRST), FOLLOWER, TOKEN, 1_000_000, 520_000, 3),
        (raw(SECOND), FOLLOWER, 12, 1_000_000, 520_000, 3),
    )


def test_refuel_calldata_carries_the_sum() -> None:
    call = custody.refuel({OPERATOR: Wei(5), FOLLOWER: Wei(7)})
    assert call.value == Wei(12)
    assert call.data[:4] == selector("refuel(address[],uint256[])")
    assert decode(["address[]", "uint256[]"], call.data[4:]) == ((OPERATOR, FOLLOWER), (5, 7))


def test_transfer_calldata_sends_collateral() -> None:
    call = custody.transfer(OPERATOR, Collateral(12_500_000))
    assert (call.to, call.value, call.data[:4]) == (COLLATERAL, Wei(0), selector("transfer(address,uint256)"))
    assert decode(["address", "uint256"], call.data[4:]) == (OPERATOR, 12_500_000)


def test_approvals_cover_each_exchange_for_what_it_moves_and_the_clearinghouse_for_all() -> None:
    approvals = custody.approvals()
    assert {(each.ledger, each.spender) for each in approvals} == {
        *((None, each) for each in (EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3, CLEARINGHOUSE)),
        *((CONDITIONAL_TOKENS, each) for each in (EXCHANGE, NEG_RISK_EXCHANGE, CLEARINGHOUSE)),
        *((POSITION_MANAGER, each) for each in (EXCHANGE_V3, CLEARINGHOUSE)),
    }
    assert len(approvals) == 9


def test_an_approval_is_the_call_that_gives_it() -> None:
    for approval in custody.approvals():
        call = approval.call
        if approval.ledger is None:
            assert (call.to, call.data[:4]) == (COLLATERAL, selector("approve(address,uint256)"))
            assert decode(["address", "uint256"], call.data[4:]) == (approval.spender, 2**256 - 1)
        else:
            assert (call.to, call.data[:4]) == (approval.ledger, selector("setApprovalForAll(address,bool)"))
            assert decode(["address", "bool"], call.data[4:]) == (approval.spender, True)


def test_a_full_call_fits_into_a_transaction_of_polygon() -> None:
    assert custody.settle(SettlementStep.DELIVER, [leg()] * MAX_LEGS).gas <= MAX_GAS
    assert custody.refuel({Address(f"0x{i:040x}"): Wei(1) for i in range(MAX_REFUELS)}).gas <= MAX_GAS


@pytest.mark.parametrize(
    ("step", "legs", "message"),
    [
        (SettlementStep.DELIVER, [], "1 to 80 legs, asked for 0"),
        (SettlementStep.DELIVER, [leg()] * 81, "1 to 80 legs, asked for 81"),
        (SettlementStep.COLLECT, [leg()], "another step"),
        (SettlementStep.DELIVER, [leg(), leg(token_id=TokenId(12))], "several tokens"),
    ],
    ids=["none", "too many", "another step", "several tokens"],
)
def test_legs_that_cannot_share_a_transaction_are_refused(step: SettlementStep, legs: list[Leg], message: str) -> None:
    with pytest.raises(InvariantBroken, match=message):
        custody.settle(step, legs)


@pytest.mark.parametrize("count", [0, 65])
def test_too_many_wallets_or_none_are_refused(count: int) -> None:
    with pytest.raises(InvariantBroken, match=f"1 to 64 wallets, asked for {count}"):
        custody.refuel({Address(f"0x{i:040x}"): Wei(1) for i in range(count)})


def event(signature: str, settlement_id: str, *values: int, address: Address = CLEARINGHOUSE) -> Log:
    return Log(
        address=address,
        topics=(f"0x{keccak(text=signature).hex()}", settlement_id, f"0x{FOLLOWER[2:]:0>64}"),
        data=encode(["uint256"] * len(values), values),
    )


def receipt(*logs: Log) -> Receipt:
    return Receipt(tx_hash=TX_HASH, block_number=1, succeeded=True, gas_used=1, logs=logs)


DELIVERED = "Delivered(bytes32,address,address,uint256,uint256,uint256)"
COLLECTED = "Collected(bytes32,address,address,uint256,uint256)"
REMITTED = "Remitted(bytes32,address,address,uint256,uint256,uint256,uint256)"
LEG_FAILED = "LegFailed(bytes32,address,uint8)"


@pytest.mark.parametrize(("signature", "values"), [(DELIVERED, 3), (COLLECTED, 2), (REMITTED, 4)])
def test_an_event_of_each_step_settles_its_leg(signature: str, values: int) -> None:
    (outcome,) = custody.outcomes(receipt(event(signature, FIRST, *range(values))))
    assert (outcome.settlement_id, outcome.settled, outcome.failure) == (FIRST, True, LegFailure.NONE)
    assert outcome.tx_hash == TX_HASH


@pytest.mark.parametrize("failure", [each for each in LegFailure if each])
def test_a_failed_leg_tells_its_reason_and_a_replay_counts_as_settled(failure: LegFailure) -> None:
    (outcome,) = custody.outcomes(receipt(event(LEG_FAILED, FIRST, failure)))
    assert (outcome.settled, outcome.failure) == (failure is LegFailure.ALREADY_SETTLED, failure)


def test_other_events_say_nothing_of_legs() -> None:
    transfer = event("Transfer(address,address,uint256)", FIRST, 1, address=COLLATERAL)
    forged = event(DELIVERED, FIRST, 1, 2, 3, address=COLLATERAL)
    refueled = event("Refueled(address,uint256)", FIRST, 1)
    anonymous = refueled._replace(topics=())
    found = custody.outcomes(receipt(transfer, forged, refueled, anonymous, event(LEG_FAILED, SECOND, 5)))
    assert [outcome.settlement_id for outcome in found] == [SECOND]


def test_a_reason_that_nobody_knows_is_malformed() -> None:
    with pytest.raises(Malformed, match="expected a reason why a leg failed, found 12"):
        custody.outcomes(receipt(event(LEG_FAILED, FIRST, 12)))


def test_reasons_are_those_of_the_contract() -> None:
    declared = re.findall(r"^([A-Z_]+): constant\(uint8\) = (\d+)$", SOURCE.read_text(), re.MULTILINE)
    assert {name: int(number) for name, number in declared} == {
        failure.name: failure.value for failure in LegFailure if failure is not LegFailure.NONE
    }
