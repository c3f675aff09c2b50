"""The durable side of detection and dispatch: the cursor, and each signal with all its decisions in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import Connection, case, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import rows, sales, schema, standing
from remora.adapters.store.promises import MOVING, taken
from remora.adapters.store.reversals import OPEN
from remora.adapters.store.writer import Writer
from remora.domain.history import TradeKey
from remora.domain.ids import Address, IntentId, PolicyId, SignalId, TokenId
from remora.domain.means import Holding
from remora.domain.money import Collateral, Shares, mul_div_floor
from remora.domain.order import Decision, Denial, Intent, IntentState, LegState, SettlementStep
from remora.domain.records import KnownSignal, LostSignal
from remora.domain.signal import Side, Signal
from remora.domain.usage import Taken, UsageQuestion

OVER = (IntentState.SETTLED, IntentState.FAILED, IntentState.PAPER, IntentState.WITHDRAWN)
"""Nothing more is sold for intents in these states."""


class SqliteSignalStore:
    """Implements SignalStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def cursor(self) -> int | None:
        return await self._writer.read(lambda c: c.execute(select(schema.cursor.c.block_number)).scalar())

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
        decision = Decision(signal=signal, intents=tuple(intents), denials=tuple(denials))

        def work(connection: Connection) -> bool:
            if not standing.is_to_decide(connection, signal, stored_us):
                return False
            _store(connection, decision, state, stored_us)
            return True

        return await self._writer.run(work)

    async def decide_and_record(
        self,
        signal: Signal,
        question: UsageQuestion,
        decide: Callable[[Taken], Decision],
        *,
        stored_us: int,
        state: IntentState,
    ) -> Decision | None:
        def work(connection: Connection) -> Decision | None:
            if not standing.is_to_decide(connection, signal, stored_us):
                return None
            decision = decide(taken(connection, question))
            _store(connection, decision, state, stored_us)
            return decision

        return await self._writer.run(work)

    async def confirm(self, signal: Signal) -> bool:
        return await self._writer.run(lambda c: standing.confirm(c, signal))

    async def known_signals(self, since_block: int) -> list[KnownSignal]:
        return await self._writer.read(lambda c: standing.known(c, since_block))

    async def mined_trades(self, trades: Collection[TradeKey]) -> frozenset[TradeKey]:
        return await self._writer.read(lambda c: standing.mined_trades(c, trades))

    async def withdraw(self, block_hashes: Collection[str]) -> list[LostSignal]:
        return await self._writer.run(lambda c: standing.withdraw(c, block_hashes))

    async def pending_signals(self, heard_before_us: int) -> list[KnownSignal]:
        return await self._writer.read(lambda c: standing.pending(c, heard_before_us))

    async def mark_vanished(self, signal_id: SignalId) -> LostSignal | None:
        return await self._writer.run(lambda c: standing.vanish(c, signal_id))

    async def entries_in_flight(self, token_id: TokenId, policies: Collection[PolicyId]) -> set[IntentId]:
        i = schema.intents.c
        entries = (i.side == Side.BUY) & (i.token_id == str(token_id)) & i.state.in_(MOVING)
        query = select(i.intent_id, i.policy_id).where(entries)
        rows = await self._writer.read(lambda c: c.execute(query).all())
        return {IntentId(row.intent_id) for row in rows if row.policy_id in policies}

    async def holdings(self) -> list[Holding]:
        return await self._writer.read(_holdings)

    async def held_through_others(self, token_id: TokenId, policies: Collection[PolicyId]) -> Mapping[Address, Shares]:
        held = schema.lots.c
        query = select(held.policy_id, held.follower, held.shares).where(held.token_id == str(token_id))
        rows_found = await self._writer.read(lambda c: c.execute(query).all())
        sums: Counter[Address] = Counter()
        for row in rows_found:
            if row.policy_id not in policies:
                sums[Address(row.follower)] += row.shares
        return {follower: Shares(units) for follower, units in sums.items()}

    async def carried(self, token_id: TokenId) -> Mapping[PolicyId, Collateral]:
        c = schema.carried.c
        query = select(c.policy_id, c.collateral).where(c.token_id == str(token_id))
        return await self._writer.read(
            lambda connection: {PolicyId(r.policy_id): Collateral(r.collateral) for r in connection.execute(query)}
        )

    async def stop_resting(self, token_id: TokenId, policies: Collection[PolicyId], at_us: int) -> None:
        o, p, i = schema.orders.c, schema.order_parts.c, schema.intents.c
        resting = (o.token_id == str(token_id)) & (o.rests_until_us > at_us) & o.state.in_(OPEN)
        theirs = (p.order_hash == o.order_hash) & (p.intent_id == i.intent_id) & i.policy_id.in_(list(policies))
        is_theirs = select(p.order_hash).where(theirs).correlate(schema.orders).exists()
        statement = update(schema.orders).where(resting, is_theirs).values(rests_until_us=at_us)
        await self._writer.run(lambda c: c.execute(statement))

    async def lots(self, token_id: TokenId) -> Mapping[PolicyId, Shares]:
        return await self._writer.read(lambda c: _lots(c, token_id))


