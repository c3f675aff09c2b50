"""The protector: looks every few seconds how everybody with a protection stands, and sets the switch of what trips."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import structlog

from remora.dispatch.books import BookCache, book_or_none
from remora.dispatch.protections import Standing, Trip, opening, standing, tripped
from remora.dispatch.switchboard import Switchboard
from remora.domain.ids import TokenId
from remora.domain.money import Price
from remora.domain.policy import Protections
from remora.domain.reasons import Reason
from remora.domain.usage import Baseline, Lot, Result, Subject
from remora.ports import Clock, SwitchStore

log = structlog.get_logger()

LOOK_EVERY_S = 5.0

NO_RESULT = Result()

Watched = Callable[[], Mapping[Subject, Protections]]
"""Returns whom to look at, by what rules."""


class Protector:
    """Trips protections by result. What a scope has lost is asked of the store, what it holds is worth of the venue."""

    def __init__(
        self, *, watched: Watched, store: SwitchStore, clock: Clock, books: BookCache, board: Switchboard
    ) -> None:
        self._watched = watched
        self._store = store
        self._clock = clock
        self._books = books
        self._board = board
        self._hurry = asyncio.Event()
        self._bids: dict[TokenId, Price] = {}

    def look_soon(self) -> None:
        """Look now: something was filled."""
        self._hurry.set()

    async def run(self) -> None:
        """Look every few seconds, and after fills, for ever."""
        while True:
            await self.look()
            await self._rest()

    async def look(self) -> None:
        """Look once at everybody."""
        watched = self._watched()
        if not watched:
            return
        baselines = await self._baselines()
        for now in await self._standings(watched):
            rules, mine = watched[now.subject], baselines[now.subject]
            await self._open_day(rules, now, mine)
            trip = tripped(rules, now, mine, self._clock.now_us())
            if trip and await self._board.trip(trip):
                _report(trip, now)

    async def _rest(self) -> None:
        """Wait for the time to look again, or for a fill."""
        async with asyncio.TaskGroup() as tasks:
            waits = [tasks.create_task(self._clock.sleep(LOOK_EVERY_S)), tasks.create_task(self._hurry.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
        self._hurry.clear()

    async def _open_day(self, rules: Protections, now: Standing, mine: dict[Reason, Baseline]) -> None:
        if rules.daily_loss is None:
            return
        opened = opening(mine.get(Reason.DAILY_LOSS), now, self._clock.now_us())
        if opened is not None:
            mine[Reason.DAILY_LOSS] = opened
            await self._store.save_baseline(now.subject, Reason.DAILY_LOSS, opened)

    async def _baselines(self) -> Mapping[Subject, dict[Reason, Baseline]]:
        found: defaultdict[Subject, dict[Reason, Baseline]] = defaultdict(dict)
        for (subject, reason), baseline in (await self._store.baselines()).items():
            found[subject][reason] = baseline
        return found

    async def _standings(self, watched: Mapping[Subject, Protections]) -> list[Standing]:
        results = await self._store.results()
        lots: defaultdict[Subject, list[Lot]] = defaultdict(list)
        for lot in await self._store.open_lots():
            for subject in lot.subjects:
                if subject in watched:
                    lots[subject].append(lot)
        await self._read_bids([lot for held in lots.values() for lot in held if lot.payout is None])
        return [standing(subject, results.get(subject, NO_RESULT), lots[subject], self._bids) for subject in watched]

    async def _read_bids(self, unpaid: Iterable[Lot]) -> None:
        """Read the best bids of what is held. What has none any more keeps its last: its market may be over already."""
        over = {lot.token_id: lot.resolved for lot in unpaid}
        bids: dict[TokenId, Price] = {}

        async def ask(token_id: TokenId) -> None:
            book = await book_or_none(self._books, token_id, self._clock)
            if book is not None and book.best_bid is not None:
                bids[token_id] = book.best_bid

        async with asyncio.TaskGroup() as tasks:
            for token_id, is_over in over.items():
                if not is_over:
                    tasks.create_task(ask(token_id))
        self._bids = {token_id: bid for token_id, bid in (self._bids | bids).items() if token_id in over}


def _report(trip: Trip, now: Standing) -> None:
    because = trip.switch.because
    log.warning(
        "protection_tripped",
        halt=trip.switch.halt,
        because=because.sentence() if because else "",
        realised=str(now.realised),
        unrealised=str(now.unrealised),
        unpriced=now.unpriced,
    )
