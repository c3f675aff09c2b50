"""The dispatcher: gathers the facts of a signal, lets the pure part decide, and stores all of it before anyone acts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import structlog

from remora.dispatch.books import BookCache, book_or_none
from remora.dispatch.decide import decide
from remora.dispatch.facts import Facts
from remora.dispatch.filters.market import asks_for_listing
from remora.dispatch.gathering import Gathering
from remora.dispatch.halts import Halts
from remora.dispatch.limits import Room, question
from remora.dispatch.matching import PoliciesByLeader
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import Address, IntentId, PolicyId, TokenId
from remora.domain.market import Listing, MarketInfo
from remora.domain.means import CollateralState
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Shares
from remora.domain.order import Decision, Intent, IntentState
from remora.domain.policy import Policy, Rulebook, SizingMode
from remora.domain.signal import Side, Signal
from remora.ports import ChainReader, Clock, SignalStore, Venue

log = structlog.get_logger()

US = 1_000_000

ENTRY_PATIENCE_S = 30
"""How long an exit waits for entries in the same token to be delivered; one exit does, not every later one again."""

ENTRY_POLL_S = 0.25

UNTOUCHED = CollateralState(paused=False, price=None)
"""How the collateral is where nothing of it will move."""


class Dispatcher:
    """Decides each signal once. Signals of one leader are decided in the order they were heard.

    `bounds` tells the limits beside those of the policies themselves. With `paper` set, intents are stored as paper and
    nothing is handed on.
    """

    def __init__(
        self,
        *,
        policies: PoliciesByLeader,
        bounds: Callable[[], Rulebook],
        chain: ChainReader,
        venue: Venue,
        store: SignalStore,
        clock: Clock,
        books: BookCache,
        gathering: Gathering,
        halts: Callable[[], Halts],
        on_intents: Callable[[Sequence[Intent]], None],
        followers_per_order: int,
        paper: bool,
        debt_limit: Collateral = ZERO_COLLATERAL,
    ) -> None:
        self._policies = policies
        self._bounds = bounds
        self._chain = chain
        self._venue = venue
        self._store = store
        self._clock = clock
        self._books = books
        self._gathering = gathering
        self._halts = halts
        self._on_intents = on_intents
        self._followers_per_order = followers_per_order
        self._paper = paper
        self._debt_limit = debt_limit
        self._log = log.bind()  # once: the module's logger is put together anew for each thing said
        self._suspended: Mapping[Address, str] = {}
        self._turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._late: dict[tuple[Address, TokenId], set[IntentId]] = {}

    def turn_of(self, leader: Address) -> asyncio.Lock:
        """Return what decisions about a leader wait for."""
        return self._turns[leader]

    def suspend(self, followers: Mapping[Address, str]) -> None:
        """Copy nothing for these followers, from now on, each for its reason."""
        self._suspended = followers

    async def dispatch(self, signal: Signal) -> None:
        """Decide a signal and store the decision; a signal that is stored already changes nothing."""
        async with self.turn_of(signal.leader):
            policies, bounds = self._policies.get(signal.leader, ()), self._bounds()
            facts = await self._facts(signal, policies, bounds)
            asked = question(signal, facts.market, policies, bounds, facts.now_us)
            decision = await self._store.decide_and_record(
                signal,
                asked._replace(means_as_of=_means_as_of(signal, facts)),
                lambda taken: decide(signal, policies, facts._replace(taken=taken, room=Room(bounds, taken.usage))),
                stored_us=self._clock.now_us(),
                state=IntentState.PAPER if self._paper else IntentState.PENDING,
            )
        if decision is not None:
            self._report(decision)
            if decision.intents and not self._paper:
                self._on_intents(decision.intents)

    async def _facts(self, signal: Signal, policies: Sequence[Policy], bounds: Rulebook) -> Facts:
        if signal.side is Side.SELL and not any(signal.kind in policy.exits.kinds for policy in policies):
            # All are denied: nothing is asked for.
            return Facts(
                now_us=self._clock.now_us(), market=None, book=None, suspended=self._suspended, halts=self._halts()
            )
        self._books.follow([signal.token_id])
        selling = signal.side is Side.SELL
        paying = set() if selling or self._paper else {policy.follower for policy in policies}
        sharing = set() if selling else {each.follower for each in policies if _goes_by_equity(each)}
        described = not selling and any(asks_for_listing(policy.filters) for policy in policies)
        self._books.ask(signal.token_id)
        if paying:
            self._gathering.ask(paying)
        # All is asked for now, and waited for one after the other: what is at hand, as most of it is, needs no task.
        async with asyncio.TaskGroup() as group:
            equity = group.create_task(self._gathering.equity(signal.leader, sharing)) if sharing else None
            listing = group.create_task(self._gathering.listing(signal)) if described else None
            market = await self._market(signal.token_id)
            book = await book_or_none(self._books, signal.token_id, self._clock)
            means = await self._gathering.means(paying) if paying else None
            collateral = await self._gathering.collateral() if paying else UNTOUCHED
        if selling:
            await self._entries_settled(signal, policies)
        held = await self._held(signal, policies) if selling else {}
        return Facts(
            now_us=self._clock.now_us(),
            market=market,
            book=book,
            listing=listing.result() if listing else None,
            opposite=await self._opposite(listing.result() if listing else None, policies),
            lots=await self._store.lots(signal.token_id) if selling else {},
            balances=held,
            leader_left=held.get(signal.leader, ZERO_SHARES),
            means=means,
            collateral=collateral,
            equity=equity.result() if equity else {},
            halts=self._halts(),
            bounds=bounds,
            debt_limit=self._debt_limit,
            suspended=self._suspended,
            carried=await self._carried(signal, policies),
            followers_per_order=self._followers_per_order,
        )

    async def _opposite(self, listing: Listing | None, policies: Sequence[Policy]) -> Mapping[Address, Shares] | None:
        """Return what followers hold of the other outcome through other leaders; None if that is unknown."""
        if listing is None or listing.opposite is None:
            return None
        ours = {policy.policy_id for policy in policies}
        return await self._store.held_through_others(listing.opposite, ours)

    async def _carried(self, signal: Signal, policies: Sequence[Policy]) -> Mapping[PolicyId, Collateral]:
        """Read what policies kept of copies that were too small, if any of them does that."""
        keeping = any(policy.sizing.accumulate for policy in policies)
        return await self._store.carried(signal.token_id) if keeping else {}

    async def _entries_settled(self, signal: Signal, policies: Sequence[Policy]) -> None:
        """Wait until entries in the token are delivered: a leader may sell what the followers are still buying.

        Those that rest in the book rest no longer. One that an earlier exit has waited for in vain is not waited for:
        while the venue settles nothing, exits would pile up, and each come later than the one before.
        """
        mine = {policy.policy_id for policy in policies}
        late = self._late.pop((signal.leader, signal.token_id), set())
        give_up_us = self._clock.now_us() + ENTRY_PATIENCE_S * US
        while (moving := await self._store.entries_in_flight(signal.token_id, mine)) - late:
            if self._clock.now_us() >= give_up_us:
                break
            await self._store.stop_resting(signal.token_id, mine, self._clock.now_us())
            await self._clock.sleep(ENTRY_POLL_S)
        if moving:
            self._late[signal.leader, signal.token_id] = moving

    async def _market(self, token_id: TokenId) -> MarketInfo | None:
        try:
            return await self._venue.market(token_id)
        except (Retryable, Refused, Malformed) as trouble:
            log.warning("market_unavailable", token_id=str(token_id), error=str(trouble))
            return None

    async def _held(self, signal: Signal, policies: Sequence[Policy]) -> Mapping[Address, Shares]:
        """Read the token balances of the followers, and of a leader of whom it is not known, in one call."""
        leader = {signal.leader} if signal.held_before is None else set()
        wallets = sorted(leader.union(policy.follower for policy in policies))
        while True:
            try:
                held = await self._chain.shares_of([(wallet, signal.token_id) for wallet in wallets])
            except Retryable as trouble:
                await self._clock.sleep(trouble.delay_s)
            else:
                return dict(zip(wallets, held, strict=True))

    def _report(self, decision: Decision) -> None:
        name, intents, denials = decision.signal.signal_id, decision.intents, decision.denials
        for denial in denials:
            self._log.info("denied", follower=denial.follower, signal=name, because=denial.because.sentence())
        self._log.info("decided", signal=name, intents=len(intents), denials=len(denials))


def _means_as_of(signal: Signal, facts: Facts) -> Mapping[Address, int] | None:
    """Return since when what each follower pays may be missing in its means; None for an exit, which costs nothing."""
    if signal.side is Side.SELL:
        return None
    return {follower: means.as_of_us for follower, means in (facts.means or {}).items()}


def _goes_by_equity(policy: Policy) -> bool:
    """Tell whether what leader and follower own decides the size of a policy's entries."""
    return policy.sizing.mode is SizingMode.PROPORTIONAL
