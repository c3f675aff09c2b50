"""The order-book server as a whole: one port for REST, both WebSocket channels and Gamma, and two tasks behind it.

One task sends settlements, the other follows the chain. Nothing is kept on disk: the server lives as long as the
devnet, whose contracts hold what was settled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp
from aiohttp import web

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.auth import BuilderKeys, Gatekeeper, RelayerKeys
from remora.devnet.clob.builders import Builders
from remora.devnet.clob.chain import ChainFollower
from remora.devnet.clob.channels import Channels, News
from remora.devnet.clob.connection import SILENCE_S
from remora.devnet.clob.delegation import Delegates, Delegation
from remora.devnet.clob.desk import Desk
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import Funds
from remora.devnet.clob.gamma import Gamma
from remora.devnet.clob.heartbeats import Heartbeats
from remora.devnet.clob.house import House
from remora.devnet.clob.limits import AddressLimits, Limits, SignerLimits
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.market_channel import MarketChannel
from remora.devnet.clob.market_data import MarketData
from remora.devnet.clob.notifications import Notifications
from remora.devnet.clob.resolutions import Resolutions
from remora.devnet.clob.rewards import Rewards
from remora.devnet.clob.sessions import Sessions
from remora.devnet.clob.settlement import Settlement
from remora.devnet.clob.signatories import Signatories
from remora.devnet.clob.trading import Trading
from remora.devnet.clob.user_channel import UserChannel
from remora.devnet.clob.web import admitted_by, plain_errors, with_left_headers
from remora.devnet.clock import wall_ms, wall_s
from remora.devnet.data_api.holdings import Holdings
from remora.devnet.data_api.live_channel import LiveChannel
from remora.devnet.data_api.price_history import PriceHistory
from remora.devnet.data_api.reference import Reference
from remora.devnet.data_api.router_moves import RouterMoves
from remora.devnet.data_api.routes import DataApi
from remora.devnet.data_api.share_moves import ShareMoves
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.faults.fates import BoardFates
from remora.devnet.faults.stream_tap import BOARD
from remora.devnet.faults.venue_gate import VenueGate
from remora.devnet.remembering import Part
from remora.devnet.rpc import Node, connected
from remora.devnet.shared import Shared
from remora.devnet.turns import in_turns
from remora.devnet.wallet_factories import wallet_factories
from remora.domain.errors import InvariantBroken, Refused

_MARKET_PATH = "/ws/market"
_USER_PATH = "/ws/user"
_LIVE_PATH = "/ws/live"
_GAMMA_PATH = "/gamma"
_DATA_PATH = "/data-api"
_SHUTDOWN_S = 1.0
_SWEEP_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClobConfig:
    """Where the chain is, what is deployed on it, who settles, and where to listen (port 0: any free one).

    A WebSocket client that sends nothing for `silence_s` seconds is disconnected.
    """

    chain_id: int
    rpc_url: str
    rpc_ws_url: str
    contracts: Contracts
    operator_key: bytes = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    confirmations_blocks: int = 2
    limits: Limits = Limits()
    silence_s: float = 30
    shared: Shared = field(default_factory=Shared)


class ClobServer:
    """Serves the markets that it is told of, from `start` to `stop`; it shares `delegates` with the relayer."""

    def __init__(self, config: ClobConfig) -> None:
        clock = config.shared.clock
        self.delegates = Delegates(
            sessions=Sessions(), builder_keys=BuilderKeys(clock.now_s, wall_s), relayer_keys=RelayerKeys()
        )
        self._config = config
        self.house = House(config.shared.faults)
        self.gatekeeper = Gatekeeper(config.chain_id, clock.now_s, wall_s)
        self._listings = Listings(config.contracts, clock.now_s)
        self._port = config.port
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._service: _Service | None = None

    @property
    def url(self) -> str:
        """The REST address; the port is known once the server has started."""
        return f"http://{self._config.host}:{self._port}"

    @property
    def market_ws_url(self) -> str:
        return f"ws://{self._config.host}:{self._port}{_MARKET_PATH}"

    @property
    def user_ws_url(self) -> str:
        return f"ws://{self._config.host}:{self._port}{_USER_PATH}"

    @property
    def live_ws_url(self) -> str:
        return f"ws://{self._config.host}:{self._port}{_LIVE_PATH}"

    @property
    def gamma_url(self) -> str:
        return self.url + _GAMMA_PATH

    @property
    def data_url(self) -> str:
        return self.url + _DATA_PATH

    def add_market(self, market: Market) -> None:
        """List a market, before the start or after; ValueError for terms that the venue does not have."""
        self._listings.add(market)

    def markets(self) -> tuple[Market, ...]:
        """Return the listed markets, in the order in which they were listed."""
        return tuple(listing.market for listing in self._listings)

    async def catch_up(self) -> None:
        """Return when the server has acted on what was the chain's last block when this was called."""
        await self._running.chain.catch_up()

    async def sweep(self) -> None:
        """Do now what the time has brought about."""
        await self._running.sweep()

    async def disconnect(self) -> None:
        """Close every WebSocket of the clients."""
        await self._running.disconnect()

    async def resumed(self) -> None:
        """Go on after the memory of the parts was changed to an older one."""
        await self._running.resumed()

    def parts(self) -> list[Part]:
        """Return all that remembers something; those that others refer to come first."""
        delegates = self.delegates
        own: list[Part] = [self._listings, self.house, self.gatekeeper]
        lent: list[Part] = [delegates.sessions, delegates.builder_keys, delegates.relayer_keys]
        return [*own, *lent, *self._running.parts()]

    @property
    def _running(self) -> _Service:
        if self._service is None:
            raise InvariantBroken("the order book server is asked before its start")
        return self._service

    def market_of(self, token_id: int) -> Market | None:
        """Return the listed market that a token belongs to."""
        tokens = {token: listing.market for listing in self._listings for token in listing.tokens}
        return tokens.get(token_id)

    async def start(self) -> None:
        """Return when requests are served; raise what prevents it."""
        listening = asyncio.Event()
        self._task = asyncio.create_task(self._serve(listening))
        waiting = asyncio.create_task(listening.wait())
        await asyncio.wait((self._task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not listening.is_set():
            waiting.cancel()
            await self.stop()

    async def stop(self) -> None:
        """Stop serving and leave no task behind; raise what had broken a background task. Idempotent."""
        self._stopping.set()
        if self._task is not None:
            task, self._task = self._task, None
            await task

    def _records(self) -> _Records:
        return _Records(self._listings, self.house, self.gatekeeper, self.delegates)

    async def _serve(self, listening: asyncio.Event) -> None:
        async with connected(self._config.rpc_url) as node, asyncio.TaskGroup() as group:
            service = self._service = _Service(self._config, self._records(), node)
            await service.chain.catch_up()
            tasks = [group.create_task(work) for work in service.background()]
            async with self._site(service):
                listening.set()
                await self._stopping.wait()
            for task in tasks:
                task.cancel()

    @contextlib.asynccontextmanager
    async def _site(self, service: _Service) -> AsyncIterator[None]:
        runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._config.host, self._config.port).start()
            self._port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()


class _Records(NamedTuple):
    """What a server knows without serving."""

    listings: Listings
    house: House
    gatekeeper: Gatekeeper
    delegates: Delegates


class _Service:
    """The parts of a server, wired."""

    def __init__(self, config: ClobConfig, records: _Records, node: Node) -> None:
        listings, house, gatekeeper, delegates = records
        contracts, shared = config.contracts, config.shared
        self._faults, self._clock, self._turns = shared.faults, shared.clock, shared.turns
        now_s, now_ms = shared.clock.now_s, shared.clock.now_ms
        fates = BoardFates(shared.faults)
        self._markets = MarketChannel(now_ms)
        self._users = UserChannel(gatekeeper, now_ms)
        self._live, self._silence_s = LiveChannel(now_ms), config.silence_s
        self._notifications = Notifications(gatekeeper, now_s)
        channels = Channels(self._markets, self._users, self._live, self._notifications)
        funds = self._funds = Funds(contracts)
        signer_limits = SignerLimits(config.limits)
        listings.watch(self._markets.market_added)
        self._engine = Engine(funds=funds, audience=channels, now_s=now_s, delay_of=fates.match_delay_s)
        accounts = self._accounts = Accounts(node, contracts, funds)
        self._settlement = Settlement(
            node=node,
            chain_id=config.chain_id,
            operator_key=config.operator_key,
            confirmations_blocks=config.confirmations_blocks,
            contracts=contracts,
            engine=self._engine,
            accounts=accounts,
            herald=News(
                channels, Resolutions(listings=listings, engine=self._engine, house=house, crier=self._markets)
            ),
            fates=fates,
            turns=shared.turns,
        )
        self.chain = ChainFollower(node, config.rpc_ws_url, self._settlement, shared.turns)
        self._heartbeats = Heartbeats()
        addresses = wallet_factories(contracts)
        signatories = Signatories(node.view, addresses, delegates.sessions, now_s)
        self._sessions = delegates.sessions
        self._delegation = Delegation(gatekeeper=gatekeeper, delegates=delegates, signatories=signatories)
        self._desk = Desk(
            chain_id=config.chain_id,
            contracts=contracts,
            listings=listings,
            engine=self._engine,
            accounts=accounts,
            chain=self.chain,
            settlement=self._settlement,
            house=house,
            signatories=signatories,
        )
        self._trading = Trading(
            gatekeeper=gatekeeper,
            signatories=signatories,
            desk=self._desk,
            beat=lambda trader, heartbeat_id: self._heartbeats.beat(trader, heartbeat_id, now_ms()),
            engine=self._engine,
            accounts=accounts,
            funds=funds,
            contracts=contracts,
            house=house,
            limit=lambda signer, action, tokens: signer_limits.take(signer, action, tokens, wall_ms()),
        )
        self._rewards = Rewards(gatekeeper=gatekeeper, listings=listings, engine=self._engine)
        self._builders = Builders(self._engine)
        self._addresses = AddressLimits(config.limits)
        self._market_data = MarketData(listings=listings, engine=self._engine, now_ms=now_ms)
        self._gamma = Gamma(listings=listings, engine=self._engine, house=house)
        self._prices = PriceHistory(listings=listings, engine=self._engine, now_s=now_s)
        self._data = DataApi(
            listings=listings,
            holdings=Holdings(
                listings=listings,
                engine=self._engine,
                house=house,
                accounts=accounts,
                funds=funds,
                moves=(ShareMoves(node, contracts, listings).of, RouterMoves(node, contracts, listings).of),
            ),
            reference=Reference(
                node=node, chain_id=config.chain_id, contracts=contracts, listings=listings, house=house
            ),
        )

    def background(self) -> list[Coroutine[None, None, None]]:
        """Return what runs beside the requests."""
        return [self.chain.run(), self._settlement.run(), self.keep_sweeping()]

    def parts(self) -> list[Part]:
        """Return what remembers something, the engine before the settlement of its trades."""
        return [
            *(self._funds, self._accounts, *self._engine.parts(), self._settlement, self.chain),
            *(self._heartbeats, self._markets, self._notifications),
        ]

    def application(self) -> web.Application:
        """Return everything that is served."""
        admit = admitted_by(lambda ip, method, path: self._addresses.admit(ip, method, path, wall_ms()))
        application = web.Application(
            middlewares=[
                *(VenueGate(self._faults).middleware(), with_left_headers, plain_errors, admit, in_turns(self._turns)),
            ]
        )
        application[BOARD] = self._faults
        application[SILENCE_S] = self._silence_s
        application.add_routes(self._trading.routes())
        for part in (self._delegation, self._notifications, self._rewards, self._builders, self._market_data):
            application.add_routes(part.routes())
        application.add_routes(self._gamma.routes(_GAMMA_PATH))
        application.add_routes([*self._data.routes(_DATA_PATH), *self._prices.routes(_DATA_PATH)])
        application.add_routes(
            [
                self._markets.route(_MARKET_PATH, self._market_data.book),
                self._users.route(_USER_PATH),
                self._live.route(_LIVE_PATH),
            ]
        )

        async def disconnect(_: web.Application) -> None:
            await self.disconnect()

        application.on_shutdown.append(disconnect)
        return application

    async def keep_sweeping(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_PAUSE_S)
            async with self._turns.turn():
                await self.sweep()

    async def sweep(self) -> None:
        """Do what only the time brings about: expiries, ends of delays, orders of who fell silent or lost the right."""
        self._engine.expire()
        for trader in self._heartbeats.silenced(self._clock.now_ms()):
            self._engine.cancel_all(trader)
        for session in self._sessions.ended(self._clock.now_s()):
            self._engine.cancel_all(session.signer, maker=session.wallet)
        # A node that does not answer now is asked again.
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, Refused):
            await self._desk.release_due()

    async def resumed(self) -> None:
        """Go on after the memory of the parts was changed to an older one: with the chain as it is now."""
        await self._settlement.send_again()
        await self.chain.catch_up()

    async def disconnect(self) -> None:
        """Close every WebSocket."""
        await self._markets.close()
        await self._users.close()
        await self._live.close()
