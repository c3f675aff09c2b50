"""The only wiring: which adapter stands behind which port, and how the stages hand work on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import structlog
from eth_utils.address import to_checksum_address

from remora.adapters.chain.clearinghouse import ClearinghouseCustody
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender
from remora.adapters.clock import SystemClock
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.store.database import opened
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.venue.client import ClobVenue
from remora.detect.identity import RecentlySeen
from remora.detect.worker import Detector, Watch
from remora.dispatch.matching import PoliciesByLeader, by_leader
from remora.dispatch.prices import PriceCache
from remora.dispatch.worker import Dispatcher
from remora.domain.chain import Receipt
from remora.domain.contracts import POLYGON, Contracts
from remora.domain.errors import OperatorError, RemoraError
from remora.domain.ids import ZERO_ADDRESS, Address, TxHash
from remora.domain.money import Wei
from remora.domain.order import Intent, Leg, SettlementStep
from remora.domain.signal import Fill, Signal
from remora.domain.transaction import Call
from remora.execute.fleet import Fleet
from remora.execute.muster import Muster
from remora.execute.reconcile import ASK_AFTER_S, Reconciler, ReconcileRules
from remora.execute.refuel import Refueler, RefuelRules
from remora.execute.worker import ExecutionRules, Executor
from remora.recover.worker import Recovery
from remora.settings.environment import NodeSettings, Settings
from remora.settings.policies import read_policies
from remora.settle.transactions import Transactor
from remora.settle.worker import Settler
from remora.supervisor.service import Service, Step

log = structlog.get_logger()

US = 1_000_000

FOLLOW_AT_START_S = 15.0
"""How long a start waits for transactions of an earlier process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The outside world, behind its ports."""

    chain: NodeReader
    sender: NodeSender
    custody: ClearinghouseCustody
    signer: MnemonicSigner
    venue: ClobVenue
    signals: SqliteSignalStore
    orders: SqliteOrderStore
    settlements: SqliteSettlementStore
    clock: SystemClock


async def run_supervisor(settings: Settings) -> None:
    """Run the supervisor until it is told to stop. OperatorError when it cannot start."""
    policies = by_leader(read_policies(settings.policies))
    async with AsyncExitStack() as stack:
        outside = await _outside(settings, stack)
        await _check_chain(settings, outside.chain)
        service = paper_service if settings.paper else live_service
        await service(settings, policies, outside).run()


async def fetch_receipt(settings: NodeSettings, tx_hash: TxHash) -> Receipt | None:
    """Fetch one receipt from the configured node; None when it has none."""
    async with RpcClient(settings.rpc_ws_url.get_secret_value()) as rpc:
        return await NodeReader(rpc, collateral=ZERO_ADDRESS, conditional_tokens=ZERO_ADDRESS).receipt(tx_hash)


async def _outside(settings: Settings, stack: AsyncExitStack) -> Outside:
    """Open everything outside; the stack closes it."""
    clock = SystemClock()
    rpc = await stack.enter_async_context(RpcClient(settings.rpc_ws_url.get_secret_value()))
    writer = stack.enter_context(opened(settings.database))
    exchange, neg_risk_exchange = Address(settings.exchange), Address(settings.neg_risk_exchange)
    collateral, conditional_tokens = Address(settings.collateral), Address(settings.conditional_tokens)
    signer = MnemonicSigner(
        settings.trading_mnemonic.get_secret_value(),
        chain_id=settings.chain_id,
        fleet_size=settings.fleet_size,
        start_index=settings.fleet_start_index,
        exchange=exchange,
        neg_risk_exchange=neg_risk_exchange,
    )
    venue = await stack.enter_async_context(
        ClobVenue(clob_url=settings.clob_url, signer=signer, chain_id=settings.chain_id, clock=clock)
    )
    return Outside(
        chain=NodeReader(rpc, collateral=collateral, conditional_tokens=conditional_tokens),
        sender=NodeSender(rpc),
        custody=ClearinghouseCustody(
            clearinghouse=Address(settings.clearinghouse),
            collateral=collateral,
            conditional_tokens=conditional_tokens,
            exchange=exchange,
            neg_risk_exchange=neg_risk_exchange,
        ),
        signer=signer,
        venue=venue,
        signals=SqliteSignalStore(writer),
        orders=SqliteOrderStore(writer),
        settlements=SqliteSettlementStore(writer),
        clock=clock,
    )


async def _check_chain(settings: Settings, chain: NodeReader) -> None:
    found = await chain.chain_id()
    if found != settings.chain_id:
        raise OperatorError(f"REMORA_CHAIN_ID: expected the node to be on chain {settings.chain_id}, found {found}")


def paper_service(settings: Settings, policies: PoliciesByLeader, outside: Outside) -> Service:
    """Wire detection and dispatch only: what would be copied is recorded, nothing is sent."""

    def hand_on(_intents: Sequence[Intent]) -> None:
        """Leave the intents where they are stored."""

    async def ignore_fill(_fill: Fill, _heard_us: int) -> None:
        """Paper has no orders, so no fills."""

    async def announce() -> None:
        if await outside.orders.open_orders() or await outside.settlements.unsettled():
            raise OperatorError(
                "expected a database without orders or settlements in flight, found some: paper would lose their fills"
            )
        log.warning("paper", says="[Supervisor] Paper: decisions are recorded, nothing is sent. REMORA_ARMED arms it.")

    async def never_busy() -> bool:
        return False

    dispatcher = _dispatcher(settings, policies, outside, hand_on)
    detector = _detector(
        settings, policies, outside, fleet=frozenset(), on_signal=dispatcher.dispatch, on_fill=ignore_fill
    )
    return Service(
        start=[announce],
        loops={"detector": detector.run},
        close_intake=detector.close,
        busy=never_busy,
        shutdown_s=settings.shutdown_s,
        clock=outside.clock,
    )


def live_service(settings: Settings, policies: PoliciesByLeader, outside: Outside) -> Service:
    """Wire all stages."""
    fleet = Fleet(outside.signer.fleet)

    async def on_settled(legs: Sequence[Leg]) -> None:
        await _after_settlement(legs, fleet, outside.chain, executor)

    transactor = Transactor(
        chain_id=settings.chain_id,
        chain=outside.chain,
        sender=outside.sender,
        signer=outside.signer,
        store=outside.settlements,
        clock=outside.clock,
    )
    settler = Settler(
        transactor=transactor,
        custody=outside.custody,
        store=outside.settlements,
        clock=outside.clock,
        on_settled=on_settled,
    )
    executor = Executor(
        rules=ExecutionRules(followers_per_order=settings.followers_per_order),
        fleet=fleet,
        venue=outside.venue,
        chain=outside.chain,
        signer=outside.signer,
        store=outside.orders,
        clock=outside.clock,
        settle_later=settler.settle_later,
    )
    dispatcher = _dispatcher(settings, policies, outside, executor.execute_later)
    detector = _detector(
        settings,
        policies,
        outside,
        fleet=frozenset(outside.signer.fleet),
        on_signal=dispatcher.dispatch,
        on_fill=executor.on_fill,
    )
    recovery = _recovery(settings, outside, settler)
    refueler = _refueler(settings, outside, settler)
    muster = _muster(settings, outside, fleet, settler)
    start = StartUp(
        policies=sum(map(len, policies.values())),
        fleet=fleet,
        muster=muster,
        settler=settler,
        executor=executor,
        recovery=recovery,
        refueler=refueler,
        outside=outside,
    )
    loops = {
        "detector": detector.run,
        "executor": executor.run,
        "settler": settler.run,
        "reconciler": _reconciler(settings, outside, executor, detector).run,
        "muster": muster.run,
        "recovery": recovery.run,
        "refueler": refueler.run,
    }

    async def busy() -> bool:
        return bool(await outside.orders.open_orders() or await outside.settlements.unsettled())

    return Service(
        start=start.steps(),
        loops=loops,
        close_intake=detector.close,
        busy=busy,
        shutdown_s=settings.shutdown_s,
        clock=outside.clock,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """The start, which is recovery: debts first, then the fleet, then what an earlier process left, then the chain."""

    policies: int
    fleet: Fleet
    muster: Muster
    settler: Settler
    executor: Executor
    recovery: Recovery
    refueler: Refueler
    outside: Outside

    def steps(self) -> list[Step]:
        """Return the steps in order."""
        return [self.recover_debts, self.prepare_fleet, self.resume]

    async def recover_debts(self) -> None:
        """Bring transactions of an earlier process to their end, then collect what is owed.

        A transaction that no block takes soon is left to the settler: it must not keep everybody else waiting.
        """
        log.info("checking_debts", says="[Supervisor] Checking for pending debts from previous sessions...")
        with suppress(TimeoutError):
            async with asyncio.timeout(FOLLOW_AT_START_S):
                await self.settler.follow_unmined()
        await self.recovery.recover()

    async def prepare_fleet(self) -> None:
        """Refuel what is empty, then make every wallet ready."""
        size = len(self.fleet.wallets)
        log.info("fleet_loading", says="[WalletManager] Initializing fleet of {size} wallets...", size=size)
        for index, wallet in enumerate(self.fleet.wallets):
            log.info(
                "wallet_loaded",
                says="[WalletManager] Loaded Worker #{index}: {short}...",
                index=index,
                wallet=wallet,
                short=to_checksum_address(wallet)[:6],
            )
        await self.refueler.top_up()
        await self.muster.muster()
        log.info(
            "refreshed",
            says="[Supervisor] Refreshed: {policies} strategies. Fleet: {ready}/{size} ready.",
            policies=self.policies,
            ready=len(self.fleet.ready),
            size=size,
        )

    async def resume(self) -> None:
        """Promise what is promised, and hand over what is unfinished."""
        await self.executor.restore_holds()
        for leg in await self.outside.settlements.owed_proceeds():
            self.fleet.hold(leg.settlement_id, leg.wallet, leg.collateral)
        self.settler.settle_later(await self.outside.settlements.pending_legs())
        await self.executor.resume()


async def _after_settlement(legs: Sequence[Leg], fleet: Fleet, chain: NodeReader, executor: Executor) -> None:
    """Tell the fleet what its wallets have now, and go on with exits whose shares arrived."""
    collected = [leg for leg in legs if leg.step is SettlementStep.COLLECT]
    if collected:
        executor.sell_later(collected)
    for leg in legs:
        if leg.step is SettlementStep.REMIT:
            await fleet.release(leg.settlement_id)
    wallets = sorted({leg.wallet for leg in legs if leg.step is not SettlementStep.COLLECT})
    with suppress(RemoraError):  # the next settlement reads the balances again
        for wallet, balance in zip(wallets, await chain.collateral_of(wallets), strict=True):
            await fleet.update(wallet, balance)


def _dispatcher(
    settings: Settings,
    policies: PoliciesByLeader,
    outside: Outside,
    on_intents: Callable[[Sequence[Intent]], None],
) -> Dispatcher:
    prices = PriceCache(venue=outside.venue, clock=outside.clock, ttl_us=settings.price_ttl_s * US)
    return Dispatcher(
        policies=policies,
        chain=outside.chain,
        venue=outside.venue,
        store=outside.signals,
        clock=outside.clock,
        prices=prices,
        on_intents=on_intents,
        paper=settings.paper,
    )


def _detector(
    settings: Settings,
    policies: PoliciesByLeader,
    outside: Outside,
    *,
    fleet: frozenset[Address],
    on_signal: Callable[[Signal], Coroutine[None, None, None]],
    on_fill: Callable[[Fill, int], Coroutine[None, None, None]],
) -> Detector:
    exchanges = {settings.exchange, settings.neg_risk_exchange, *settings.extra_exchanges}
    ledgers = {settings.conditional_tokens, *settings.extra_ledgers}
    known = Contracts(
        exchanges=frozenset(map(Address, exchanges)),
        ledgers=frozenset(map(Address, ledgers)),
        collaterals=frozenset({Address(settings.collateral)}),
        adapters=POLYGON.adapters,
    )
    return Detector(
        chain=outside.chain,
        store=outside.signals,
        clock=outside.clock,
        watch=Watch(chain_id=settings.chain_id, known=known, leaders=frozenset(policies), fleet=fleet),
        recently=RecentlySeen(settings.dedup_s * US),
        on_signal=on_signal,
        on_fill=on_fill,
    )


def _muster(settings: Settings, outside: Outside, fleet: Fleet, settler: Settler) -> Muster:
    async def send(wallet: Address, call: Call) -> bool:
        return await settler.send(wallet, call, purpose="approval")

    spenders = (settings.exchange, settings.neg_risk_exchange, settings.clearinghouse)
    return Muster(
        fleet=fleet,
        clearinghouse=Address(settings.clearinghouse),
        clock=outside.clock,
        spenders=tuple(map(Address, spenders)),
        venue=outside.venue,
        chain=outside.chain,
        custody=outside.custody,
        store=outside.settlements,
        send=send,
    )


def _reconciler(settings: Settings, outside: Outside, executor: Executor, detector: Detector) -> Reconciler:
    return Reconciler(
        rules=ReconcileRules(
            ask_after_s=min(settings.never_arrived_s, ASK_AFTER_S), never_arrived_after_s=settings.never_arrived_s
        ),
        executor=executor,
        venue=outside.venue,
        store=outside.orders,
        clock=outside.clock,
        hear=detector.look_at,
    )


def _recovery(settings: Settings, outside: Outside, settler: Settler) -> Recovery:
    return Recovery(
        every_s=settings.recovery_interval_s,
        clearinghouse=Address(settings.clearinghouse),
        chain=outside.chain,
        store=outside.settlements,
        clock=outside.clock,
        settle_now=settler.settle,
    )


def _refueler(settings: Settings, outside: Outside, settler: Settler) -> Refueler:
    treasury = outside.signer.treasury

    async def refuel(amounts: Mapping[Address, Wei]) -> None:
        await settler.refuel(treasury, amounts)

    return Refueler(
        rules=RefuelRules(
            threshold=settings.refuel_threshold, amount=settings.refuel_amount, every_s=settings.refuel_interval_s
        ),
        wallets=outside.signer.fleet,
        treasury=treasury,
        chain=outside.chain,
        clock=outside.clock,
        refuel=refuel,
    )
