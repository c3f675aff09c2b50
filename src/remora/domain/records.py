"""What the store gives back: orders, transactions and debts as they were recorded, to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, OrderHash, SettlementId, TxHash
from remora.domain.ledger import Posting
from remora.domain.money import Collateral, Shares
from remora.domain.order import BlockOrder, IntentState, Leg, LegFailure, LegState, OrderState
from remora.domain.reasons import Because
from remora.domain.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order whose end is not known yet. `matched` is what the venue reported, provisionally; None before it did."""

    order_hash: OrderHash
    wallet: Address
    block: BlockOrder
    state: OrderState
    making: int
    matched: Shares | None
    sent_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What an order filled in blocks so far, summed."""

    shares: Shares
    collateral: Collateral
    fee: Collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTransaction:
    """A transaction that was recorded and whose end is not known yet, with the legs that it settles, if any."""

    transaction: Transaction
    tx_hash: TxHash
    purpose: str
    legs: tuple[Leg, ...]


class DebtSide(StrEnum):
    """Who owes whom: the follower for shares not delivered, or the operator for proceeds not remitted."""

    FOLLOWER = "follower"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """A settlement leg that failed and is still owed. `due` is its collateral, secured by the leg's shares."""

    side: DebtSide
    leg: Leg
    due: Collateral
    failure: LegFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEffect:
    """What the outcome of a leg changes: the leg, its intent, the books, the debts. None changes nothing."""

    settlement_id: SettlementId
    leg_state: LegState
    intent_state: IntentState | None
    because: Because | None
    posting: Posting | None
    debt: Debt | None
