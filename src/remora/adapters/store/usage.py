"""How much of its limits each scope has used, read inside the transaction that stores the decision.

Used is what lots cost and what entries under way may cost: reserved by the row of an intent, committed by its
allocation, released when it ends without one; a lot of a market that is resolved takes nothing. Nothing is counted
beside the rows, so nothing can be forgotten. Each source is read once, a row per policy, and summed for all scopes
here: a thousand followers cost a thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, func, literal_column, or_, select

from remora.adapters.store import schema
from remora.domain.money import Collateral
from remora.domain.order import IntentState
from remora.domain.signal import Side
from remora.domain.switches import Scope
from remora.domain.usage import SMALLEST_LOT, Meter, Subject, Usage, UsageQuestion, Used, midnight_us, subjects

MINUTE_US = 60_000_000

NOBODY: ColumnElement[str] = literal_column("''")

UNDER_WAY = (IntentState.PENDING, IntentState.ORDERED)
"""States of an entry that is reserved: in later ones it is allocated, or got nothing."""


def usage(connection: Connection, question: UsageQuestion) -> Usage:
    """Return what is used of every scope that the question is about."""
    reading = _Reading(connection, question)
    asked = frozenset(meter for meters in question.meters.values() for meter in meters)
    if asked & {Meter.HELD, Meter.SPENT}:
        reading.reserved()
    if Meter.HELD in asked:
        reading.held()
    if Meter.SPENT in asked:
        reading.spent()
    if Meter.ENTRIES in asked:
        reading.entries()
    return reading.usage()


@dataclass(slots=True)
class _Sums:
    """What is used of one scope, in base units. `shown` are tokens that were seen in lots, `coming` in intents.

    `lots` are of different tokens as long as a single policy holds them; `holders` counts policies.
    """

    held: int = 0
    in_market: int = 0
    through_leader: int = 0
    spent: int = 0
    entries: int = 0
    lots: int = 0
    holders: int = 0
    shown: set[str] = field(default_factory=set)
    coming: set[str] = field(default_factory=set)

    def used(self, token_id: str) -> Used:
        return Used(
            held=Collateral(self.held),
            in_market=Collateral(self.in_market),
            through_leader=Collateral(self.through_leader),
            spent_today=Collateral(self.spent),
            tokens=self.lots + len(self.coming - self.shown),
            holds_token=token_id in self.shown or token_id in self.coming,
            entries=self.entries,
        )


class _Reading:
    """One question being answered."""

    def __init__(self, connection: Connection, question: UsageQuestion) -> None:
        self._connection = connection
        self._question = question
        self._token_id = str(question.token_id)
        self._sums: dict[Subject, _Sums] = {}
        self._by_owner: dict[tuple[str, str], tuple[_Sums, ...]] = {}
        self._coming: set[str] = set()

    def usage(self) -> Usage:
        """Return what was read."""
        return {subject: sums.used(self._token_id) for subject, sums in self._sums.items()}

    def reserved(self) -> None:
        """Read the entries under way."""
        i = schema.intents.c
        owner = self._owner(i.policy_id, i.follower, schema.signals.c.leader)
        today = (i.decided_us >= midnight_us(self._question.now_us)).label("today")
        kind = (i.token_id, i.condition_id, today)
        cost = func.sum(i.budget + i.fee_bound).label("cost")
        under_way = (i.side == Side.BUY) & i.state.in_(UNDER_WAY)
        query = select(*owner, *kind, cost).join_from(schema.intents, schema.signals).where(under_way)
        for row in self._rows(query.group_by(*owner, *kind)):
            token_id, cost, through = row.token_id, row.cost, self._through_leader(row)
            in_market, spent = cost if self._is_of_market(row) else 0, cost if row.today else 0
            for sums in self._concerned(row):
                sums.held += cost
                sums.through_leader += through
                sums.in_market += in_market
                sums.spent += spent
                sums.coming.add(token_id)
            self._coming.add(token_id)

    def held(self) -> None:
        """Read the lots: all of them as sums, those of the market and of tokens under way one by one."""
        lot = schema.lots.c
        owner = self._owner(lot.policy_id, lot.follower, lot.leader)
        shown = func.count().filter(lot.shares >= SMALLEST_LOT.units).label("lots")
        query = select(*owner, func.sum(lot.cost).label("cost"), shown).where(schema.UNRESOLVED)
        for row in self._rows(query.group_by(*owner)):
            cost, lots, through = row.cost, row.lots, self._through_leader(row)
            for sums in self._concerned(row):
                sums.held += cost
                sums.through_leader += through
                sums.lots += lots
                sums.holders += lots > 0
        self._in_market()
        for scope, meters in self._question.meters.items():
            if Meter.TOKENS in meters and self._may_share_tokens(scope):
                self._tokens(scope)

    def spent(self) -> None:
        """Read what was allocated to entries of today."""
        day = schema.spending.c
        owner = self._owner(day.policy_id, day.follower, day.leader)
        today = day.day_us == midnight_us(self._question.now_us)
        for row in self._rows(select(*owner, func.sum(day.spent).label("spent")).where(today).group_by(*owner)):
            for sums in self._concerned(row):
                sums.spent += row.spent

    def entries(self) -> None:
        """Read how many entries were decided within a minute."""
        i = schema.intents.c
        owner = self._owner(i.policy_id, i.follower, schema.signals.c.leader)
        recent = (i.side == Side.BUY) & (i.decided_us > self._question.now_us - MINUTE_US)
        query = select(*owner, func.count().label("entries")).join_from(schema.intents, schema.signals).where(recent)
        for row in self._rows(query.group_by(*owner)):
            for sums in self._concerned(row):
                sums.entries += row.entries

    def _owner(
        self, policy_id: ColumnElement[str], follower: ColumnElement[str], leader: ColumnElement[str]
    ) -> tuple[ColumnElement[str], ...]:
        """Return the columns by which rows are summed: without those that nobody asks about."""
        if self._question.meters.keys() & {Scope.POLICY, Scope.FOLLOWER}:
            return policy_id, follower, leader
        return NOBODY.label("policy_id"), NOBODY.label("follower"), leader

    def _in_market(self) -> None:
        lot = schema.lots.c
        market: ColumnElement[bool] = lot.token_id.in_({str(self._question.token_id), *self._coming})
        if self._question.condition_id is not None:
            market = or_(market, lot.condition_id == self._question.condition_id)
        owner = self._owner(lot.policy_id, lot.follower, lot.leader)
        kind = (lot.token_id, lot.condition_id)
        sums_of = (func.sum(lot.cost).label("cost"), func.max(lot.shares).label("largest"))
        query = select(*owner, *kind, *sums_of).where(market, schema.UNRESOLVED)
        for row in self._rows(query.group_by(*owner, *kind)):
            in_market = self._is_of_market(row)
            for sums in self._concerned(row):
                sums.in_market += row.cost if in_market else 0
                if row.largest >= SMALLEST_LOT.units:
                    sums.shown.add(row.token_id)

    def _may_share_tokens(self, scope: Scope) -> bool:
        """Tell whether two lots of one subject may be of the same token."""
        if scope is Scope.FOLLOWER:
            return any(sums.holders > 1 for (kind, _), sums in self._sums.items() if kind is scope)
        return scope is not Scope.POLICY

    def _tokens(self, scope: Scope) -> None:
        """Count the tokens of each scope's lots, one that several policies hold once."""
        lot = schema.lots.c
        keys = {Scope.POLICY: lot.policy_id, Scope.FOLLOWER: lot.follower, Scope.LEADER: lot.leader}
        subject = keys.get(scope, NOBODY).label("subject")
        query = select(subject, func.count(lot.token_id.distinct()).label("lots"))
        query = query.where(lot.shares >= SMALLEST_LOT.units, schema.UNRESOLVED).group_by(subject)
        if scope is Scope.LEADER:
            query = query.where(lot.leader == self._question.leader)
        for row in self._rows(query):
            sums = self._sums.get((scope, row.subject))
            if sums is not None:
                sums.lots = row.lots

    def _rows(self, query: Executable) -> Sequence[Row[Any]]:
        return self._connection.execute(query).all()

    def _is_of_market(self, row: Row[Any]) -> bool:
        asked = self._question
        same = asked.condition_id is not None and row.condition_id == asked.condition_id
        return same or bool(row.token_id == self._token_id)

    def _through_leader(self, row: Row[Any]) -> int:
        return row.cost if row.leader == self._question.leader else 0

    def _concerned(self, row: Row[Any]) -> Iterable[_Sums]:
        """Return the sums of the scopes that a row counts for, and that are asked about."""
        owner = (row.policy_id, row.leader)
        found = self._by_owner.get(owner)
        if found is None:
            wanted = subjects(row.policy_id, row.follower, row.leader)
            found = self._by_owner[owner] = tuple(self._sums_of(each) for each in wanted if self._is_asked(each, row))
        return found

    def _sums_of(self, subject: Subject) -> _Sums:
        found = self._sums.get(subject)
        if found is None:
            found = self._sums[subject] = _Sums()
        return found

    def _is_asked(self, subject: Subject, row: Row[Any]) -> bool:
        """Tell whether a subject is asked about: of policies and leaders, those of the signal only."""
        scope, name = subject
        if scope is Scope.FOLLOWER:
            return scope in self._question.meters and name in self._question.followers
        return scope in self._question.meters and (scope is Scope.SERVICE or row.leader == self._question.leader)