def _carry(connection: Connection, token_id: TokenId, carried: Mapping[PolicyId, Collateral]) -> None:
    """Keep what policies carry from now on; nothing needs no row."""
    c = schema.carried.c
    connection.execute(delete(schema.carried).where((c.token_id == str(token_id)) & c.policy_id.in_(list(carried))))
    kept = [
        {"policy_id": policy_id, "token_id": str(token_id), "collateral": amount.units}
        for policy_id, amount in carried.items()
        if amount
    ]
    if kept:
        connection.execute(insert(schema.carried), kept)


def _store(connection: Connection, decision: Decision, state: IntentState, stored_us: int) -> None:
    if decision.intents:
        sized = decision.sized
        values = [rows.intent_values(i, state, stored_us, sized.get(i.policy_id)) for i in decision.intents]
        connection.execute(insert(schema.intents), values)
    if decision.denials:
        connection.execute(insert(schema.denials), [rows.denial_values(d) for d in decision.denials])
    if decision.carried:
        _carry(connection, decision.signal.token_id, decision.carried)


def _lots(connection: Connection, token_id: TokenId) -> dict[PolicyId, Shares]:
    """Sum what was delivered, less what settled exits sold and what open exits may still sell."""
    given = _given_up(connection, token_id)
    i, leg = schema.intents.c, schema.legs.c
    delivered = (leg.step == SettlementStep.DELIVER) & (leg.state == LegState.SETTLED)
    query = (
        select(i.policy_id, func.sum(leg.shares).label("shares"))
        .join(schema.legs, leg.intent_id == i.intent_id)
        .where(i.token_id == str(token_id), delivered)
        .group_by(i.policy_id)
    )
    lots = {PolicyId(row.policy_id): row.shares - given.get(row.policy_id, 0) for row in connection.execute(query)}
    return {policy: Shares(units) for policy, units in lots.items() if units > 0}


def _given_up(connection: Connection, token_id: TokenId) -> dict[str, int]:
    i, a = schema.intents.c, schema.allocations.c
    sold, selling = i.state == IntentState.SETTLED, i.state.not_in(OVER)
    query = (
        select(i.policy_id, func.sum(case((sold, a.shares), (selling, i.shares), else_=0)).label("shares"))
        .select_from(schema.intents.outerjoin(schema.allocations, i.intent_id == a.intent_id))
        .where(i.token_id == str(token_id), i.side == Side.SELL, ~sales.is_sale())
        .group_by(i.policy_id)
    )
    return {row.policy_id: row.shares for row in connection.execute(query)}


def _holdings(connection: Connection) -> list[Holding]:
    """Return what was delivered less what settled exits sold; what is left costs what it cost on average.

    What is of resolved markets is left out: followers redeem it, and it would count twice.
    """
    i, leg = schema.intents.c, schema.legs.c
    sold = _sold(connection)
    delivered = (leg.step == SettlementStep.DELIVER) & (leg.state == LegState.SETTLED)
    sums = func.sum(leg.shares).label("shares"), func.sum(leg.collateral).label("paid")
    query = (
        select(i.follower, i.token_id, *sums)
        .join(schema.legs, leg.intent_id == i.intent_id)
        .where(delivered, i.token_id.not_in(select(schema.lots.c.token_id).where(schema.lots.c.resolved)))
        .group_by(i.follower, i.token_id)
    )
    left = ((row, row.shares - sold.get((row.follower, row.token_id), 0)) for row in connection.execute(query))
    return [
        Holding(
            follower=Address(row.follower),
            token_id=TokenId(int(row.token_id)),
            shares=Shares(units),
            cost=Collateral(mul_div_floor(row.paid, units, row.shares)),
        )
        for row, units in left
        if units > 0
    ]


def _sold(connection: Connection) -> dict[tuple[str, str], int]:
    i, a = schema.intents.c, schema.allocations.c
    query = (
        select(i.follower, i.token_id, func.sum(a.shares).label("shares"))
        .join(schema.allocations, i.intent_id == a.intent_id)
        .where(i.side == Side.SELL, i.state == IntentState.SETTLED)
        .group_by(i.follower, i.token_id)
    )
    return {(row.follower, row.token_id): row.shares for row in connection.execute(query)}
