"""The rules in force, one row for each policy and for each wallet's or the service's bounds.

A row that is removed stays, without its document: whoever follows the revisions reads that it is gone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, false, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import schema
from remora.adapters.store.writer import Writer
from remora.domain.ids import Address, PolicyId
from remora.domain.order import IntentState
from remora.domain.policy import Bounds, Policy, Rulebook
from remora.domain.rules import Imported, RuleChanges
from remora.domain.signal import Side
from remora.domain.switches import Scope
from remora.domain.usage import SERVICE, SMALLEST_LOT, Subject
from remora.settings.policies.problems import BadRules, Problem
from remora.settings.policies.reader import read_bounds, read_policy
from remora.settings.policies.writer import document

ENTERING = (IntentState.PENDING, IntentState.ORDERED, IntentState.FILLED)

Documents = Mapping[Subject, str | None]
"""What is stored for each subject; None: it is to be removed."""


class SqlitePolicyStore:
    """Implements PolicyStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def rulebook(self) -> Rulebook:
        found = await self.changes(0)
        bounds = {subject: each for subject, each in found.bounds.items() if each != Bounds()}
        return Rulebook(
            policies=tuple(sorted(found.policies, key=lambda policy: policy.policy_id)),
            followers={Address(who): each for (scope, who), each in bounds.items() if scope is Scope.FOLLOWER},
            leaders={Address(who): each for (scope, who), each in bounds.items() if scope is Scope.LEADER},
            service=bounds.get(SERVICE, Bounds()),
        )

    async def policy(self, policy_id: PolicyId) -> Policy | None:
        rule = schema.rules.c
        query = select(rule.document).where(rule.scope == Scope.POLICY, rule.subject == policy_id)
        stored: str | None = await self._writer.read(lambda c: c.execute(query).scalar())
        return None if stored is None else read_policy(stored, f"the database's policy {policy_id}")

    async def changes(self, since: int) -> RuleChanges:
        rule = schema.rules.c
        query = select(schema.rules).where(rule.revision > since).order_by(rule.scope, rule.subject)
        rows = await self._writer.read(lambda c: list(c.execute(query)))
        return await asyncio.to_thread(_changes, rows, since) if rows else RuleChanges(revision=since)

    async def put(
        self, book: Rulebook, *, replace: bool, add_leaders: bool, keep_lots: bool, changed_us: int
    ) -> Imported:
        wanted = await asyncio.to_thread(_documents, book)

        def work(connection: Connection) -> Imported:
            _claim(connection)
            stored = _stored(connection, select(schema.rules))
            target = {**dict.fromkeys(stored), **wanted} if replace else wanted
            changed = {subject: text for subject, text in target.items() if stored.get(subject) != text}
            before = _policies(subject for subject in wanted if stored.get(subject) is not None)
            gone = _policies(subject for subject, text in changed.items() if text is None)
            if not keep_lots:
                _refuse_held(connection, gone)
            _write(connection, changed, changed_us)
            edited = before & _policies(changed)
            return Imported(
                added=len(_policies(wanted) - before),
                changed=len(edited),
                removed=len(gone),
                unchanged=len(before - edited),
                leaders=_register(connection, book, changed_us) if add_leaders else (),
            )

        return await self._writer.run(work)

    async def remove(self, policy_id: PolicyId, *, keep_lots: bool, changed_us: int) -> Imported | None:
        subject = (Scope.POLICY, policy_id)

        def work(connection: Connection) -> Imported | None:
            _claim(connection)
            if _one(connection, subject) is None:
                return None
            if not keep_lots:
                _refuse_held(connection, {policy_id})
            unbound = [each for each in _parties(policy_id) if _is_last(connection, policy_id, each)]
            unbound = [each for each in unbound if _one(connection, each) is not None]
            _write(connection, dict.fromkeys([subject, *unbound]), changed_us)
            return Imported(removed=1, unbound=[Address(wallet) for _, wallet in unbound])

        return await self._writer.run(work)


def _changes(rows: Iterable[Row[Any]], since: int) -> RuleChanges:
    policies, removed, revision = [], set(), since
    bounds: dict[Subject, Bounds] = {}
    for row in rows:
        revision = max(revision, row.revision)
        name = f"the database's {row.scope} {row.subject}"
        match Scope(row.scope), row.document:
            case Scope.POLICY, None:
                removed.add(PolicyId(row.subject))
            case Scope.POLICY, stored:
                policies.append(read_policy(stored, name))
            case scope, stored:
                bounds[scope, row.subject] = Bounds() if stored is None else read_bounds(stored, name)
    return RuleChanges(revision=revision, policies=tuple(policies), removed=frozenset(removed), bounds=bounds)


