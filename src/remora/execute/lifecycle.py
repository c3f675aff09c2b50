"""An order's life as pure steps: what a fill posts, when an order is complete, and what its end means for everyone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from remora.domain import ledger
from remora.domain.ids import Address, IntentId, settlement_id
from remora.domain.ledger import Entry, Posting, transfer
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.domain.order import Allocation, Leg, SettlementStep
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import Filled, OpenOrder
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
    if fill.side is Side.BUY:
        paid = (fill.collateral + fill.fee).units
        moves = (*transfer(wallet, ledger.VENUE, ledger.COLLATERAL, paid),
                 *transfer(ledger.VENUE, wallet, token, fill.shares.units))  # fmt: skip
    else:
        received = (fill.collateral - fill.fee).units
        moves = (*transfer(ledger.VENUE, wallet, ledger.COLLATERAL, received),
                 *transfer(wallet, ledger.VENUE, token, fill.shares.units))  # fmt: skip
    return ledger.check(Posting(posting_id=f"fill:{fill.order_hash}:{fill.tx_hash}", entries=moves))


def is_complete(order: OpenOrder, filled: Filled) -> bool:
    """Tell whether blocks hold all that the venue matched. False before the venue has said how much that is."""
    return bool(order.matched) and order.matched is not None and filled.shares >= order.matched


def end(order: OpenOrder, filled: Filled, because_nothing: Because | None = None) -> Ending:
    """Return what it means that an order ends with what it filled; `because_nothing` explains intents left empty."""
    nothing = because_nothing or because(Reason.NOT_FILLED, limit=order.block.limit)
    split = _split(order, filled)
    legs = tuple(_legs(order, split))
    return Ending(
        allocations=split.allocations if filled.shares else (),
        failures={a.intent_id: nothing for a in split.allocations if not a.shares},
        legs=legs,
        postings=_claims(order, filled, legs),
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


def _legs(order: OpenOrder, split: Split) -> Iterator[Leg]:
    buying = order.block.side is Side.BUY
    step = SettlementStep.DELIVER if buying else SettlementStep.REMIT
    for allocation in split.allocations:
        if buying and not allocation.shares:
            continue
        yield Leg(
            settlement_id=settlement_id(step, allocation.intent_id),
            intent_id=allocation.intent_id,
            step=step,
            wallet=order.wallet,
            follower=allocation.follower,
            token_id=order.block.token_id,
            shares=allocation.shares,
            collateral=_due(allocation) if buying else allocation.collateral - allocation.fee,
            returned=allocation.unsold,
        )


def _due(allocation: Allocation) -> Collateral:
    """Return what a buyer owes, never above 1 per share: the Clearinghouse pulls no more, the rest is dust."""
    return min(allocation.collateral + allocation.fee, Collateral(allocation.shares.units))


def _claims(order: OpenOrder, filled: Filled, legs: tuple[Leg, ...]) -> tuple[Posting, ...]:
    if not filled.shares:
        return ()
    if order.block.side is Side.BUY:
        asset, total, source = ledger.RECEIVABLE, (filled.collateral + filled.fee).units, ledger.SPENT
    else:
        asset, total, source = ledger.PAYABLE, (filled.collateral - filled.fee).units, ledger.EARNED
    claims = [_claim(leg.follower, asset, leg.collateral) for leg in legs]
    dust = Entry(account=ledger.DUST, asset=asset, units=total - sum(claim.units for claim in claims))
    whole = Entry(account=source, asset=asset, units=-total)
    return (ledger.check(Posting(posting_id=f"claims:{order.order_hash}", entries=(whole, *claims, dust))),)


def _claim(follower: Address, asset: str, amount: Collateral) -> Entry:
    return Entry(account=ledger.follower_account(follower), asset=asset, units=amount.units)
