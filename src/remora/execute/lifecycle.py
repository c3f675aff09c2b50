"""An order's life as pure steps: what a fill posts, when an order is complete, and what its end means for everyone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remora.domain import ledger
from remora.domain.ids import Address, IntentId, settlement_id
from remora.domain.ledger import Entry, Posting, transfer
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.domain.order import Allocation, BlockOrder, Leg, Part, SettlementStep
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import DebtSale, Filled, OpenOrder
from remora.domain.signal import Fill, Side
from remora.execute.allocation import Split, allocate


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What the end of an order means: who got what, who got nothing and why, what to settle, what the books say."""

    allocations: tuple[Allocation, ...]
    failures: Mapping[IntentId, Because]
    legs: tuple[Leg, ...]
    postings: tuple[Posting, ...]


def fill_posting(fill: Fill) -> Posting:
    """Return the books of one of our fills: shares against collateral and fee, between operator wallet and venue."""
    wallet = ledger.operator_account(fill.wallet)
    token = str(fill.token_id)
    fee = transfer(wallet, ledger.FEES, ledger.COLLATERAL, fill.fee.units)
    if fill.side is Side.BUY:
        moves = (*transfer(wallet, ledger.VENUE, ledger.COLLATERAL, fill.collateral.units), *fee,
                 *transfer(ledger.VENUE, wallet, token, fill.shares.units))  # fmt: skip
    else:
        moves = (*transfer(ledger.VENUE, wallet, ledger.COLLATERAL, fill.collateral.units), *fee,
                 *transfer(wallet, ledger.VENUE, token, fill.shares.units))  # fmt: skip
    return ledger.check(Posting(posting_id=ledger.fill_id(fill.order_hash, fill.tx_hash), entries=moves))


def is_complete(order: OpenOrder, filled: Filled) -> bool:
    """Tell whether blocks hold all that the venue matched. False before the venue has said how much that is."""
    return bool(order.matched) and order.matched is not None and filled.shares >= order.matched


def end(
    order: OpenOrder,
    filled: Filled,
    because_nothing: Because | None = None,
    *,
    halted: Mapping[IntentId, Because] = MappingProxyType({}),
) -> Ending:
    """Return what it means that an order ends with what it filled.

    `because_nothing` explains intents left empty, except those for whom it was taken back, who are `halted`. Of one
    that sells a debt's shares, what it brought is the debt's: `debt_sale` tells how much.
    """
    nothing = because_nothing or because(Reason.NOT_FILLED, limit=order.block.limit)
    if order.debt_id is not None:
        unsold = () if filled.shares else order.block.parts
        return Ending(allocations=(), failures={part.intent_id: nothing for part in unsold}, legs=(), postings=())
    split = _split(order, filled)
    legs = tuple(legs_of(order.wallet, order.block, split.allocations))
    return Ending(
        allocations=split.allocations if filled.shares else (),
        failures={a.intent_id: halted.get(a.intent_id, nothing) for a in split.allocations if not a.shares},
        legs=legs,
        postings=claims(ledger.claims_id(order.order_hash), order.block.side, filled, legs),
    )


def legs_of(wallet: Address, block: BlockOrder, allocations: Iterable[Allocation]) -> Iterator[Leg]:
    """Yield the leg that settles what each intent got of a block order on an operator wallet."""
    buying = block.side is Side.BUY
    step = SettlementStep.DELIVER if buying else SettlementStep.REMIT
    for allocation in allocations:
        if buying and not allocation.shares:
            continue
        yield Leg(
            settlement_id=settlement_id(step, allocation.intent_id),
            intent_id=allocation.intent_id,
            step=step,
            wallet=wallet,
            follower=allocation.follower,
            token_id=block.token_id,
            shares=allocation.shares,
            collateral=_due(allocation) if buying else allocation.collateral - allocation.fee,
            returned=allocation.unsold,
        )


def claims(name: str, side: Side, filled: Filled, legs: Iterable[Leg]) -> tuple[Posting, ...]:
    """Return the posting of what each leg's follower owes or is due of a fill; what no leg has is dust."""
    if not filled.shares:
        return ()
    if side is Side.BUY:
        asset, total, source = ledger.RECEIVABLE, (filled.collateral + filled.fee).units, ledger.SPENT
    else:
        asset, total, source = ledger.PAYABLE, (filled.collateral - filled.fee).units, ledger.EARNED
    owed = [_claim(leg.follower, asset, leg.collateral) for leg in legs]
    dust = Entry(account=ledger.DUST, asset=asset, units=total - sum(claim.units for claim in owed))
    whole = Entry(account=source, asset=asset, units=-total)
    return (ledger.check(Posting(posting_id=name, entries=(whole, *owed, dust))),)


def debt_sale(order: OpenOrder, filled: Filled, at_us: int) -> DebtSale | None:
    """Return what an order brought a debt whose shares it sold, None for every other order."""
    if order.debt_id is None:
        return None
    (part,) = order.block.parts
    return DebtSale(
        debt_id=order.debt_id,
        intent_id=part.intent_id,
        cause=part.intent_id,
        shares=filled.shares,
        proceeds=filled.collateral - filled.fee,
        at_us=at_us,
    )


def collect_leg(block: BlockOrder, wallet: Address, part: Part) -> Leg:
    """Return the leg that brings a follower's shares to the operator wallet that will sell them."""
    return Leg(
        settlement_id=settlement_id(SettlementStep.COLLECT, part.intent_id),
        intent_id=part.intent_id,
        step=SettlementStep.COLLECT,
        wallet=wallet,
        follower=part.follower,
        token_id=block.token_id,
        shares=part.shares,
        collateral=ZERO_COLLATERAL,
    )


def give_back(leg: Leg) -> Leg:
    """Return the remit leg that gives a collected leg's shares back unsold."""
    return Leg(
        settlement_id=settlement_id("remit", leg.intent_id),
        intent_id=leg.intent_id,
        step=SettlementStep.REMIT,
        wallet=leg.wallet,
        follower=leg.follower,
        token_id=leg.token_id,
        shares=type(leg.shares)(0),
        collateral=ZERO_COLLATERAL,
        returned=leg.shares,
    )


def _split(order: OpenOrder, filled: Filled) -> Split:
    return allocate(
        order.block.parts,
        side=order.block.side,
        limit=order.block.limit,
        shares=filled.shares,
        collateral=filled.collateral,
        fee=filled.fee,
    )


def _due(allocation: Allocation) -> Collateral:
    """Return what a buyer owes, never above 1 per share: the Clearinghouse pulls no more, the rest is dust."""
    return min(allocation.collateral + allocation.fee, Collateral(allocation.shares.units))


def _claim(follower: Address, asset: str, amount: Collateral) -> Entry:
    return Entry(account=ledger.follower_account(follower), asset=asset, units=amount.units)
