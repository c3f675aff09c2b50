"""The fleet's rows: what a person asked of it, and how each wallet stood when the supervisor last looked.

Commands read them without keys and without a node, so that nobody types a passphrase to see the fleet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from remora.adapters.store import schema
from remora.adapters.store.writer import Writer
from remora.domain.fleet import BY_HAND, FleetPlan, WalletStanding, WalletState
from remora.domain.floats import TreasuryStanding
from remora.domain.ids import Address
from remora.domain.money import Collateral, Wei

_w = schema.fleet_wallets.c


class SqliteFleetStore:
    """Implements FleetStore."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def plan(self, size: int) -> FleetPlan:
        def work(connection: Connection) -> FleetPlan:
            asked = connection.scalar(select(schema.fleet_size.c.size)) or size
            seen = connection.scalar(select(func.count()).select_from(schema.fleet_wallets)) or 0
            query = select(_w.wallet).where(_w.retired)
            retired = frozenset(Address(row.wallet) for row in connection.execute(query))
            return FleetPlan(size=asked, known=max(asked, seen), retired=retired)

        return await self._writer.read(work)

    async def resize(self, size: int) -> None:
        statement = insert(schema.fleet_size).values(singleton=1, size=size)
        statement = statement.on_conflict_do_update(index_elements=["singleton"], set_={"size": size})
        await self._writer.run(lambda c: c.execute(statement))

    async def retire(self, wallet: Address, *, retired: bool) -> bool:
        unknown = {} if retired else {"state": WalletState.UNHEALTHY, "why": "not looked at yet"}
        statement = update(schema.fleet_wallets).where(_w.wallet == wallet, _w.retired != retired)
        statement = statement.values(retired=retired, **unknown)
        return await self._writer.run(lambda c: c.execute(statement).rowcount > 0)

    async def record(self, standings: Sequence[WalletStanding], *, seen_us: int) -> None:
        values = [_values(standing, seen_us) for standing in standings]
        statement = insert(schema.fleet_wallets)
        changed = {name: statement.excluded[name] for name in values[0] if name not in {"wallet", "retired"}}
        statement = statement.on_conflict_do_update(index_elements=["wallet"], set_=changed)
        others = delete(schema.fleet_wallets).where(_w.wallet.not_in([each.wallet for each in standings]))

        def work(connection: Connection) -> None:
            connection.execute(others)
            connection.execute(statement, values)

        await self._writer.run(work)

    async def standings(self) -> list[tuple[WalletStanding, int]]:
        query = select(schema.fleet_wallets).order_by(_w.position)
        return await self._writer.read(lambda c: [(_standing(row), row.seen_us) for row in c.execute(query)])

    async def record_treasury(self, standing: TreasuryStanding) -> None:
        values = {"wallet": standing.wallet, "balance": standing.balance.units, "seen_us": standing.seen_us}
        statement = insert(schema.treasury).values(singleton=1, **values)
        statement = statement.on_conflict_do_update(index_elements=["singleton"], set_=values)
        await self._writer.run(lambda c: c.execute(statement))

    async def treasury(self) -> TreasuryStanding | None:
        row = await self._writer.run(lambda c: c.execute(select(schema.treasury)).one_or_none())
        if row is None:
            return None
        return TreasuryStanding(wallet=Address(row.wallet), balance=Collateral(row.balance), seen_us=row.seen_us)


def _values(standing: WalletStanding, seen_us: int) -> dict[str, Any]:
    return {
        "wallet": standing.wallet,
        "position": standing.index,
        "retired": False,
        "state": standing.state,
        "why": standing.why,
        "balance": standing.balance.units,
        "promised": standing.promised.units,
        "native": None if standing.native is None else str(standing.native.units),
        "nonce": standing.nonce,
        "missing": standing.missing,
        "seen_us": seen_us,
    }


def _standing(row: Row[Any]) -> WalletStanding:
    return WalletStanding(
        index=row.position,
        wallet=Address(row.wallet),
        state=WalletState.RETIRED if row.retired else WalletState(row.state),
        why=BY_HAND if row.retired else row.why,
        balance=Collateral(row.balance),
        promised=Collateral(row.promised),
        native=None if row.native is None else Wei(int(row.native)),
        nonce=row.nonce,
        missing=row.missing,
    )
