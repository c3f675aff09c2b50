"""The seller: while a panic is in force, sells what is held until nothing is left, ever less often.

It goes the way of every exit: an intent, stored before anything is sent, then collected, ordered and remitted. What is
being sold is no lot, so a restart, or a leader who sells at the same time, sells nothing twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from remora.dispatch.books import BookCache, book_or_none
from remora.dispatch.sale import Sale, SaleKey, Terms, decision, sales, sellable
from remora.dispatch.switchboard import Switchboard
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import Address, PolicyId, TokenId
from remora.domain.market import MarketInfo
from remora.domain.money import Shares
from remora.domain.order import Intent, IntentState
from remora.domain.switches import Halt
from remora.domain.usage import whom
from remora.ports import ChainReader, Clock, SignalStore, SwitchStore, Venue

log = structlog.get_logger()

US = 1_000_000

LOOK_EVERY_S = 0.25
FIRST_AGAIN_S = 2
LONGEST_AGAIN_S = 60


@dataclass(slots=True, kw_only=True)
class _Tries:
    """How often a sale was tried, and when it is next."""

    number: int = 0
    again_us: int = 0
    delay_s: int = FIRST_AGAIN_S

    def wait(self, now_us: int) -> None:
        """Let the next try wait, twice as long as this one did."""
        self.again_us = now_us + self.delay_s * US
        self.delay_s = min(2 * self.delay_s, LONGEST_AGAIN_S)


class Seller:
    """Sells out. `slippage_bps_of` is how far below the best bid a policy's exits may sell.

    `turn_of` is what decisions about a leader's trades wait for, since those sell the same lots.
    """

    def __init__(
        self,
        *,
        chain_id: int,
        chain: ChainReader,
        venue: Venue,
        signals: SignalStore,
        switches: SwitchStore,
        clock: Clock,
        books: BookCache,
        board: Switchboard,
        slippage_bps_of: Callable[[PolicyId], int],
        turn_of: Callable[[Address], asyncio.Lock],
        on_intents: Callable[[Sequence[Intent]], None],
    ) -> None:
        self._chain_id = chain_id
        self._chain = chain
        self._venue = venue
        self._signals = signals
        self._switches = switches
        self._clock = clock
        self._books = books
        self._board = board
        self._slippage_bps_of = slippage_bps_of
        self._turn_of = turn_of
        self._on_intents = on_intents
        self._tries: defaultdict[SaleKey, _Tries] = defaultdict(_Tries)

    async def run(self) -> None:
        """Sell whatever a panic is in force for, for ever."""
        while True:
            await self.sell_out()
            await self._clock.sleep(LOOK_EVERY_S)

    async def sell_out(self) -> None:
        """Try each sale whose time has come, once."""
        halts = self._board.halts()
        if all(switch.halt is not Halt.PANIC for switch in halts.values()):
            self._tries.clear()
            return
        now_us = self._clock.now_us()
        async with asyncio.TaskGroup() as tasks:
            for sale in sales(await self._switches.open_lots(), halts):
                if self._tries[sale.key].again_us <= now_us:
                    tasks.create_task(self._sell(sale))

    async def _sell(self, sale: Sale) -> None:
        try:
            async with self._turn_of(sale.leader):
                await self._try(sale)
        except Retryable as trouble:
            log.warning("sale_postponed", token_id=str(sale.token_id), error=str(trouble))

    async def _try(self, sale: Sale) -> None:
        tries = self._tries[sale.key]
        shares = sellable(sale, await self._signals.lots(sale.token_id), await self._balances(sale))
        if not shares:
            tries.wait(self._clock.now_us())
            return
        terms = await self._terms(sale)
        if terms is None:
            log.warning("nobody_buys", whom=whom(sale.subject), token_id=str(sale.token_id), lots=len(shares))
        else:
            await self._record(sale, shares, terms)
        tries.wait(self._clock.now_us())

    async def _record(self, sale: Sale, shares: Mapping[PolicyId, Shares], terms: Terms) -> None:
        """Store the first try that is not stored yet, and hand it on."""
        tries = self._tries[sale.key]
        while True:
            made = decision(sale, shares, terms, tries.number)
            tries.number += 1
            if await self._signals.record_decision(
                made.signal, made.intents, (), stored_us=terms.now_us, state=IntentState.PENDING
            ):
                break
        log.warning(
            "selling_out",
            whom=whom(sale.subject),
            token_id=str(sale.token_id),
            shares=str(made.signal.shares),
            attempt=tries.number,
        )
        self._on_intents(made.intents)

    async def _balances(self, sale: Sale) -> Mapping[Address, Shares]:
        followers = sorted({lot.follower for lot in sale.lots})
        held = await self._chain.shares_of([(wallet, sale.token_id) for wallet in followers])
        return dict(zip(followers, held, strict=True))

    async def _terms(self, sale: Sale) -> Terms | None:
        """Return what to sell by, None while the market is not known or has no bid."""
        book = await book_or_none(self._books, sale.token_id, self._clock)
        market = await self._market(sale.token_id)
        if market is None or book is None or book.best_bid is None:
            return None
        return Terms(
            chain_id=self._chain_id,
            now_us=self._clock.now_us(),
            market=market,
            bid=book.best_bid,
            slippage_bps={lot.policy_id: self._slippage_bps_of(lot.policy_id) for lot in sale.lots},
        )

    async def _market(self, token_id: TokenId) -> MarketInfo | None:
        try:
            return await self._venue.market(token_id)
        except (Refused, Malformed) as trouble:
            log.warning("market_unavailable", token_id=str(token_id), error=str(trouble))
            return None
