"""How the stages hand work on, in a service that copies and in one that only records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress

import structlog

from remora.adapters.chain.pool import NodePool
from remora.bootstrap.audit import watchman
from remora.bootstrap.contracts import known_contracts
from remora.bootstrap.floats import rebalancer
from remora.bootstrap.hearing import Ears, ears, switchboard
from remora.bootstrap.outside import Outside, opened_outside
from remora.bootstrap.rules import import_file
from remora.bootstrap.serving import api_loops
from remora.bootstrap.start import StartUp
from remora.detect.worker import Detector
from remora.dispatch.matching import RulesInForce
from remora.dispatch.protections import watched
from remora.dispatch.protector import Protector
from remora.dispatch.resolutions import Resolutions
from remora.dispatch.seller import Seller
from remora.dispatch.switchboard import Switchboard
from remora.domain.errors import OperatorError, RemoraError
from remora.domain.ids import Address, PolicyId
from remora.domain.money import Wei
from remora.domain.order import Intent, Leg, SettlementStep
from remora.domain.policy import Exits, Protections
from remora.domain.signal import Fill
from remora.domain.transaction import Call
from remora.domain.usage import Subject
from remora.execute.fleet import Fleet
from remora.execute.inspector import InspectionRules, Inspector
from remora.execute.late_fills import LateFills
from remora.execute.muster import Muster
from remora.execute.orphans import OrphanRules, Orphans
from remora.execute.pressure import Pressure
from remora.execute.reconcile import ASK_AFTER_S, Reconciler, ReconcileRules
from remora.execute.refuel import Refueler, RefuelRules
from remora.execute.retract import Retractor
from remora.execute.roster import Roster
from remora.execute.worker import ExecutionRules, Executor
from remora.recover.seller import DebtSeller, SaleRules
from remora.recover.worker import Recovery, RecoveryRules
from remora.settings.environment import Settings
from remora.settle.fees import FeeRules
from remora.settle.transactions import Transactor
from remora.settle.worker import Settler
from remora.supervisor.service import Service, Step

log = structlog.get_logger()

DEBTS_PATIENCE_S = 10.0
"""How long a round of recovery waits for its transactions: one that no block takes must not hold up other debts."""

BLOCK_S = 2
"""How long a block takes, rounded up: after `reorg_depth` of them nothing of it is taken back."""


async def run_supervisor(settings: Settings) -> None:
    """Run the supervisor until it is told to stop. OperatorError when it cannot start."""
    await import_file(settings)
    async with AsyncExitStack() as stack:
        outside = await opened_outside(settings, stack)
        policies = RulesInForce()
        policies.take_up(await outside.policies.changes(policies.revision))
        service = paper_service if settings.paper else live_service
        await service(settings, policies, outside).run()


def paper_service(settings: Settings, policies: RulesInForce, outside: Outside) -> Service:
    """Wire detection and dispatch only: what would be copied is recorded, nothing is sent."""

    def hand_on(_intents: Sequence[Intent]) -> None:
        """Leave the intents where they are stored."""

    async def ignore_fill(_fill: Fill, _heard_us: int) -> None:
        """Paper has no orders, so no fills."""

    async def announce() -> None:
        if await _in_flight(outside):
            raise OperatorError(
                "expected a database without orders or settlements in flight, found some: paper would lose their fills"
            )
        log.warning("paper", says="[Supervisor] Paper: decisions are recorded, nothing is sent. REMORA_ARMED arms it.")

    async def never_busy() -> bool:
        return False

    board = switchboard(policies, outside)
    hearing = ears(
        settings,
        policies,
        outside,
        board=board,
        fleet=tuple,
        on_intents=hand_on,
        on_fill=ignore_fill,
    )
    return Service(
        start=[announce, hearing.read_changes],
        loops={**hearing.loops(), **api_loops(settings, hearing, lambda: (0, 0))},
        close_intake=hearing.detector.close,
        busy=never_busy,
        shutdown_s=settings.shutdown_s,
        clock=outside.clock,
    )


def live_service(settings: Settings, policies: RulesInForce, outside: Outside) -> Service:
    """Wire all stages."""
    fleet = Fleet(outside.signer.fleet, low_float=settings.low_float)
    board = switchboard(policies, outside)

    async def on_settled(legs: Sequence[Leg]) -> None:
        await _after_settlement(legs, fleet, outside.chain, executor)

    settler = _settler(settings, outside, on_settled)
    executor = _executor(settings, outside, fleet, settler, board)

    async def on_fill(fill: Fill, heard_us: int) -> None:
        await executor.on_fill(fill, heard_us)
        protector.look_soon()

    hearing = ears(
        settings,
        policies,
        outside,
        board=board,
        fleet=lambda: outside.signer.fleet,
        on_intents=executor.execute_later,
        on_fill=on_fill,
    )
    protector = _protector(policies, outside, hearing)
    recovery = _recovery(settings, outside, settler, _debt_seller(settings, policies, outside, executor))
    refueler, muster = _refueler(settings, outside, settler), _muster(settings, outside, fleet, settler)
    audit = watchman(settings, outside, fleet, muster, hearing.dispatcher)
    roster = _roster(settings, outside, fleet, hearing, muster)
    leveller, resolutions = rebalancer(settings, outside, fleet, settler), _resolutions(outside)

    async def on_fleet_changed() -> None:
        await roster.read()
        leveller.look_soon()

    start = StartUp(
        policies=len(policies.rulebook.policies),
        fleet=fleet,
        muster=muster,
        settler=settler,
        executor=executor,
        recovery=recovery,
        refueler=refueler,
        rebalancer=leveller,
        audit=audit,
        outside=outside,
    )
    reconciler = _reconciler(settings, outside, executor, hearing.detector)
    loops = {
        **hearing.loops(),
        **api_loops(settings, hearing, lambda: fleet.waiting),
        "executor": executor.run,
        "settler": settler.run,
        "reconciler": reconciler.run,
        "retractor": _retractor(outside, board, reconciler).run,
        "late fills": _late_fills(outside, fleet, settler).run,
        "orphans": _orphans(settings, outside, executor, hearing).run,
        "muster": muster.run,
        "recovery": recovery.run,
        "debts": _on_changes(outside, recovery.recover),
        "audit": audit.run,
        "suspensions": _on_changes(outside, audit.follow_suspensions),
        "refueler": refueler.run,
        "seller": _seller(settings, policies, outside, hearing, executor).run,
        "protector": protector.run,
        "resolutions": resolutions.run,
        "rebalancer": leveller.run,
        "fleet": _on_changes(outside, on_fleet_changed),
        "inspector": _inspector(settings, outside, fleet).run,
        "pressure": Pressure(fleet=fleet, clock=outside.clock).run,
    }

    return Service(
        start=[roster.read, *start.steps(), resolutions.look, hearing.read_changes],
        loops=loops,
        close_intake=hearing.detector.close,
        busy=lambda: _in_flight(outside),
        shutdown_s=settings.shutdown_s,
        clock=outside.clock,
    )


async def _in_flight(outside: Outside) -> bool:
    """Tell whether an order or a settlement has no end yet."""
    return bool(await outside.orders.open_orders() or await outside.settlements.unsettled())


def _executor(settings: Settings, outside: Outside, fleet: Fleet, settler: Settler, board: Switchboard) -> Executor:
    return Executor(
        rules=ExecutionRules(
            followers_per_order=settings.followers_per_order, second_try_after_s=settings.second_try_s
        ),
        fleet=fleet,
        venue=outside.venue,
        chain=outside.chain,
        signer=outside.signer,
        store=outside.orders,
        clock=outside.clock,
        settle_later=settler.settle_later,
        stopped=board.stopped,
    )


def _on_changes(outside: Outside, act: Step) -> Step:
    """Return a loop that acts whenever a command has written to the database."""

    async def follow() -> None:
        await outside.changes.follow(act)

    return follow


def _settler(settings: Settings, outside: Outside, on_settled: Callable[[Sequence[Leg]], Awaitable[None]]) -> Settler:
    transactor = Transactor(
        chain_id=settings.chain_id,
        rules=FeeRules(most=settings.max_fee, replace_after_blocks=settings.replace_after_blocks),
        chain=outside.chain,
        sender=outside.sender,
        signer=outside.signer,
        store=outside.settlements,
        clock=outside.clock,
    )
    return Settler(
        transactor=transactor,
        custody=outside.custody,
        store=outside.settlements,
        clock=outside.clock,
        on_settled=on_settled,
    )


def _resolutions(outside: Outside) -> Resolutions:
    """Look before anybody is judged by what is held, and from then on."""
    return Resolutions(chain=outside.chain, store=outside.switches, clock=outside.clock)


def _protector(policies: RulesInForce, outside: Outside, hearing: Ears) -> Protector:
    known = policies.rulebook
    rules = watched(known)

    def now_watched() -> Mapping[Subject, Protections]:
        nonlocal known, rules
        if policies.rulebook is not known:
            known = policies.rulebook
            rules = watched(known)
        return rules

    return Protector(
        watched=now_watched,
        store=outside.switches,
        clock=outside.clock,
        books=hearing.books,
        board=hearing.board,
    )


def _slippage_bps_of(policies: RulesInForce) -> Callable[[PolicyId], int]:
    def slippage_bps_of(policy_id: PolicyId) -> int:
        policy = policies.policy(policy_id)
        return (policy.exits if policy else Exits()).max_slippage_bps

    return slippage_bps_of


def _seller(settings: Settings, policies: RulesInForce, outside: Outside, hearing: Ears, executor: Executor) -> Seller:
    return Seller(
        chain_id=settings.chain_id,
        chain=outside.chain,
        venue=outside.venue,
        signals=outside.signals,
        switches=outside.switches,
        clock=outside.clock,
        books=hearing.books,
        board=hearing.board,
        slippage_bps_of=_slippage_bps_of(policies),
        turn_of=hearing.dispatcher.turn_of,
        on_intents=executor.execute_later,
    )


async def _after_settlement(legs: Sequence[Leg], fleet: Fleet, chain: NodePool, executor: Executor) -> None:
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


def _muster(settings: Settings, outside: Outside, fleet: Fleet, settler: Settler) -> Muster:
    async def send(wallet: Address, call: Call) -> bool:
        return await settler.send(wallet, call, purpose="approval")

    return Muster(
        fleet=fleet,
        clearinghouse=Address(settings.clearinghouse),
        clock=outside.clock,
        venue=outside.venue,
        chain=outside.chain,
        custody=outside.custody,
        store=outside.settlements,
        send=send,
    )


def _roster(settings: Settings, outside: Outside, fleet: Fleet, hearing: Ears, muster: Muster) -> Roster:
    async def on_grown() -> None:
        await hearing.read_changes()
        muster.muster_soon()

    return Roster(size=settings.fleet_size, fleet=fleet, signer=outside.signer, store=outside.fleet, on_grown=on_grown)


def _inspector(settings: Settings, outside: Outside, fleet: Fleet) -> Inspector:
    return Inspector(
        rules=InspectionRules(start_index=settings.fleet_start_index, most_per_gas=settings.max_fee),
        fleet=fleet,
        treasury=outside.signer.treasury,
        chain=outside.chain,
        custody=outside.custody,
        store=outside.fleet,
        clock=outside.clock,
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


def _retractor(outside: Outside, board: Switchboard, reconciler: Reconciler) -> Retractor:
    return Retractor(
        store=outside.orders,
        clock=outside.clock,
        is_halting=board.is_halting,
        stopped=board.stopped,
        take_out=reconciler.take_out,
    )


def _late_fills(outside: Outside, fleet: Fleet, settler: Settler) -> LateFills:
    return LateFills(fleet=fleet, store=outside.orders, clock=outside.clock, settle_later=settler.settle_later)


def _orphans(settings: Settings, outside: Outside, executor: Executor, hearing: Ears) -> Orphans:
    return Orphans(
        rules=OrphanRules(depth_blocks=settings.reorg_depth, patience_s=settings.reorg_depth * BLOCK_S),
        exchanges=known_contracts(settings).exchanges,
        executor=executor,
        chain=outside.chain,
        store=outside.orders,
        clock=outside.clock,
        cursor=outside.signals.cursor,
        hear=hearing.detector.look_at,
    )


def _debt_seller(settings: Settings, policies: RulesInForce, outside: Outside, executor: Executor) -> DebtSeller | None:
    if not settings.debt_sell_after_s:
        return None
    return DebtSeller(
        chain_id=settings.chain_id,
        rules=SaleRules(after_s=settings.debt_sell_after_s, final_s=settings.reorg_depth * BLOCK_S),
        venue=outside.venue,
        store=outside.debts,
        clock=outside.clock,
        slippage_bps_of=_slippage_bps_of(policies),
        hand_over=executor.resume,
    )


def _recovery(settings: Settings, outside: Outside, settler: Settler, seller: DebtSeller | None) -> Recovery:
    async def settle_now(legs: Sequence[Leg]) -> None:
        await settler.settle_within(legs, DEBTS_PATIENCE_S)

    return Recovery(
        rules=RecoveryRules(every_s=settings.recovery_interval_s, final_s=settings.reorg_depth * BLOCK_S),
        clearinghouse=Address(settings.clearinghouse),
        chain=outside.chain,
        store=outside.debts,
        clock=outside.clock,
        settle_now=settle_now,
        seller=seller,
    )


def _refueler(settings: Settings, outside: Outside, settler: Settler) -> Refueler:
    treasury = outside.signer.treasury

    async def refuel(amounts: Mapping[Address, Wei]) -> None:
        await settler.refuel(treasury, amounts)

    return Refueler(
        rules=RefuelRules(
            threshold=settings.refuel_threshold,
            amount=settings.refuel_amount,
            treasury_low=settings.treasury_low,
            most_per_gas=settings.max_fee,
            every_s=settings.refuel_interval_s,
        ),
        wallets=lambda: outside.signer.fleet,
        treasury=treasury,
        chain=outside.chain,
        custody=outside.custody,
        clock=outside.clock,
        needed=settler.needed,
        refuel=refuel,
    )
