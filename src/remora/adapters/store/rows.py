"""Between rows and domain values: the only place where either's shape is spelled out for the other."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from remora.domain.ids import Address, IntentId, OrderHash, PolicyId, SettlementId, SignalId, TokenId, TxHash
from remora.domain.money import Collateral, Price, Shares, Wei
from remora.domain.order import (
    BlockOrder,
    Denial,
    Intent,
    IntentState,
    Leg,
    LegFailure,
    LegState,
    OrderState,
    Part,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because
from remora.domain.records import Debt, DebtSide, OpenOrder
from remora.domain.signal import Fill, Side, Signal
from remora.domain.transaction import Call, GasPrice, Transaction

Values = dict[str, Any]


def signal_values(signal: Signal, stored_us: int) -> Values:
    return {
        "signal_id": signal.signal_id,
        "chain_id": signal.chain_id,
        "exchange": signal.exchange,
        "order_hash": signal.order_hash,
        "tx_hash": signal.tx_hash,
        "leader": signal.leader,
        "role": signal.role,
        "side": signal.side,
        "token_id": str(signal.token_id),
        "shares": signal.shares.units,
        "collateral": signal.collateral.units,
        "fee": signal.fee.units,
        "block_number": signal.block_number,
        "log_index": signal.log_index,
        "heard_us": signal.heard_us,
        "block_us": signal.block_us,
        "stored_us": stored_us,
    }


def intent_values(intent: Intent, state: IntentState) -> Values:
    return {
        "intent_id": intent.intent_id,
        "signal_id": intent.signal_id,
        "policy_id": intent.policy_id,
        "follower": intent.follower,
        "side": intent.side,
        "token_id": str(intent.token_id),
        "limit_price": intent.limit.units,
        "budget": intent.budget.units,
        "shares": intent.shares.units,
        "deadline_us": intent.deadline_us,
        "state": state,
    }


def intent_of(row: Row[Any]) -> Intent:
    return Intent(
        intent_id=IntentId(row.intent_id),
        signal_id=SignalId(row.signal_id),
        policy_id=PolicyId(row.policy_id),
        follower=Address(row.follower),
        side=Side(row.side),
        token_id=TokenId(int(row.token_id)),
        limit=Price(row.limit_price),
        budget=Collateral(row.budget),
        shares=Shares(row.shares),
        deadline_us=row.deadline_us,
    )


def denial_values(denial: Denial) -> Values:
    return {
        "signal_id": denial.signal_id,
        "policy_id": denial.policy_id,
        "follower": denial.follower,
        **because_values(denial.because),
    }


def because_values(because: Because) -> Values:
    return {"reason": because.reason, "facts": json.dumps(dict(because.facts))}


def order_values(order: SignedOrder, block: BlockOrder, *, neg_risk: bool, sent_us: int) -> Values:
    return {
        "order_hash": order.order_hash,
        "wallet": order.terms.maker,
        "neg_risk": neg_risk,
        "kind": order.kind,
        "side": block.side,
        "token_id": str(block.token_id),
        "limit_price": block.limit.units,
        "maker_amount": order.terms.maker_amount,
        "taker_amount": order.terms.taker_amount,
        "salt": order.terms.salt,
        "timestamp_ms": order.terms.timestamp_ms,
        "deadline_us": block.deadline_us,
        "state": OrderState.RECORDED,
        "sent_us": sent_us,
    }


def part_values(order_hash: OrderHash, position: int, part: Part) -> Values:
    return {
        "order_hash": order_hash,
        "intent_id": part.intent_id,
        "position": position,
        "budget": part.budget.units,
        "shares": part.shares.units,
    }


def open_order_of(row: Row[Any], parts: tuple[Part, ...]) -> OpenOrder:
    block = BlockOrder(
        token_id=TokenId(int(row.token_id)),
        side=Side(row.side),
        limit=Price(row.limit_price),
        parts=parts,
        deadline_us=row.deadline_us,
    )
    return OpenOrder(
        order_hash=OrderHash(row.order_hash),
        wallet=Address(row.wallet),
        block=block,
        state=OrderState(row.state),
        making=row.maker_amount,
        matched=None if row.matched is None else Shares(row.matched),
        sent_us=row.sent_us,
    )


def part_of(row: Row[Any]) -> Part:
    return Part(
        intent_id=IntentId(row.intent_id),
        follower=Address(row.follower),
        budget=Collateral(row.budget),
        shares=Shares(row.shares),
    )


def fill_values(fill: Fill, heard_us: int) -> Values:
    return {
        "order_hash": fill.order_hash,
        "tx_hash": fill.tx_hash,
        "shares": fill.shares.units,
        "collateral": fill.collateral.units,
        "fee": fill.fee.units,
        "block_number": fill.block_number,
        "heard_us": heard_us,
    }


def leg_values(leg: Leg) -> Values:
    return {
        "settlement_id": leg.settlement_id,
        "intent_id": leg.intent_id,
        "step": leg.step,
        "wallet": leg.wallet,
        "follower": leg.follower,
        "token_id": str(leg.token_id),
        "shares": leg.shares.units,
        "collateral": leg.collateral.units,
        "returned": leg.returned.units,
        "state": LegState.PENDING,
    }


def leg_of(row: Row[Any]) -> Leg:
    return Leg(
        settlement_id=SettlementId(row.settlement_id),
        intent_id=IntentId(row.intent_id),
        step=SettlementStep(row.step),
        wallet=Address(row.wallet),
        follower=Address(row.follower),
        token_id=TokenId(int(row.token_id)),
        shares=Shares(row.shares),
        collateral=Collateral(row.collateral),
        returned=Shares(row.returned),
    )


def transaction_values(transaction: Transaction, tx_hash: TxHash, purpose: str, sent_us: int) -> Values:
    return {
        "tx_hash": tx_hash,
        "chain_id": transaction.chain_id,
        "wallet": transaction.wallet,
        "nonce": transaction.nonce,
        "target": transaction.call.to,
        "data": transaction.call.data.hex(),
        "value": str(transaction.call.value.units),
        "gas": transaction.call.gas,
        "max_fee": str(transaction.gas_price.max_fee.units),
        "priority_fee": str(transaction.gas_price.priority_fee.units),
        "purpose": purpose,
        "state": "recorded",
        "sent_us": sent_us,
    }


def transaction_of(row: Row[Any]) -> Transaction:
    call = Call(to=Address(row.target), data=bytes.fromhex(row.data), value=Wei(int(row.value)), gas=row.gas)
    gas_price = GasPrice(max_fee=Wei(int(row.max_fee)), priority_fee=Wei(int(row.priority_fee)))
    return Transaction(
        chain_id=row.chain_id, wallet=Address(row.wallet), nonce=row.nonce, call=call, gas_price=gas_price
    )


def debt_of(row: Row[Any]) -> Debt:
    return Debt(side=DebtSide(row.side), leg=leg_of(row), due=Collateral(row.due), failure=LegFailure[row.failure])
