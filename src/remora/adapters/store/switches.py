"""Switches, and what protections are judged by: lots, of resolved markets or not, results, baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from remora.adapters.store import lots, rows, schema
from remora.adapters.store.writer import Writer
from remora.domain.ids import TokenId
from remora.domain.money import Collateral, Price
from remora.domain.reasons import Because, Reason
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import Baseline, HeldToken, Lot, Result, Subject


class SqliteSwitchStore:
    """Implements SwitchStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def switches(self, now_us: int) -> list[Switch]:
        return await self._writer.read(lambda c: _in_force(c, now_us))

    async def set_switch(self, switch: Switch) -> None:
        await self._writer.run(lambda c: _set(c, switch))

    async def lift(self, subject: Subject) -> int:
        s = schema.switches.c
        statement = delete(schema.switches).where(s.scope == subject[0], s.subject == subject[1])
        return await self._writer.run(lambda c: c.execute(statement).rowcount)

    async def trip(self, switch: Switch, baseline: Baseline | None) -> None:
        def work(connection: Connection) -> None:
            _set(connection, switch)
            if switch.because and baseline:
                _save_baseline(connection, (switch.scope, switch.subject), switch.because.reason, baseline)
            r = schema.results.c
            streak = update(schema.results).where(r.scope == switch.scope, r.subject == switch.subject)
            connection.execute(streak.values(losses_in_row=0))

        await self._writer.run(work)

    async def open_lots(self) -> list[Lot]:
        return await self._writer.read(lots.open_lots)

    async def held_tokens(self) -> list[HeldToken]:
        return await self._writer.read(lots.held_tokens)

    async def resolve(self, payouts: Mapping[TokenId, Price | None]) -> bool:
        return await self._writer.run(lambda c: lots.resolve(c, payouts))

    async def results(self) -> Mapping[Subject, Result]:
        query = select(schema.results)
        return await self._writer.read(
            lambda c: {
                (Scope(row.scope), row.subject): Result(
                    realised=Collateral(row.realised), losses_in_row=row.losses_in_row
                )
                for row in c.execute(query)
            }
        )

    async def baselines(self) -> Mapping[tuple[Subject, Reason], Baseline]:
        query = select(schema.baselines)
        return await self._writer.read(
            lambda c: {
                ((Scope(row.scope), row.subject), Reason(row.reason)): Baseline(
                    result=Collateral(row.result), since_us=row.since_us
                )
                for row in c.execute(query)
            }
        )

    async def save_baseline(self, subject: Subject, reason: Reason, baseline: Baseline) -> None:
        await self._writer.run(lambda c: _save_baseline(c, subject, reason, baseline))


def _in_force(connection: Connection, now_us: int) -> list[Switch]:
    s = schema.switches.c
    query = select(schema.switches).where(s.until_us.is_(None) | (s.until_us > now_us))
    return [_switch_of(row) for row in connection.execute(query.order_by(s.set_us, s.scope, s.subject, s.halt))]


def _set(connection: Connection, switch: Switch) -> None:
    s = schema.switches.c
    same = (s.scope == switch.scope) & (s.subject == switch.subject) & (s.halt == switch.halt)
    connection.execute(delete(schema.switches).where(same))
    connection.execute(insert(schema.switches).values(_switch_values(switch)))


def _save_baseline(connection: Connection, subject: Subject, reason: Reason, baseline: Baseline) -> None:
    values = {"result": baseline.result.units, "since_us": baseline.since_us}
    statement = upsert(schema.baselines).values(scope=subject[0], subject=subject[1], reason=reason, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["scope", "subject", "reason"], set_=values))


def _switch_values(switch: Switch) -> rows.Values:
    why = rows.because_values(switch.because) if switch.because else {}
    return {
        "scope": switch.scope,
        "subject": switch.subject,
        "halt": switch.halt,
        "set_us": switch.set_us,
        "until_us": switch.until_us,
        **why,
    }


def _switch_of(row: Row[Any]) -> Switch:
    return Switch(
        scope=Scope(row.scope),
        subject=row.subject,
        halt=Halt(row.halt),
        because=Because(reason=Reason(row.reason), facts=json.loads(row.facts)) if row.reason else None,
        set_us=row.set_us,
        until_us=row.until_us,
    )
