"""Detection and decision: every source of leaders' trades, the door they go through, and who decides them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass

import structlog

from remora.bootstrap.contracts import known_contracts
from remora.bootstrap.outside import Outside
from remora.detect.calldata import Exchanges
from remora.detect.identity import RecentlySeen
from remora.detect.mempool import PendingFills, Wanted
from remora.detect.overdue import Overdue
from remora.detect.pending import PendingFill, Vanished
from remora.detect.polling import Polling
from remora.detect.report import HealthReport
from remora.detect.watch import Watch
from remora.detect.worker import Detector
from remora.dispatch.books import BookCache
from remora.dispatch.gathering import Gathering, Sources
from remora.dispatch.matching import RulesInForce
from remora.dispatch.switchboard import Switchboard
from remora.dispatch.worker import Dispatcher
from remora.domain.contracts import Generation
from remora.domain.ids import Address, PolicyId
from remora.domain.order import Intent
from remora.domain.signal import Fill
from remora.settings.environment import Settings
from remora.supervisor.service import Step

log = structlog.get_logger()

US = 1_000_000

HELD_AGAIN_S = 600
"""How often held tokens are named to the market feed, well within the time that it keeps them in play."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What hears leaders and decides their trades; policies, leaders and switches change while it runs."""

    policies: RulesInForce
    fleet: Callable[[], Collection[Address]]
    outside: Outside
    board: Switchboard
    books: BookCache
    dispatcher: Dispatcher
    detector: Detector
    pending: PendingFills
    polling: Polling | None
    overdue: Overdue
    report: HealthReport

    def loops(self) -> Mapping[str, Step]:
        """Return the loops to run; without a mempool to listen to, or a history to poll, there is none for it."""
        loops: dict[str, Step] = {
            "detector": self.detector.run,
            "hearing": self.report.run,
            "changes": self.follow_changes,
            "overdue": self.overdue.run,
        }
        if self.outside.mempools:
            loops["mempool"] = self.pending.run
        if self.polling is not None:
            loops["polling"] = self.polling.run
        if self.outside.market_feed is not None:
            loops["market feed"] = self.outside.market_feed.run
            loops["tokens in play"] = self.keep_held_in_play
        return loops

    async def follow_changes(self) -> None:
        """Take up what is changed of policies, of the registry of leaders and of the switches, for ever."""
        await self.outside.changes.follow(self.read_changes)

    async def keep_held_in_play(self) -> None:
        """Have the market feed tell the prices of what followers hold, for ever."""
        assert self.outside.market_feed is not None
        while True:
            held = await self.outside.signals.holdings()
            self.outside.market_feed.follow({each.token_id for each in held})
            await self.outside.clock.sleep(HELD_AGAIN_S)

    async def read_changes(self) -> None:
        """Obey rules and switches as they are, and listen to everybody who has policies or is registered."""
        await self.board.read()
        changes = await self.outside.policies.changes(self.policies.revision)
        if self.policies.take_up(changes):
            log.info("rules_changed", revision=changes.revision, leaders=len(self.policies))
        known = await self.outside.leaders.leaders()
        fleet = self.fleet()
        leaders = not_ours(frozenset(self.policies).union(each.wallet for each in known), fleet)
        self.detector.watch(leaders, fleet)
        self.pending.watch(leaders, fleet)
        if self.polling is not None:
            self.polling.watch(leaders, fleet)


def not_ours(leaders: Collection[Address], fleet: Collection[Address]) -> frozenset[Address]:
    """Return the leaders who are no operator wallets: what those trade is copies, which must not be copied again."""
    for wallet in sorted(set(leaders) & set(fleet)):
        log.error(
            "leader_is_ours", says="[Supervisor] {leader} is an operator wallet: it is not copied.", leader=wallet
        )
    return frozenset(leaders) - frozenset(fleet)


