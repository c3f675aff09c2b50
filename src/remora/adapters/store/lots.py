"""What is held and what it cost, kept up in the transaction that allocates: lots, spending of the day, results.

They could be summed from all allocations that ever were; kept, a decision reads what is open and not what was. Cost is
averaged per policy and token: a sale takes out the cost of its fraction, rounded down, and the last share the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import schema
from remora.domain.ids import Address, ConditionId, IntentId, OrderHash, PolicyId, TokenId
from remora.domain.money import Collateral, Price, Shares, mul_div_floor
from remora.domain.order import Allocation
from remora.domain.signal import Side
from remora.domain.usage import HeldToken, Lot, midnight_us, subjects


def account(connection: Connection, allocations: Sequence[Allocation]) -> Mapping[str, int]:
    """Book what an order's intents got; return the cost of the shares of each, by intent."""
    got = {each.intent_id: each for each in allocations if each.shares}
    found = _intents(connection, got)
    bought = [(row, _paid(got[row.intent_id])) for row in found if row.side == Side.BUY]
    _buy(connection, [(row, got[row.intent_id].shares.units, paid) for row, paid in bought])
    _spend(connection, bought)
    sold = {row.intent_id: _book_sale(connection, row, got[row.intent_id]) for row in found if row.side == Side.SELL}
    return {**{row.intent_id: paid for row, paid in bought}, **sold}


def give_up(connection: Connection, intent: IntentId, shares: Shares) -> None:
    """Take shares out of a lot that will never be delivered, with their cost: nobody paid it, and nobody lost it."""
    for row in _intents(connection, [intent]):
        _sell(connection, row, shares.units)


def take_back(connection: Connection, intent: IntentId, shares: Shares, cost: Collateral) -> None:
    """Put shares back into a lot that had been given up and were delivered after all."""
    for row in _intents(connection, [intent]):
        _buy(connection, [(row, shares.units, cost.units)])


def undo(connection: Connection, order_hash: OrderHash) -> None:
    """Take back what `account` booked for an order that never filled; a loss stays counted among those in a row."""
    a = schema.allocations.c
    query = select(schema.allocations).where(a.order_hash == order_hash, a.shares > 0)
    got = {row.intent_id: row for row in connection.execute(query)}
    for row in _intents(connection, got):
        _unbook(connection, row, got[row.intent_id])


def resolve(connection: Connection, payouts: Mapping[TokenId, Price | None]) -> bool:
    """Note that the markets of tokens are resolved, and what a share pays; return whether it is news.

    No lot of such a market takes anything of a limit any more.
    """
    lot = schema.lots.c
    paying = lot.token_id.in_(list(map(str, payouts)))
    markets = select(lot.condition_id).where(paying)
    over = update(schema.lots).where(schema.UNRESOLVED, paying | lot.condition_id.in_(markets))
    news = connection.execute(over.values(resolved=True)).rowcount
    for token_id, payout in payouts.items():
        if payout is not None:
            paid = update(schema.lots).where(lot.token_id == str(token_id), lot.payout.is_(None))
            news += connection.execute(paid.values(payout=payout.units)).rowcount
    return news > 0


def held_tokens(connection: Connection) -> list[HeldToken]:
    """Return of what shares are held, without those of which it is known what they pay."""
    lot = schema.lots.c
    query = select(lot.token_id, lot.condition_id).where(lot.payout.is_(None)).distinct()
    return [
        HeldToken(TokenId(int(row.token_id)), ConditionId(row.condition_id) if row.condition_id else None)
        for row in connection.execute(query.order_by(lot.token_id))
    ]


def open_lots(connection: Connection) -> list[Lot]:
    """Return all that is held."""
    query = select(schema.lots).order_by(schema.lots.c.policy_id, schema.lots.c.token_id)
    return [_lot_of(row) for row in connection.execute(query)]


def _intents(connection: Connection, intents: Iterable[str]) -> list[Row[Any]]:
    i = schema.intents.c
    query = select(schema.intents, schema.signals.c.leader).join(schema.signals).where(i.intent_id.in_(list(intents)))
    return list(connection.execute(query))


