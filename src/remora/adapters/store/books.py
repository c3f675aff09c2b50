"""The ledger's rows: postings written once, and their sums."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import schema
from remora.domain.ledger import Posting, check


def post(connection: Connection, postings: Sequence[Posting]) -> None:
    """Write postings that balance; one whose id is known is left as it is."""
    for posting in postings:
        known = upsert(schema.postings).values(posting_id=posting.posting_id).on_conflict_do_nothing()
        if connection.execute(known).rowcount == 0:
            continue
        entries = [
            {
                "posting_id": posting.posting_id,
                "position": position,
                "account": entry.account,
                "asset": entry.asset,
                "units": entry.units,
            }
            for position, entry in enumerate(check(posting).entries)
        ]
        if entries:
            connection.execute(insert(schema.entries), entries)


def balances(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the sum per (account, asset), without the zeros."""
    e = schema.entries.c
    query = select(e.account, e.asset, func.sum(e.units).label("units")).group_by(e.account, e.asset)
    return {(row.account, row.asset): row.units for row in connection.execute(query) if row.units}
