"""What the store gives back: orders, transactions and debts as they were recorded, to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address, IntentId, OrderHash, PolicyId, SettlementId, SignalId, TokenId, TxHash
from remora.domain.ledger import Posting
from remora.domain.money import Collateral, Shares
from remora.domain.order import Allocation, BlockOrder, IntentState, Leg, LegFailure, LegState, OrderState
from remora.domain.reasons import Because
from remora.domain.signal import SignalState
from remora.domain.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSignal:
    """Where a stored signal stands: what it is of, its state, and its block if it is in one."""

    signal_id: SignalId
    exchange: Address
    order_hash: OrderHash
    tx_hash: TxHash
    leader: Address
    state: SignalState
    block_number: int | None
    block_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSignal:
    """A signal whose transaction is in no block any more, or never will be, and how many of its intents were sent."""

    signal_id: SignalId
    tx_hash: TxHash
    state: SignalState
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """An order whose end is not known yet. `matched` is what the venue reported, provisionally; None before it did.

    `rests_until_us` is when it is to be cancelled, if it rests in the book. `rest_of` is the order whose rest this one
    tries once more; its block is the whole one, so that both are allocated together when this one ends. `debt_id` is
    the debt whose shares it sells.
    """

    order_hash: OrderHash
    wallet: Address
    block: BlockOrder
    state: OrderState
    making: int
    matched: Shares | None
    sent_us: int
    rests_until_us: int | None = None
    rest_of: OrderHash | None = None
    debt_id: SettlementId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What an order filled in blocks so far, summed."""

    shares: Shares
    collateral: Collateral
    fee: Collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFill:
    """A fill of ours that is in the books, and the block that it was first heard in."""

    order_hash: OrderHash
    tx_hash: TxHash
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFill:
    """A fill of ours that was heard after its order had ended, and that nobody has got anything of yet.

    The parts of `block` are what the order's intents still have room for: of a BUY the budget that nothing was bought
    for, of a SELL the shares that are not on their way back. `free` are those that no other order has got since.
    """

    order_hash: OrderHash
    tx_hash: TxHash
    wallet: Address
    block: BlockOrder
    filled: Filled
    free: frozenset[IntentId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """What became of a late fill: who got what, what is to be settled, what the books say; the rest is nobody's."""

    allocations: tuple[Allocation, ...]
    legs: tuple[Leg, ...]
    postings: tuple[Posting, ...]
    nobodys: Filled


class Reversal(StrEnum):
    """What became of an order one of whose fills no block has any more. The values are shown.

    `open`: it had not ended. `reopened`: nothing of it was settled, its end is undone. `settled`: something was, so the
    fleet has lost it. `under way`: a settlement is, and nothing was changed. `unknown`: there is no such fill.
    """

    OPEN = "open"
    REOPENED = "reopened"
    SETTLED = "settled"
    UNDER_WAY = "under way"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTransaction:
    """A transaction that was recorded and whose end is not known yet, with the legs that it settles, if any.

    Of one that a block had before a reorg the legs are those that it settled, or refused, then.
    `earlier` are those of the same account nonce that it shall replace, in the order in which they were recorded. A
    block may take any of them.
    """

    transaction: Transaction
    tx_hash: TxHash
    purpose: str
    legs: tuple[Leg, ...]
    earlier: tuple[Transaction, ...] = ()


class DebtSide(StrEnum):
    """Who owes whom: the follower for shares not delivered, or the operator for proceeds not remitted."""

    FOLLOWER = "follower"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a leg that failed leaves owed: `due` is its collateral, secured by the leg's shares."""

    side: DebtSide
    leg: Leg
    due: Collateral
    failure: LegFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """A settlement leg that failed, and what became of it since: due = collected + sold + written off + left.

    Its id is the leg's. `cause` is the last refusal. `legs` are what is left to be settled and is not on its way: the
    leg itself, or the parts that stand for it. `sold` is what sales of its shares brought against it, of which `sales`
    were tried. `policy_id` and `leader` are those of the copy that it is of.
    """

    debt_id: SettlementId
    side: DebtSide
    cause: LegFailure
    follower: Address
    wallet: Address
    token_id: TokenId
    due: Collateral
    policy_id: PolicyId
    leader: Address
    collected: Collateral
    sold: Collateral
    written_off: Collateral
    opened_us: int
    tries: int
    tried_us: int | None
    next_try_us: int
    sales: int
    legs: tuple[Leg, ...]

    @property
    def left(self) -> Collateral:
        """What is still owed."""
        return self.due - self.collected - self.sold - self.written_off

    @property
    def moving(self) -> Collateral:
        """What of it is on its way."""
        return self.left - Collateral(sum(leg.collateral.units for leg in self.legs))

    @property
    def held(self) -> Shares:
        """The shares that the operator wallet keeps for what is left, or owes beside the proceeds."""
        return Shares(sum((leg.shares + leg.returned).units for leg in self.legs))


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtSale:
    """What an order brought that sold a debt's shares, the fee taken off; nothing, when nobody bought.

    `cause` names it: the intent, or one fill of it.
    """

    debt_id: SettlementId
    intent_id: IntentId
    cause: str
    shares: Shares
    proceeds: Collateral
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEffect:
    """What the outcome of a leg changes: the leg, its intent, the books, the debts. None changes nothing."""

    settlement_id: SettlementId
    leg_state: LegState
    intent_state: IntentState | None
    because: Because | None
    posting: Posting | None
    debt: Owed | None
