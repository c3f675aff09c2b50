"""A venue on loopback that answers as it is told, real time, and an order to post; and a devnet, where orders trade."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.client import ClobVenue
from remora.adapters.venue.transport import Timeouts
from remora.devnet.accounts import MNEMONIC
from remora.devnet.generations import exchanges
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.domain.contracts import Exchanges
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral
from remora.domain.order import OrderKind, OrderTerms, SignedOrder
from remora.domain.signal import Side
from tests.contract.venue.floor import Floor

CHAIN_ID = 31337
EXCHANGE = Address("0x" + 40 * "e")
SECRET = b"thirty-two bytes of API secret!!"
API_KEY = {
    "apiKey": "f4f247b7-4ac7-ff29-a152-04fda0a8755a",
    "secret": base64.urlsafe_b64encode(SECRET).decode(),
    "passphrase": "pass-1",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SystemClock:
    """Real time."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class LoopbackVenue:
    """An HTTP server; `handlers` answer by "METHOD path", everything else is 404."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    handlers: dict[str, Handler] = field(default_factory=dict)

    def answers(self, route: str, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer a route with JSON, or with bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def handler(_: web.Request) -> web.Response:
            return web.Response(status=status, body=raw, headers=headers)

        self.handlers[route] = handler

    def requests(self, route: str) -> list[Heard]:
        """Return what was heard of a route."""
        return [heard for heard in self.heard if f"{heard.method} {heard.path}" == route]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(
            Heard(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        handler = self.handlers.get(f"{request.method} {request.path}")
        return web.json_response({"error": "not found"}, status=404) if handler is None else await handler(request)


@pytest_asyncio.fixture
async def loopback() -> AsyncIterator[LoopbackVenue]:
    told = LoopbackVenue()
    told.answers("POST /auth/api-key", API_KEY)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield told
    await runner.cleanup()


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture(scope="session")
def signer() -> MnemonicSigner:
    return MnemonicSigner(
        "test test test test test test test test test test test junk",
        chain_id=CHAIN_ID,
        exchanges=Exchanges(standard=EXCHANGE, neg_risk=EXCHANGE, v3=EXCHANGE),
        fleet_size=2,
    )


@pytest.fixture
def wallet(signer: MnemonicSigner) -> Address:
    return signer.fleet[0]


@pytest.fixture
def order(signer: MnemonicSigner, wallet: Address) -> SignedOrder:
    terms = OrderTerms(
        salt=2_046_813_772_791_508,
        maker=wallet,
        signer=wallet,
        token_id=TokenId(2**255 + 7),
        maker_amount=5_000_000,
        taker_amount=10_000_000,
        side=Side.BUY,
        timestamp_ms=1_795_368_118_133,
    )
    return signer.sign_order(terms, OrderKind.FAK, neg_risk=False)


@pytest.fixture
def timeouts() -> Timeouts:
    return Timeouts()


@pytest_asyncio.fixture
async def venue(
    loopback: LoopbackVenue, signer: MnemonicSigner, clock: SystemClock, wallet: Address, timeouts: Timeouts
) -> AsyncIterator[ClobVenue]:
    """The client, with the wallet authenticated."""
    async with ClobVenue(
        clob_url=loopback.url, signer=signer, chain_id=CHAIN_ID, clock=clock, timeouts=timeouts
    ) as client:
        await client.authenticate(wallet)
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def floor() -> AsyncIterator[Floor]:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as devnet:
        endpoints = devnet.endpoints
        signer = MnemonicSigner(
            MNEMONIC,
            chain_id=endpoints.chain_id,
            exchanges=exchanges(endpoints.contracts),
            fleet_size=2,
        )
        await devnet.funding.fund(signer.fleet, collateral=Collateral(100_000 * ONE), approve_exchanges=True)
        async with ClobVenue(
            clob_url=endpoints.clob_url, signer=signer, chain_id=endpoints.chain_id, clock=SystemClock()
        ) as venue:
            for wallet in signer.fleet:
                await venue.authenticate(wallet)
            yield Floor(devnet=devnet, signer=signer, venue=venue)