def switchboard(policies: RulesInForce, outside: Outside) -> Switchboard:
    """Return the switchboard of whoever follows by these rules; it knows nothing before it is read."""

    def leader_of(policy_id: PolicyId) -> Address | None:
        policy = policies.policy(policy_id)
        return policy.leader if policy else None

    return Switchboard(store=outside.switches, clock=outside.clock, leader_of=leader_of)


def ears(
    settings: Settings,
    policies: RulesInForce,
    outside: Outside,
    *,
    board: Switchboard,
    fleet: Callable[[], Collection[Address]],
    on_intents: Callable[[Sequence[Intent]], None],
    on_fill: Callable[[Fill, int], Coroutine[None, None, None]],
) -> Ears:
    """Wire detection and decision; `fleet` are the wallets whose own fills are told to `on_fill`."""
    books = BookCache(
        venue=outside.venue, live=outside.market_feed, clock=outside.clock, ttl_us=settings.price_ttl_s * US
    )
    dispatcher = Dispatcher(
        policies=policies,
        bounds=lambda: policies.rulebook,
        chain=outside.chain,
        venue=outside.venue,
        store=outside.signals,
        clock=outside.clock,
        books=books,
        gathering=_gathering(settings, outside, books),
        halts=board.halts,
        on_intents=on_intents,
        followers_per_order=settings.followers_per_order,
        paper=settings.paper,
        debt_limit=settings.debt_limit,
    )
    ours = frozenset(fleet())
    watch = Watch(
        chain_id=settings.chain_id,
        known=known_contracts(settings),
        leaders=not_ours(frozenset(policies), ours),
        fleet=ours,
    )
    detector = Detector(
        chain=outside.chain,
        store=outside.signals,
        clock=outside.clock,
        watch=watch,
        recently=RecentlySeen(settings.dedup_s * US),
        on_signal=dispatcher.dispatch,
        on_fill=on_fill,
        ignored=outside.ignored,
        reorg_depth=settings.reorg_depth,
    )
    return Ears(
        policies=policies,
        fleet=fleet,
        outside=outside,
        board=board,
        books=books,
        dispatcher=dispatcher,
        detector=detector,
        pending=_pending(settings, outside, watch, detector),
        polling=_polling(settings, outside, watch, detector),
        overdue=Overdue(chain=outside.chain, store=outside.signals, clock=outside.clock, detector=detector),
        report=HealthReport(detector=detector.health, nodes=outside.chain.health, clock=outside.clock),
    )


def _pending(settings: Settings, outside: Outside, watch: Watch, detector: Detector) -> PendingFills:
    async def on_pending(pending: PendingFill) -> None:
        detector.hear_pending(pending.fill, pending.heard_us)

    async def on_vanished(pending: PendingFill, _why: Vanished) -> None:
        detector.hear_vanished(pending.fill)

    generations = dict.fromkeys(watch.known.exchanges, Generation.V2) | {Address(settings.exchange_v3): Generation.V3}
    return PendingFills(
        mempools=outside.mempools,
        chain=outside.chain,
        clock=outside.clock,
        wanted=Wanted(
            exchanges=Exchanges.of(settings.chain_id, generations.items()), leaders=watch.leaders, fleet=watch.fleet
        ),
        on_pending=on_pending,
        on_vanished=on_vanished,
    )


def _polling(settings: Settings, outside: Outside, watch: Watch, detector: Detector) -> Polling | None:
    if outside.history is None:
        return None
    return Polling(
        history=outside.history,
        chain=outside.chain,
        store=outside.signals,
        clock=outside.clock,
        detector=detector,
        leaders=watch.leaders,
        fleet=watch.fleet,
        ignored=outside.ignored,
        every_s=settings.poll_s,
    )


def _gathering(settings: Settings, outside: Outside, books: BookCache) -> Gathering:
    return Gathering(
        Sources(
            chain=outside.chain,
            clearinghouse=Address(settings.clearinghouse),
            store=outside.signals,
            books=books,
            clock=outside.clock,
            listings=outside.listings,
            history=outside.history,
            price_feed=Address(settings.price_feed) if settings.price_feed else None,
        )
    )
