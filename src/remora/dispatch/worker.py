"""The dispatcher: gathers the facts of a signal, lets the pure part decide, and stores all of it before anyone acts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import structlog

from remora.dispatch.decide import Decision, Facts, decide
from remora.dispatch.matching import PoliciesByLeader
from remora.dispatch.prices import PriceCache, quote_or_none
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import Address, TokenId
from remora.domain.market import MarketInfo
from remora.domain.money import ZERO_SHARES, Shares
from remora.domain.order import Intent, IntentState
from remora.domain.parties import Policy
from remora.domain.signal import Side, Signal
from remora.ports import ChainReader, Clock, SignalStore, Venue

log = structlog.get_logger()

US = 1_000_000

ENTRY_PATIENCE_S = 30
"""How long an exit waits for entries in the same token to be delivered."""

ENTRY_POLL_S = 0.25


class Dispatcher:
    """Decides each signal once. Signals of one leader are decided in the order they were heard.

    With `paper` set, intents are stored as paper and nothing is handed on.
    """

    def __init__(
        self,
        *,
        policies: PoliciesByLeader,
        chain: ChainReader,
        venue: Venue,
        store: SignalStore,
        clock: Clock,
        prices: PriceCache,
        on_intents: Callable[[Sequence[Intent]], None],
        paper: bool,
    ) -> None:
        self._policies = policies
        self._chain = chain
        self._venue = venue
        self._store = store
        self._clock = clock
        self._prices = prices
        self._on_intents = on_intents
        self._paper = paper
        self._turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def dispatch(self, signal: Signal) -> None:
        """Decide a signal and store the decision; a signal that is stored already changes nothing."""
        async with self._turns[signal.leader]:
            policies = self._policies.get(signal.leader, ())
            decision = decide(signal, policies, await self._facts(signal, policies))
            new = await self._store.record_decision(
                signal,
                decision.intents,
                decision.denials,
                stored_us=self._clock.now_us(),
                state=IntentState.PAPER if self._paper else IntentState.PENDING,
            )
        if new:
            _report(decision)
            if decision.intents and not self._paper:
                self._on_intents(decision.intents)

    async def _facts(self, signal: Signal, policies: Sequence[Policy]) -> Facts:
        market = await self._market(signal.token_id)
        quote = await quote_or_none(self._prices, signal.token_id, self._clock)
        selling = signal.side is Side.SELL
        if selling:
            await self._entries_settled(signal, policies)
        held = await self._held(signal, policies) if selling else {}
        return Facts(
            now_us=self._clock.now_us(),
            market=market,
            quote=quote,
            debts={} if selling else await self._store.debts(),
            lots=await self._store.lots(signal.token_id) if selling else {},
            balances=held,
            leader_left=held.get(signal.leader, ZERO_SHARES),
        )

    async def _entries_settled(self, signal: Signal, policies: Sequence[Policy]) -> None:
        """Wait until entries in the token are delivered: a leader may sell what the followers are still buying."""
        mine = {policy.policy_id for policy in policies}
        give_up_us = self._clock.now_us() + ENTRY_PATIENCE_S * US
        while self._clock.now_us() < give_up_us and await self._store.entries_in_flight(signal.token_id, mine):
            await self._clock.sleep(ENTRY_POLL_S)

    async def _market(self, token_id: TokenId) -> MarketInfo | None:
        try:
            return await self._venue.market(token_id)
        except (Retryable, Refused, Malformed) as trouble:
            log.warning("market_unavailable", token_id=str(token_id), error=str(trouble))
            return None

    async def _held(self, signal: Signal, policies: Sequence[Policy]) -> Mapping[Address, Shares]:
        """Read the token balances of the followers and the leader in one call."""
        wallets = sorted({signal.leader, *(policy.follower for policy in policies)})
        while True:
            try:
                held = await self._chain.shares_of([(wallet, signal.token_id) for wallet in wallets])
            except Retryable as trouble:
                await self._clock.sleep(trouble.delay_s)
            else:
                return dict(zip(wallets, held, strict=True))


def _report(decision: Decision) -> None:
    signal = decision.signal
    for denial in decision.denials:
        log.info("denied", follower=denial.follower, signal=signal.signal_id, because=denial.because.sentence())
    log.info("decided", signal=signal.signal_id, intents=len(decision.intents), denials=len(decision.denials))