def _paid(got: Allocation) -> int:
    return (got.collateral + got.fee).units


def _book_sale(connection: Connection, row: Row[Any], got: Allocation) -> int:
    basis = _sell(connection, row, got.shares.units)
    _realise(connection, row, (got.collateral - got.fee).units - basis)
    return basis


def _unbook(connection: Connection, row: Row[Any], got: Row[Any]) -> None:
    if row.side == Side.BUY:
        _sell(connection, row, got.shares)
        _spend(connection, [(row, -(got.collateral + got.fee))])
        return
    _buy(connection, [(row, got.shares, got.basis)])
    r = schema.results.c
    for scope, subject in subjects(row.policy_id, row.follower, row.leader):
        result = update(schema.results).where(r.scope == scope, r.subject == subject)
        connection.execute(result.values(realised=r.realised - (got.collateral - got.fee - got.basis)))


def _buy(connection: Connection, bought: Sequence[tuple[Row[Any], int, int]]) -> None:
    """Add shares, and what was paid for them, to the lots of intents."""
    values = [
        {
            "policy_id": row.policy_id,
            "token_id": row.token_id,
            "follower": row.follower,
            "leader": row.leader,
            "condition_id": row.condition_id,
            "shares": shares,
            "cost": paid,
            "resolved": False,
        }
        for row, shares, paid in bought
    ]
    _add(connection, schema.lots, values, ("shares", "cost"), key=("policy_id", "token_id"))


def _spend(connection: Connection, spent: Sequence[tuple[Row[Any], int]]) -> None:
    """Add what was paid for intents to the spending of the day on which each was decided."""
    values = [
        {
            "day_us": midnight_us(row.decided_us),
            "policy_id": row.policy_id,
            "follower": row.follower,
            "leader": row.leader,
            "spent": paid,
        }
        for row, paid in spent
    ]
    _add(connection, schema.spending, values, ("spent",), key=("day_us", "policy_id"))


def _add(
    connection: Connection, table: Table, values: Sequence[dict[str, Any]], sums: Sequence[str], *, key: Sequence[str]
) -> None:
    """Write rows, or add their sums to those that are there, in one statement for all."""
    if values:
        statement = upsert(table)
        more = {name: table.c[name] + statement.excluded[name] for name in sums}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=more), values)


def _sell(connection: Connection, row: Row[Any], shares: int) -> int:
    """Take sold shares out of their lot and return what they had cost; shares of no lot cost nothing."""
    lot = schema.lots.c
    this = (lot.policy_id == row.policy_id) & (lot.token_id == row.token_id)
    held = connection.execute(select(lot.shares, lot.cost).where(this)).first()
    if held is None:
        return 0
    if shares >= held.shares:
        connection.execute(delete(schema.lots).where(this))
        return int(held.cost)
    basis = mul_div_floor(held.cost, shares, held.shares)
    connection.execute(update(schema.lots).where(this).values(shares=held.shares - shares, cost=held.cost - basis))
    return basis


def _realise(connection: Connection, row: Row[Any], gain: int) -> None:
    lost = int(gain < 0)
    result = schema.results.c
    values = [
        {"scope": scope, "subject": subject, "realised": gain, "losses_in_row": lost}
        for scope, subject in subjects(row.policy_id, row.follower, row.leader)
    ]
    more = {
        "realised": result.realised + gain,
        "losses_in_row": result.losses_in_row + 1 if lost else 0,
    }
    statement = upsert(schema.results).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["scope", "subject"], set_=more))


def _lot_of(row: Row[Any]) -> Lot:
    return Lot(
        policy_id=PolicyId(row.policy_id),
        follower=Address(row.follower),
        leader=Address(row.leader),
        token_id=TokenId(int(row.token_id)),
        shares=Shares(row.shares),
        cost=Collateral(row.cost),
        resolved=row.resolved,
        payout=None if row.payout is None else Price(row.payout),
    )
