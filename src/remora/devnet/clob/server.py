"""The order-book server as a whole: one port for REST, both WebSocket channels and Gamma, and two tasks behind it.

One task sends settlements, the other follows the chain. Nothing is kept on disk: the server lives as long as the
devnet, whose contracts hold what was settled.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.auth import BuilderKeys, Gatekeeper
from remora.devnet.clob.book import Book, PlacedOrder
from remora.devnet.clob.chain import ChainFollower
from remora.devnet.clob.connection import SILENCE_S
from remora.devnet.clob.delegation import Delegates, Delegation
from remora.devnet.clob.desk import Desk
from remora.devnet.clob.engine import Engine, OrderEvent, Spot
from remora.devnet.clob.funds import Funds
from remora.devnet.clob.gamma import Gamma
from remora.devnet.clob.heartbeats import Heartbeats
from remora.devnet.clob.house import House
from remora.devnet.clob.limits import AddressLimits, Limits, SignerLimits
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.market_channel import MarketChannel
from remora.devnet.clob.market_data import MarketData
from remora.devnet.clob.resolutions import Resolutions
from remora.devnet.clob.sessions import Sessions
from remora.devnet.clob.settlement import Settlement
from remora.devnet.clob.signatories import Signatories
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.trading import Trading
from remora.devnet.clob.user_channel import UserChannel
from remora.devnet.clob.web import admitted_by, plain_errors, with_left_headers
from remora.devnet.data_api.conversions import Conversions
from remora.devnet.data_api.live_channel import LiveChannel
from remora.devnet.data_api.routes import DataApi
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.faults.board import Board
from remora.devnet.faults.fates import BoardFates
from remora.devnet.faults.stream_tap import BOARD
from remora.devnet.faults.venue_gate import VenueGate
from remora.devnet.rpc import Node, connected
from remora.devnet.wallet_addresses import WalletAddresses
from remora.domain.errors import Refused

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
    faults: Board = field(default_factory=lambda: Board(time.monotonic))


class ClobServer:
    """Serves the markets that it is told of, from `start` to `stop`; it shares `delegates` with the relayer."""

    def __init__(self, config: ClobConfig) -> None:
        self.delegates = Delegates(sessions=Sessions(), builder_keys=BuilderKeys(_now_s))
        self._config = config
        self.house = House()
        self._listings = Listings(config.contracts, _now_s)
        self._port = config.port
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

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

    async def _serve(self, listening: asyncio.Event) -> None:
        async with connected(self._config.rpc_url) as node, asyncio.TaskGroup() as group:
            service = _Service(self._config, self._listings, self.house, node, self.delegates)
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


class _Service:
    """The parts of a server, wired."""

    def __init__(self, config: ClobConfig, listings: Listings, house: House, node: Node, delegates: Delegates) -> None:
        contracts, self._faults = config.contracts, config.faults
        fates = BoardFates(config.faults)
        gatekeeper = Gatekeeper(config.chain_id, _now_s)
        self._markets = MarketChannel(_now_ms)
        self._users = UserChannel(gatekeeper, _now_ms)
        self._live, self._silence_s = LiveChannel(_now_ms), config.silence_s
        channels = _Channels(self._markets, self._users, self._live)
        funds, signer_limits = Funds(contracts), SignerLimits(config.limits)
        listings.watch(self._markets.market_added)
        self._engine = Engine(funds=funds, audience=channels, now_s=_now_s, delay_of=fates.match_delay_s)
        accounts = Accounts(node, contracts, funds)
        self._settlement = Settlement(
            node=node,
            chain_id=config.chain_id,
            operator_key=config.operator_key,
            confirmations_blocks=config.confirmations_blocks,
            contracts=contracts,
            engine=self._engine,
            accounts=accounts,
            herald=_News(
                channels, Resolutions(listings=listings, engine=self._engine, house=house, crier=self._markets)
            ),
            fates=fates,
        )
        self.chain = ChainFollower(node, config.rpc_ws_url, self._settlement)
        self._heartbeats = Heartbeats()
        addresses = WalletAddresses(deposit_wallet_factory=contracts.deposit_wallet_factory)
        signatories = Signatories(node.view, addresses, delegates.sessions, _now_s)
        self._sessions = delegates.sessions
        self._delegation = Delegation(
            gatekeeper=gatekeeper, builder_keys=delegates.builder_keys, signatories=signatories
        )
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
            beat=lambda trader, heartbeat_id: self._heartbeats.beat(trader, heartbeat_id, _now_ms()),
            engine=self._engine,
            accounts=accounts,
            funds=funds,
            contracts=contracts,
            house=house,
            limit=lambda signer, action, tokens: signer_limits.take(signer, action, tokens, _now_ms()),
        )
        self._addresses = AddressLimits(config.limits)
        self._market_data = MarketData(listings=listings, engine=self._engine, now_ms=_now_ms)
        self._gamma = Gamma(listings=listings, engine=self._engine, house=house)
        self._data = DataApi(
            listings=listings,
            engine=self._engine,
            accounts=accounts,
            funds=funds,
            conversions=Conversions(node, contracts, listings),
        )

    def background(self) -> list[Coroutine[None, None, None]]:
        """Return what runs beside the requests."""
        return [self.chain.run(), self._settlement.run(), self._sweep()]

    def application(self) -> web.Application:
        """Return everything that is served."""
        admit = admitted_by(lambda ip, method, path: self._addresses.admit(ip, method, path, _now_ms()))
        application = web.Application(
            middlewares=[VenueGate(self._faults).middleware(), with_left_headers, plain_errors, admit]
        )
        application[BOARD] = self._faults
        application[SILENCE_S] = self._silence_s
        application.add_routes(self._trading.routes())
        application.add_routes(self._delegation.routes())
        application.add_routes(self._market_data.routes())
        application.add_routes(self._gamma.routes(_GAMMA_PATH))
        application.add_routes(self._data.routes(_DATA_PATH))
        application.add_routes(
            [
                self._markets.route(_MARKET_PATH, self._market_data.book),
                self._users.route(_USER_PATH),
                self._live.route(_LIVE_PATH),
            ]
        )
        application.on_shutdown.append(self._disconnect)
        return application

    async def _sweep(self) -> None:
        """Do what only the time brings about: expiries, ends of delays, orders of who fell silent or lost the right."""
        while True:
            await asyncio.sleep(_SWEEP_PAUSE_S)
            self._engine.expire()
            for trader in self._heartbeats.silenced(_now_ms()):
                self._engine.cancel_all(trader)
            for session in self._sessions.ended(_now_s()):
                self._engine.cancel_all(session.signer, maker=session.wallet)
            # A node that does not answer now is asked again.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, Refused):
                await self._desk.release_due()

    async def _disconnect(self, _: web.Application) -> None:
        await self._markets.close()
        await self._users.close()
        await self._live.close()


class _Channels:
    """The engine's audience: each channel hears what concerns it."""

    def __init__(self, markets: MarketChannel, users: UserChannel, live: LiveChannel) -> None:
        self._markets = markets
        self._users = users
        self._live = live

    def order_changed(self, order: PlacedOrder, event: OrderEvent) -> None:
        self._users.order_changed(order, event)

    def trade_changed(self, trade: Trade) -> None:
        self._users.trade_changed(trade)
        self._live.trade_changed(trade)

    def trade_sent(self, trade: Trade) -> None:
        self._markets.trade_sent(trade)
        self._live.trade_sent(trade)

    def book_changed(self, listing: Listing, book: Book, spots: Iterable[Spot]) -> None:
        self._markets.book_changed(listing, book, spots)


class _News:
    """The herald of settlement: trades are told on the channels, resolutions end markets."""

    def __init__(self, channels: _Channels, resolutions: Resolutions) -> None:
        self._channels = channels
        self._resolutions = resolutions

    def trade_sent(self, trade: Trade) -> None:
        self._channels.trade_sent(trade)

    def condition_resolved(self, condition_id: str, payouts: tuple[int, ...]) -> None:
        self._resolutions.condition_resolved(condition_id, payouts)


def _now_ms() -> int:
    return time.time_ns() // 10**6


def _now_s() -> int:
    return time.time_ns() // 10**9
