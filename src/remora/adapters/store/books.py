"""The ledger's rows: postings written once, and their sums.

A sum per account and asset is kept beside the entries, in the same transaction: adding up all that ever was moved takes
the longer the longer it went on. `verify` adds it up all the same, once, at the start.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import schema
from remora.domain import ledger
from remora.domain.ledger import Entry, Posting, check, reversed_id


def post(connection: Connection, postings: Sequence[Posting]) -> None:
    """Write postings that balance; one whose id is known is left as it is."""
    given = {posting.posting_id: check(posting) for posting in postings}
    column = schema.postings.c.posting_id
    known: set[str] = set(connection.scalars(select(column).where(column.in_(given))))
    new = [posting for posting_id, posting in given.items() if posting_id not in known]
    if new:
        connection.execute(insert(schema.postings), [{"posting_id": posting.posting_id} for posting in new])
    entries = [
        {
            "posting_id": posting.posting_id,
            "position": position,
            "account": entry.account,
            "asset": entry.asset,
            "units": entry.units,
        }
        for posting in new
        for position, entry in enumerate(posting.entries)
    ]
    if entries:
        connection.execute(insert(schema.entries), entries)
        _add(connection, ledger.balances(entry for posting in new for entry in posting.entries))


def _add(connection: Connection, moved: Mapping[tuple[str, str], int]) -> None:
    """Add what moved to the sums."""
    if not moved:
        return
    rows = [{"account": account, "asset": asset, "units": units} for (account, asset), units in moved.items()]
    statement = upsert(schema.ledger_sums)
    more = {"units": schema.ledger_sums.c.units + statement.excluded.units}
    connection.execute(statement.on_conflict_do_update(index_elements=["account", "asset"], set_=more), rows)


def reverse(connection: Connection, posting_id: str, against: Mapping[str, str]) -> None:
    """Reverse a posting that stands by another; `against` names accounts that take the place of others."""
    last, reversals = _last(connection, posting_id)
    if reversals % 2 == 0:
        _negate(connection, last, against)


def restore(connection: Connection, posting_id: str) -> bool:
    """Reverse the reversal of a posting; False when none is reversed."""
    last, reversals = _last(connection, posting_id)
    if reversals % 2 == 0:
        return False
    _negate(connection, last, {})
    return True


def are_reversed(connection: Connection, posting_ids: Collection[str]) -> set[str]:
    """Return which of these postings were ever reversed."""
    by_reversal = {reversed_id(posting_id): posting_id for posting_id in posting_ids}
    column = schema.postings.c.posting_id
    known: set[str] = set(connection.scalars(select(column).where(column.in_(by_reversal))))
    return {by_reversal[reversal] for reversal in known}


def is_lost(connection: Connection, posting_id: str) -> bool:
    """Tell whether a posting is reversed, and what followed from it stands: that went to `orphaned`."""
    last, _ = _last(connection, posting_id)
    e = schema.entries.c
    lost = select(e.posting_id).where(e.posting_id == last, e.account == ledger.ORPHANED)
    return last != posting_id and connection.execute(lost).first() is not None


def standing_name(connection: Connection, posting_id: str) -> str:
    """Return the id under which a posting stands, or may be written, that was reversed and posted anew."""
    while _is_known(connection, reversed_id(posting_id)):
        posting_id = f"{posting_id}:again"
    return posting_id


def stands(connection: Connection, posting_id: str) -> bool:
    """Tell whether a cause is booked, and not reversed."""
    name = standing_name(connection, posting_id)
    return _is_known(connection, name)


def under_standing_name(connection: Connection, posting: Posting) -> Posting:
    """Return a posting under a name of its own: one of the same name may have been reversed."""
    return replace(posting, posting_id=standing_name(connection, posting.posting_id))


def _last(connection: Connection, posting_id: str) -> tuple[str, int]:
    """Return the last of a posting and the reversals of it, and how many reversals there are."""
    reversals = 0
    while _is_known(connection, reversed_id(posting_id)):
        posting_id, reversals = reversed_id(posting_id), reversals + 1
    return posting_id, reversals


def _negate(connection: Connection, posting_id: str, against: Mapping[str, str]) -> None:
    e = schema.entries.c
    stood = connection.execute(select(schema.entries).where(e.posting_id == posting_id).order_by(e.position)).all()
    entries = [Entry(account=against.get(row.account, row.account), asset=row.asset, units=-row.units) for row in stood]
    if entries:
        post(connection, [Posting(posting_id=reversed_id(posting_id), entries=tuple(entries))])


def _is_known(connection: Connection, posting_id: str) -> bool:
    column = schema.postings.c.posting_id
    return connection.execute(select(column).where(column == posting_id)).first() is not None


def balances(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the sum per (account, asset), without the zeros."""
    query = select(schema.ledger_sums).where(schema.ledger_sums.c.units != 0)
    return {(row.account, row.asset): row.units for row in connection.execute(query)}


def verify(connection: Connection) -> int:
    """Add up the whole ledger, and put right the sums that are not as it says; return how many were not."""
    e = schema.entries.c
    query = select(e.account, e.asset, func.sum(e.units).label("units")).group_by(e.account, e.asset)
    true = {(row.account, row.asset): row.units for row in connection.execute(query) if row.units}
    kept = balances(connection)
    wrong = [key for key in true.keys() | kept.keys() if true.get(key, 0) != kept.get(key, 0)]
    if wrong:
        connection.execute(delete(schema.ledger_sums))
        _add(connection, true)
    return len(wrong)
