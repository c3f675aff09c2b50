"""The durable side of detection and dispatch: the cursor, and each signal with all its decisions in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, case, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import rows, schema
from remora.adapters.store.writer import Writer
from remora.domain.ids import Address, PolicyId, TokenId
from remora.domain.money import Collateral, Shares
from remora.domain.order import Denial, Intent, IntentState
from remora.domain.records import DebtSide
from remora.domain.signal import Side, Signal


class SqliteSignalStore:
    """Implements SignalStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def cursor(self) -> int | None:
        return await self._writer.run(lambda c: c.execute(select(schema.cursor.c.block_number)).scalar())

    async def save_cursor(self, block_number: int) -> None:
        statement = upsert(schema.cursor).values(singleton=1, block_number=block_number)
        forward = statement.on_conflict_do_update(
            index_elements=["singleton"],
            set_={"block_number": statement.excluded.block_number},
            where=schema.cursor.c.block_number < statement.excluded.block_number,
        )
        await self._writer.run(lambda c: c.execute(forward))

    async def record_decision(
        self,
        signal: Signal,
        intents: Sequence[Intent],
        denials: Sequence[Denial],
        *,
        stored_us: int,
        state: IntentState,
    ) -> bool:
        def work(connection: Connection) -> bool:
            known = upsert(schema.signals).values(rows.signal_values(signal, stored_us)).on_conflict_do_nothing()
            if connection.execute(known).rowcount == 0:
                return False
            if intents:
                connection.execute(insert(schema.intents), [rows.intent_values(i, state) for i in intents])
            if denials:
                connection.execute(insert(schema.denials), [rows.denial_values(d) for d in denials])
            return True

        return await self._writer.run(work)

    async def debts(self) -> Mapping[Address, Collateral]:
        owing = (schema.debts.c.side == DebtSide.FOLLOWER) & schema.debts.c.recovered_us.is_(None)
        follower, due = schema.legs.c.follower, func.sum(schema.debts.c.due).label("due")
        query = select(follower, due).join(schema.debts).where(owing).group_by(follower)
        return await self._writer.run(
            lambda c: {Address(row.follower): Collateral(row.due) for row in c.execute(query)}
        )

    async def entries_in_flight(self, token_id: TokenId, policies: Collection[PolicyId]) -> bool:
        i = schema.intents.c
        moving = i.state.in_([IntentState.PENDING, IntentState.ORDERED, IntentState.FILLED])
        entries = (i.side == Side.BUY) & (i.token_id == str(token_id)) & moving
        query = select(i.policy_id).where(entries)
        found = await self._writer.run(lambda c: {row.policy_id for row in c.execute(query)})
        return not found.isdisjoint(policies)

    async def lots(self, token_id: TokenId) -> Mapping[PolicyId, Shares]:
        return await self._writer.run(lambda c: _lots(c, token_id))


def _lots(connection: Connection, token_id: TokenId) -> dict[PolicyId, Shares]:
    """Sum bought and settled shares, less what settled exits sold and what open exits may still sell."""
    i, a = schema.intents.c, schema.allocations.c
    bought = (i.side == Side.BUY) & (i.state == IntentState.SETTLED)
    sold = (i.side == Side.SELL) & (i.state == IntentState.SETTLED)
    selling = (i.side == Side.SELL) & i.state.not_in([IntentState.SETTLED, IntentState.FAILED, IntentState.PAPER])
    lot = func.sum(case((bought, a.shares), (sold, -a.shares), (selling, -i.shares), else_=0))
    query = (
        select(i.policy_id, lot.label("lot"))
        .select_from(schema.intents.outerjoin(schema.allocations, i.intent_id == a.intent_id))
        .where(i.token_id == str(token_id))
        .group_by(i.policy_id)
    )
    return {PolicyId(row.policy_id): Shares(row.lot) for row in connection.execute(query) if row.lot > 0}
