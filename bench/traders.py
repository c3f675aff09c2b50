"""Traders of a devnet whose orders are signed beforehand, so that only the venue's work is timed."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from bench.venue import TRADERS
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.auth import Account, ApiKey, l1_headers, parse_api_key
from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Answer, Request, order_body
from remora.devnet.accounts import MNEMONIC
from remora.devnet.endpoints import Endpoints, Market
from remora.devnet.generations import exchanges
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE
from remora.domain.order import OrderKind, OrderTerms
from remora.domain.signal import Side

CONNECTIONS = 32
SHARES_UNITS = 10 * ONE
"""Of every order."""


class Trader:
    """One wallet with its API key."""

    def __init__(self, signer: MnemonicSigner, wallet: Address, api_key: ApiKey, credentials: dict[str, str]) -> None:
        self.credentials = credentials
        self._signer = signer
        self._wallet = wallet
        self._account = Account(wallet, api_key)
        self._salts = itertools.count(time.time_ns() // 1_000)

    def order(self, market: Market, side: Side, cents: int, kind: OrderKind) -> Request:
        """Return a signed request to place an order of 10 YES shares at a price in cents."""
        collateral = SHARES_UNITS * cents // 100
        making, taking = (collateral, SHARES_UNITS) if side is Side.BUY else (SHARES_UNITS, collateral)
        terms = OrderTerms(
            salt=next(self._salts),
            maker=self._wallet,
            signer=self._wallet,
            token_id=TokenId(market.yes_token_id),
            maker_amount=making,
            taker_amount=taking,
            side=side,
            timestamp_ms=time.time_ns() // 1_000_000,
        )
        order = self._signer.sign_order(terms, kind, neg_risk=market.neg_risk)
        body = order_body(order, owner=self._account.owner)
        return self._account.sign("POST", "/order", body=body, timestamp_s=int(time.time()))


class Floor:
    """The traders and their connections to one venue."""

    def __init__(self, endpoints: Endpoints, transport: Transport, traders: Sequence[Trader]) -> None:
        self.endpoints = endpoints
        self.traders = traders
        self._transport = transport

    async def place(self, requests: Sequence[Request]) -> list[float]:
        """Place orders, `CONNECTIONS` at a time, and return how many milliseconds each took; all must be accepted."""
        waiting, took_ms = deque(requests), list[float]()

        async def clerk() -> None:
            while waiting:
                request, began = waiting.popleft(), time.perf_counter()
                answer = await self._transport.send(request)
                took_ms.append((time.perf_counter() - began) * 1_000)
                _expect_accepted(answer)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(clerk())
        return took_ms

    async def until_confirmed(self, trader: Trader, count: int, subscribed: asyncio.Event) -> None:
        """Listen on the user channel until so many of a trader's trades are CONFIRMED."""
        confirmed: set[str] = set()
        async with aiohttp.ClientSession() as session, session.ws_connect(self.endpoints.user_ws_url) as channel:
            await channel.send_json({"type": "user", "auth": trader.credentials, "markets": []})
            await channel.send_str("PING")
            async for message in channel:
                if message.data == "PONG":
                    subscribed.set()
                elif (event := json.loads(message.data)).get("status") == "CONFIRMED":
                    confirmed.add(event["id"])
                    if len(confirmed) == count:
                        return
        raise ConnectionError(f"expected {count} confirmed trades, found {len(confirmed)} when the channel closed")


@asynccontextmanager
async def trading_floor(endpoints: Endpoints) -> AsyncIterator[Floor]:
    """Bring all funded traders of a venue, with API keys and warm connections."""
    signer = MnemonicSigner(
        MNEMONIC,
        chain_id=endpoints.chain_id,
        exchanges=exchanges(endpoints.contracts),
        fleet_size=TRADERS,
    )
    transport = Transport(endpoints.clob_url, Timeouts(answer_s=60))
    try:
        traders = [await _trader(transport, signer, wallet, endpoints.chain_id) for wallet in signer.fleet]
        await transport.warm(CONNECTIONS, Request(method="GET", path="/time"))
        yield Floor(endpoints, transport, traders)
    finally:
        await transport.close()


async def _trader(transport: Transport, signer: MnemonicSigner, wallet: Address, chain_id: int) -> Trader:
    headers = l1_headers(signer, wallet, chain_id=chain_id, timestamp_s=int(time.time()))
    answer = await transport.send(Request(method="POST", path="/auth/api-key", headers=headers))
    credentials = json.loads(answer.body)
    return Trader(signer, wallet, parse_api_key(credentials), credentials)


def _expect_accepted(answer: Answer) -> None:
    if answer.status != HTTPStatus.OK or json.loads(answer.body)["status"] not in {"live", "matched"}:
        raise AssertionError(f"expected an accepted order, found HTTP {answer.status}: {answer.body.decode()}")
