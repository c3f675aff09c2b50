"""What differs between the books and the chain, and why. Pure.

An operator wallet must have what the ledger says, to the base unit. A follower's wallet is the follower's: it may have
more, and must not have less than what was delivered and not collected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from remora.domain import ledger
from remora.domain.audit import Cause, Difference, Standing
from remora.domain.ids import Address, OrderHash
from remora.domain.ledger import Posting

Holding = tuple[Address, str]
"""A wallet and an asset: "collateral", or a token id as text."""


def holdings(standing: Standing, fleet: Iterable[Address]) -> list[Holding]:
    """Return what is to be read from the chain: all that the books name of the fleet, and followers' shares."""
    wallets = [wallet for wallet in fleet if wallet in standing.opened]
    names = {ledger.operator_account(wallet): wallet for wallet in wallets}
    booked = sorted(key for key in standing.balances if is_token(key[1]))
    return [
        *((wallet, ledger.COLLATERAL) for wallet in wallets),
        *((names[account], asset) for account, asset in booked if account in names),
        *((wallet, asset) for account, asset in booked if (wallet := ledger.follower_of(account))),
    ]


def is_token(asset: str) -> bool:
    """Tell whether an asset of the ledger is a token id."""
    return asset.isdecimal()


def compare(
    standing: Standing, found: Mapping[Holding, int], fleet: Collection[Address], over: Collection[str]
) -> list[Difference]:
    """Return every difference with its cause; `over` are the tokens whose market is over."""
    operators = set(fleet)
    rows: dict[Address, list[Difference]] = {}
    for (wallet, asset), units in found.items():
        account = ledger.operator_account(wallet) if wallet in operators else ledger.follower_account(wallet)
        booked = standing.balances.get((account, asset), 0)
        if units < booked or (units > booked and wallet in operators):
            row = Difference(wallet=wallet, asset=asset, booked=booked, found=units, cause=Cause.MOVED)
            rows.setdefault(wallet, []).append(row)
    return [_explained(row, others, standing, over) for wallet, others in rows.items() for row in others]


def _explained(row: Difference, others: Sequence[Difference], standing: Standing, over: Collection[str]) -> Difference:
    if moving := standing.moving.get(row.wallet):
        return replace(row, cause=Cause.IN_FLIGHT, detail=", ".join(moving))
    if row.wallet not in standing.opened and row.asset in over:
        return replace(row, cause=Cause.REDEEMABLE)
    if row.found < row.booked:
        return row
    missing = any(other.found < other.booked for other in others)
    return replace(row, cause=Cause.UNHEARD if missing else Cause.TOP_UP)


def strange_orders(standing: Standing, at_venue: Mapping[Address, Collection[OrderHash]]) -> Iterator[Difference]:
    """Return the orders that are open at the venue for a wallet of ours, and that we have no open order of."""
    for wallet, orders in at_venue.items():
        for order in sorted(set(orders) - standing.orders.get(wallet, frozenset())):
            yield Difference(wallet=wallet, asset=order, booked=0, found=1, cause=Cause.STRANGE_ORDER)


def confirmed(first: Iterable[Difference], second: Iterable[Difference]) -> list[Difference]:
    """Return the second look's differences; what was not so at the first is in flight: something moved, or is late."""
    seen = set(first)
    return [
        row if row in seen or row.cause is Cause.IN_FLIGHT
        else replace(row, cause=Cause.IN_FLIGHT, detail="it changed while it was looked at")
        for row in second
    ]  # fmt: skip


def awaited(rows: Iterable[Difference], fills: Mapping[Address, Sequence[str]]) -> list[Difference]:
    """Return the differences with those of wallets in flight of which fills are named that are not dealt with yet."""
    return [
        replace(row, cause=Cause.IN_FLIGHT, detail=", ".join(named))
        if (named := fills.get(row.wallet)) and row.cause is not Cause.STRANGE_ORDER else row
        for row in rows
    ]  # fmt: skip


def put_off(rows: Iterable[Difference], gone: Collection[int]) -> list[Difference]:
    """Return the differences of balances as in flight if any blocks are gone that the books go by."""
    if not gone:
        return list(rows)
    why = f"taken back, with transactions of ours: block {', '.join(map(str, sorted(gone)))}"
    return [
        row if row.cause in {Cause.STRANGE_ORDER, Cause.IN_FLIGHT}
        else replace(row, cause=Cause.IN_FLIGHT, detail=why)
        for row in rows
    ]  # fmt: skip


def booking(row: Difference, account: str, *, is_operator: bool, at_us: int) -> Posting:
    """Return the posting that brings the books to what was found, against `deposit` or `adjustment`."""
    own = ledger.operator_account(row.wallet) if is_operator else ledger.follower_account(row.wallet)
    entries = ledger.transfer(account, own, row.asset, row.found - row.booked)
    return Posting(posting_id=f"{account}:{row.wallet}:{row.asset}:{at_us}", entries=entries)
