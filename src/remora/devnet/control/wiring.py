"""Wires the control API to the devnet that it controls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from remora.devnet.chain_state import ChainState
from remora.devnet.clob.server import ClobServer
from remora.devnet.control.accounts import AccountsOnDemand
from remora.devnet.control.deeds import DevnetDeeds
from remora.devnet.control.demand import DemandControl
from remora.devnet.control.faults import FaultControl
from remora.devnet.control.markets import MarketsOnDemand
from remora.devnet.control.moments import MomentControl
from remora.devnet.control.pause import Pause
from remora.devnet.control.snapshots import Snapshots
from remora.devnet.control.state import State
from remora.devnet.control.world import World
from remora.devnet.endpoints import Endpoints, Market
from remora.devnet.funding import Funding
from remora.devnet.mining import Mining
from remora.devnet.node_gate.gate import NodeGate
from remora.devnet.relayer.server import Relayer
from remora.devnet.shared import Shared
from remora.devnet.traders.crew import quote_once
from remora.devnet.traders.market_maker import Ladder


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What is controlled."""

    endpoints: Endpoints
    funding: Funding
    clob: ClobServer
    relayer: Relayer
    gates: Sequence[NodeGate]
    chain: ChainState
    mining: Mining
    shared: Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What can be asked for without HTTP, and the routes that ask for it."""

    accounts: AccountsOnDemand
    markets: MarketsOnDemand
    snapshots: Snapshots
    world: World
    routes: Sequence[web.RouteDef]


def wired(wiring: Wiring) -> Controls:
    """Return the controls of a devnet."""
    accounts, markets, pause = _accounts(wiring), _markets(wiring), Pause(wiring.funding.node)
    world = World(
        chain=wiring.chain,
        clock=wiring.shared.clock,
        turns=wiring.shared.turns,
        clob=wiring.clob,
        relayer=wiring.relayer,
        gates=wiring.gates,
        controls=(accounts, pause),
    )
    snapshots, alone = Snapshots(world), asyncio.Lock()
    routes = [
        *FaultControl(wiring.shared.faults, _deeds(wiring, pause), alone).routes(),
        *DemandControl(accounts, markets, alone).routes(),
        *MomentControl(snapshots, world, alone).routes(),
    ]
    return Controls(accounts=accounts, markets=markets, snapshots=snapshots, world=world, routes=routes)


def _accounts(wiring: Wiring) -> AccountsOnDemand:
    return AccountsOnDemand(
        funding=wiring.funding,
        gatekeeper=wiring.clob.gatekeeper,
        sessions=wiring.clob.delegates.sessions,
        market_of=wiring.clob.market_of,
        catch_up=wiring.clob.catch_up,
        now_s=wiring.shared.clock.now_s,
    )


def _markets(wiring: Wiring) -> MarketsOnDemand:
    async def quote(market: Market, ladder: Ladder) -> None:
        await quote_once(wiring.endpoints, wiring.funding, market, ladder)

    funding = wiring.funding
    return MarketsOnDemand(node=funding.node, contracts=funding.contracts, clob=wiring.clob, quote=quote)


def _deeds(wiring: Wiring, pause: Pause) -> DevnetDeeds:
    node, funding = wiring.funding.node, wiring.funding
    state = State(node=node, contracts=funding.contracts, funding=funding, pause=pause)
    return DevnetDeeds(
        state=state,
        gates=wiring.gates,
        chain=wiring.chain,
        mining=wiring.mining,
        turns=wiring.shared.turns,
        now_s=wiring.shared.clock.now_s,
        market_of=wiring.clob.market_of,
        catch_up=wiring.clob.catch_up,
    )