def _documents(book: Rulebook) -> Documents:
    bounds: dict[Subject, Bounds] = {
        SERVICE: book.service,
        **{(Scope.LEADER, wallet): each for wallet, each in book.leaders.items()},
        **{(Scope.FOLLOWER, wallet): each for wallet, each in book.followers.items()},
    }
    said = {subject: document(each) for subject, each in bounds.items() if each != Bounds()}
    return {**{(Scope.POLICY, policy.policy_id): document(policy) for policy in book.policies}, **said}


def _claim(connection: Connection) -> None:
    """Become the one who writes, before anything is read.

    SQLite waits for others who write, but refuses at once whoever has read what another process then changed.
    """
    connection.execute(delete(schema.rules).where(false()))


def _stored(connection: Connection, query: Select[Any]) -> dict[Subject, str | None]:
    return {(Scope(row.scope), row.subject): row.document for row in connection.execute(query)}


def _one(connection: Connection, subject: Subject) -> str | None:
    rule = schema.rules.c
    query = select(schema.rules).where(rule.scope == subject[0], rule.subject == subject[1])
    return _stored(connection, query).get(subject)


def _write(connection: Connection, changed: Documents, changed_us: int) -> None:
    """Write all changes under the next revision."""
    latest = connection.execute(select(func.max(schema.rules.c.revision))).scalar() or 0
    rows = [
        {"scope": scope, "subject": who, "document": text, "revision": latest + 1, "changed_us": changed_us}
        for (scope, who), text in changed.items()
    ]
    if rows:
        new = upsert(schema.rules)
        values = {name: new.excluded[name] for name in ("document", "revision", "changed_us")}
        connection.execute(new.on_conflict_do_update(index_elements=["scope", "subject"], set_=values), rows)


def _policies(subjects: Iterable[Subject]) -> set[PolicyId]:
    return {PolicyId(who) for scope, who in subjects if scope is Scope.POLICY}


def _parties(policy_id: PolicyId) -> list[Subject]:
    follower, leader = policy_id.split(":")
    return [(Scope.FOLLOWER, follower), (Scope.LEADER, leader)]


def _is_last(connection: Connection, policy_id: PolicyId, party: Subject) -> bool:
    """Tell whether no other policy names a wallet."""
    rule, (scope, wallet) = schema.rules.c, party
    named = rule.subject.like(f"{wallet}:%" if scope is Scope.FOLLOWER else f"%:{wallet}")
    others = select(rule.subject).where(rule.scope == Scope.POLICY, rule.document.is_not(None), named)
    return connection.execute(others.where(rule.subject != policy_id)).first() is None


def _register(connection: Connection, book: Rulebook, added_us: int) -> list[Address]:
    known: set[Address] = set(connection.scalars(select(schema.leaders.c.wallet)))
    new = sorted({policy.leader for policy in book.policies} - known)
    if new:
        rows = [{"wallet": each, "label": each, "added_us": added_us} for each in new]
        connection.execute(upsert(schema.leaders), rows)
    return new


def _refuse_held(connection: Connection, gone: Collection[PolicyId]) -> None:
    """Refuse to remove policies through which shares are held: nobody else would follow their leaders' exits."""
    problems = [
        Problem(
            place=("policies", policy_id),
            line=None,
            says=f"expected no shares held and no entry under way, found some in {_count(tokens)}: its leader's exits"
            " would not be followed any more; keep-lots removes it all the same",
        )
        for policy_id, tokens in sorted(_held(connection, gone).items())
    ]
    if problems:
        raise BadRules("the removal", problems)


def _count(tokens: Collection[str]) -> str:
    return "a token" if len(tokens) == 1 else f"{len(tokens)} tokens"


def _held(connection: Connection, policies: Collection[PolicyId]) -> dict[PolicyId, set[str]]:
    """Return the tokens that policies hold shares of, or may soon."""
    intent, lot = schema.intents.c, schema.lots.c
    entering = (intent.side == Side.BUY) & intent.state.in_(ENTERING)
    under_way = select(intent.policy_id, intent.token_id).where(entering, intent.policy_id.in_(policies))
    sellable = (lot.shares >= SMALLEST_LOT.units) & schema.UNRESOLVED
    open_lots = select(lot.policy_id, lot.token_id).where(sellable, lot.policy_id.in_(policies))
    found: defaultdict[PolicyId, set[str]] = defaultdict(set)
    for row in connection.execute(under_way.union(open_lots)):
        found[PolicyId(row.policy_id)].add(row.token_id)
    return found
