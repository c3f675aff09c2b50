"""Between rows and domain values: the only place where either's shape is spelled out for the other."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from remora.domain.history import TradeKey
from remora.domain.ids import Address, IntentId, OrderHash, PolicyId, SettlementId, SignalId, TokenId, TxHash
from remora.domain.money import Collateral, Price, Shares, Wei
from remora.domain.order import (
    BlockOrder,
    Cut,
    Denial,
    Intent,
    IntentState,
    Leg,
    LegFailure,
    LegState,
    OrderKind,
    OrderState,
    Part,
    SettlementStep,
    SignedOrder,
    Sized,
)
from remora.domain.reasons import Because, Reason
from remora.domain.records import BookedFill, Debt, DebtSide, KnownSignal, OpenOrder
from remora.domain.signal import Fill, Side, Signal, SignalState
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
        "block_hash": signal.block_hash,
        "source": signal.source,
        "state": signal.state,
        "mined_heard_us": signal.heard_us if signal.state is SignalState.MINED else None,
        "kind": signal.kind,
        "held_before": held_before_units(signal),
    }


def held_before_units(signal: Signal) -> int | None:
    return None if signal.held_before is None else signal.held_before.units


def mined_values(signal: Signal) -> Values:
    """Return what a signal learns when it is found in a block."""
    return {
        "tx_hash": signal.tx_hash,
        "shares": signal.shares.units,
        "collateral": signal.collateral.units,
        "fee": signal.fee.units,
        "role": signal.role,
        "block_number": signal.block_number,
        "block_hash": signal.block_hash,
        "log_index": signal.log_index,
        "block_us": signal.block_us,
        "state": SignalState.MINED,
        "mined_heard_us": signal.heard_us,
    }


def known_signal_of(row: Row[Any]) -> KnownSignal:
    return KnownSignal(
        signal_id=SignalId(row.signal_id),
        exchange=Address(row.exchange),
        order_hash=OrderHash(row.order_hash),
        tx_hash=TxHash(row.tx_hash),
        leader=Address(row.leader),
        state=SignalState(row.state),
        block_number=row.block_number,
        block_hash=row.block_hash,
    )


def trade_key_of(row: Row[Any]) -> TradeKey:
    return TradeKey(
        leader=Address(row.leader),
        tx_hash=TxHash(row.tx_hash),
        token_id=TokenId(int(row.token_id)),
        side=Side(row.side),
    )


def intent_values(intent: Intent, state: IntentState, decided_us: int, sized: Sized | None = None) -> Values:
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
        "kind": intent.kind,
        "rest_s": intent.rest_s,
        "state": state,
        "fee_bound": intent.fee_bound.units,
        "condition_id": intent.condition_id,
        "decided_us": decided_us,
        "sized": None if sized is None else json.dumps(_sized_values(sized)),
    }


def _sized_values(sized: Sized) -> Values:
    told = ((cut.left, cut.because.reason, cut.because.facts) for cut in sized.cuts)
    cuts = [{"left": str(left), "reason": reason, "facts": dict(facts)} for left, reason, facts in told]
    return {**sized.facts, "cuts": cuts} if cuts else dict(sized.facts)


def sized_of(row: Row[Any]) -> Sized | None:
    if not row.sized:
        return None
    facts = json.loads(row.sized)
    cuts = (
        Cut(left=Collateral.parse(cut["left"]), because=Because(reason=Reason(cut["reason"]), facts=cut["facts"]))
        for cut in facts.pop("cuts", ())
    )
    return Sized(facts=facts, cuts=tuple(cuts))


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
        fee_bound=Collateral(row.fee_bound),
        condition_id=row.condition_id,
        kind=OrderKind(row.kind),
        rest_s=row.rest_s,
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


def order_values(
    order: SignedOrder, block: BlockOrder, *, neg_risk: bool, sent_us: int, rest_of: OrderHash | None = None
) -> Values:
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
        "rests_until_us": sent_us + block.rest_s * 1_000_000 if block.kind is OrderKind.GTD else None,
        "rest_of": rest_of,
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
        kind=OrderKind(row.kind),
    )
    return OpenOrder(
        order_hash=OrderHash(row.order_hash),
        wallet=Address(row.wallet),
        block=block,
        state=OrderState(row.state),
        making=row.maker_amount,
        matched=None if row.matched is None else Shares(row.matched),
        sent_us=row.sent_us,
        rests_until_us=row.rests_until_us,
        rest_of=None if row.rest_of is None else OrderHash(row.rest_of),
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
        "final": False,
    }


def booked_fill_of(row: Row[Any]) -> BookedFill:
    return BookedFill(order_hash=OrderHash(row.order_hash), tx_hash=TxHash(row.tx_hash), block_number=row.block_number)


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
    """Return the row of the first transaction of an account nonce."""
    return {
        "tx_hash": tx_hash,
        "chain_id": transaction.chain_id,
        "wallet": transaction.wallet,
        "nonce": transaction.nonce,
        "attempt": 0,
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


def debt_of(row: Row[Any], legs: tuple[Leg, ...]) -> Debt:
    return Debt(
        debt_id=SettlementId(row.settlement_id),
        side=DebtSide(row.side),
        cause=LegFailure[row.failure],
        follower=Address(row.follower),
        wallet=Address(row.wallet),
        token_id=TokenId(int(row.token_id)),
        due=Collateral(row.due),
        policy_id=PolicyId(row.policy_id),
        leader=Address(row.leader),
        collected=Collateral(row.collected),
        sold=Collateral(row.sold),
        written_off=Collateral(row.written_off),
        opened_us=row.opened_us,
        tries=row.tries,
        tried_us=row.tried_us,
        next_try_us=row.next_try_us,
        sales=row.sales,
        legs=legs,
    )
