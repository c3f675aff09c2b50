"""A theatre: one devnet on which many rehearsals take place, each with a cast, a fleet and a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from types import MappingProxyType

from remora.devnet.demo.cast import Cast
from remora.devnet.demo.performance import Performance
from remora.devnet.demo.stage import Stage
from remora.devnet.launcher import Devnet
from tests.scenario.rehearsal import Rehearsal, rehearsing

FLEETS_FROM = 1_000
FLEET_SPACING = 100
"""Derivation indices. What a wallet has from an earlier rehearsal would not be in the books of the next."""

BLOCK_TIME_S = 0.2

QUICK = {"REMORA_NEVER_ARRIVED_S": "1", "REMORA_RECOVERY_INTERVAL_S": "2"}


class Theatre:
    """Prepares rehearsals on a devnet, in folders of their own under `folder`."""

    def __init__(self, devnet: Devnet, folder: Path) -> None:
        self.devnet = devnet
        self._folder = folder
        self._numbers = itertools.count(1)

    def stage(self, *, fleet_size: int) -> Stage:
        """Return a stage with a folder and operator wallets that nobody has used."""
        number = next(self._numbers)
        folder = self._folder / str(number)
        folder.mkdir()
        return Stage.on(
            self.devnet.endpoints,
            self.devnet.node,
            folder,
            fleet_size=fleet_size,
            fleet_start=FLEETS_FROM + FLEET_SPACING * number,
        )

    @asynccontextmanager
    async def rehearsal(
        self,
        cast_of: Callable[[int], Cast],
        more: Mapping[str, str] = MappingProxyType({}),
        *,
        fleet_size: int = 2,
        low_wallets: int = 0,
        **settings: str,
    ) -> AsyncIterator[Rehearsal]:
        """Prepare a rehearsal, without a supervisor yet: a cast by its seed, and `more` settings of the supervisor."""
        stage = self.stage(fleet_size=fleet_size)
        cast = cast_of(stage.fleet_start)
        await stage.admit(cast, low_wallets=low_wallets)
        with closing(Performance(stage=stage, cast=cast)) as performance:
            async with rehearsing(performance, {**QUICK, **more, **settings}) as rehearsal:
                yield rehearsal


class LongRun:
    """A rehearsal that goes on from test to test on one database, as a deployment would; one that fails ends it."""

    def __init__(self, prepare: Callable[[], AbstractAsyncContextManager[Rehearsal]]) -> None:
        self._prepare = prepare
        self._stack = AsyncExitStack()
        self._rehearsal: Rehearsal | None = None

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[Rehearsal]:
        """Go on with a supervisor that listens."""
        try:
            yield self._rehearsal or await self._begin()
        except BaseException:
            await self._close()
            raise

    async def end(self) -> None:
        """Stop the supervisor as an operator would; it must take that well."""
        try:
            assert self._rehearsal is None or await self._rehearsal.stop() == 0
        finally:
            await self._close()

    async def _close(self) -> None:
        self._rehearsal = None
        await self._stack.aclose()

    async def _begin(self) -> Rehearsal:
        self._rehearsal = await self._stack.enter_async_context(self._prepare())
        await self._rehearsal.start()
        return self._rehearsal
