"""What an operator wallet's API key is worth to who has nothing else of the wallet, as docs/security.md says it.

Requests are signed with remora's own code: the key's three parts are all that it takes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from remora.adapters.venue.auth import Account, l1_headers, parse_api_key
from remora.adapters.venue.wire import Request, cancel_body, order_body
from remora.devnet.endpoints import Market
from remora.domain.ids import Address
from remora.domain.money import ONE, Shares
from remora.domain.order import OrderKind, SignedOrder
from remora.domain.signal import Side
from tests.contract.venue.floor import Floor

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Thief:
    """Whoever has the API key of `victim`, and nothing else of this wallet."""

    floor: Floor
    victim: Address
    key: Account

    async def asks(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Make a request that the stolen key signs; return status and JSON."""
        return await sent(self.floor, self.key.sign(method, path, body=body, timestamp_s=int(time.time())))

    async def posts(self, order: SignedOrder) -> tuple[int, Any]:
        """Post an order, under the stolen key."""
        return await self.asks("POST", "/order", order_body(order, owner=self.key.owner))


async def sent(floor: Floor, request: Request) -> tuple[int, Any]:
    """Send a request to the venue; return status and JSON."""
    url = floor.devnet.endpoints.clob_url + request.path
    async with (
        aiohttp.ClientSession(headers=request.headers) as session,
        session.request(request.method, url, data=request.body) as answer,
    ):
        return answer.status, await answer.json()


async def issued(floor: Floor, wallet: Address, method: str, path: str) -> tuple[int, Any]:
    """Ask for a wallet's API key with the wallet's own signature."""
    chain_id = floor.devnet.endpoints.chain_id
    headers = l1_headers(floor.signer, wallet, chain_id=chain_id, timestamp_s=int(time.time()))
    return await sent(floor, Request(method=method, path=path, headers=headers))


@pytest_asyncio.fixture(loop_scope="session")
async def thief(floor: Floor) -> Thief:
    _, raw = await issued(floor, floor.maker, "GET", "/auth/derive-api-key")
    return Thief(floor=floor, victim=floor.maker, key=Account(floor.maker, parse_api_key(raw)))


async def test_a_stolen_api_key_sees_orders_trades_and_balances(floor: Floor, thief: Thief) -> None:
    market = await floor.open_market()
    rests = await floor.rest(market, Side.SELL, price="0.5", size=20)
    taken = floor.taking(market, Side.BUY, price="0.5", size=5)
    await floor.venue.submit(taken)
    await floor.final_report(taken)
    _, orders = await thief.asks("GET", "/data/orders")
    assert rests.order_hash in [order["id"] for order in orders["data"]]
    _, trades = await thief.asks("GET", "/data/trades")
    assert taken.order_hash in [trade["taker_order_id"] for trade in trades["data"]]
    status, _ = await thief.asks("GET", "/balance-allowance")
    assert status < UNAUTHORIZED
    # what it sees is not enough to place an order again: no signature is shown
    assert rests.signature.hex() not in json.dumps([orders, trades])


async def test_a_stolen_api_key_cancels_the_wallets_orders_and_no_others(floor: Floor, thief: Thief) -> None:
    market = await floor.open_market()
    rests = [await floor.rest(market, Side.SELL, price="0.6", size=10) for _ in range(3)]
    others = floor.order(floor.taker, market, Side.BUY, kind=OrderKind.GTC, price="0.3", size=10)
    await floor.venue.submit(others)
    _, one = await thief.asks("DELETE", "/order", cancel_body(rests[0].order_hash))
    assert one["canceled"] == [rests[0].order_hash]
    _, foreign = await thief.asks("DELETE", "/order", cancel_body(others.order_hash))
    assert foreign["canceled"] == []
    _, rest = await thief.asks("DELETE", "/cancel-all")
    assert {order.order_hash for order in rests[1:]} <= set(rest["canceled"])
    assert await floor.venue.open_orders(thief.victim) == []
    assert await floor.venue.open_orders(floor.taker) == [others.order_hash]
    await floor.venue.cancel(others.order_hash, floor.taker)


def unsigned(order: SignedOrder) -> SignedOrder:
    """Return an order without its signature."""
    return replace(order, signature=b"")


def made_worse(order: SignedOrder) -> SignedOrder:
    """Return a signed order that gives all it has for next to nothing."""
    return replace(order, terms=replace(order.terms, taker_amount=order.terms.taker_amount // 50))


def for_another(order: SignedOrder) -> SignedOrder:
    """Return an order whose signature is another's: it was signed for something else."""
    return replace(order, signature=order.signature[::-1])


@pytest.mark.parametrize("forge", [unsigned, made_worse, for_another], ids=lambda forge: forge.__name__)
async def test_a_stolen_api_key_places_nothing_that_the_wallet_has_not_signed(
    floor: Floor, thief: Thief, forge: Callable[[SignedOrder], SignedOrder]
) -> None:
    market = await floor.open_market()
    order = floor.order(thief.victim, market, Side.SELL, kind=OrderKind.GTC, price="0.5", size=50)
    status, answer = await thief.posts(forge(order))
    assert (status, answer["error"]) in {(400, "invalid signature"), (400, "Invalid order payload")}
    assert await floor.venue.open_orders(thief.victim) == []


async def test_a_stolen_api_key_places_no_order_of_who_stole_it(floor: Floor, thief: Thief) -> None:
    market = await floor.open_market()
    own = floor.taking(market, Side.BUY, price="0.5", size=5)
    status, answer = await thief.posts(own)
    assert (status, answer["error"]) == (400, "the order signer address has to be the address of the API KEY")


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "filled"])
async def test_an_order_that_was_overheard_with_its_signature_is_not_placed_again(
    floor: Floor, thief: Thief, *, is_cancelled: bool
) -> None:
    market = await floor.open_market()
    order = await floor.rest(market, Side.SELL, price="0.5", size=5)
    await (_cancel(floor, order) if is_cancelled else _fill(floor, market))
    before = await floor.shares(thief.victim, market)
    status, answer = await thief.posts(order)
    assert (status, answer["error"]) == (400, f"order {order.order_hash} is invalid. Duplicated.")
    assert await floor.shares(thief.victim, market) == before == Shares((100 if is_cancelled else 95) * ONE)


async def _cancel(floor: Floor, order: SignedOrder) -> None:
    assert await floor.venue.cancel(order.order_hash, order.terms.maker)


async def _fill(floor: Floor, market: Market) -> None:
    taken = floor.taking(market, Side.BUY, price="0.5", size=5)
    await floor.venue.submit(taken)
    await floor.final_report(taken)


async def test_a_stolen_api_key_gets_no_other_key_of_the_wallet(thief: Thief) -> None:
    for method, path in (("POST", "/auth/api-key"), ("GET", "/auth/derive-api-key")):
        status, answer = await thief.asks(method, path)
        assert (status, answer["error"]) == (UNAUTHORIZED, "Invalid L1 Request headers")


async def test_a_stolen_api_key_ends_when_it_is_deleted_and_the_wallet_gets_another(floor: Floor, thief: Thief) -> None:
    assert await thief.asks("DELETE", "/auth/api-key") == (200, "OK")
    status, _ = await thief.asks("GET", "/data/orders")
    assert status == UNAUTHORIZED
    await floor.venue.authenticate(thief.victim)
    market = await floor.open_market()
    rests = await floor.rest(market, Side.SELL, price="0.5", size=5)
    status, _ = await thief.asks("DELETE", "/order", cancel_body(rests.order_hash))
    assert status == UNAUTHORIZED
    assert await floor.venue.open_orders(thief.victim) == [rests.order_hash]
    await floor.venue.cancel(rests.order_hash, thief.victim)


async def test_a_relayer_key_outlives_the_api_key_that_made_it_and_hands_in_nothing_unsigned(
    floor: Floor, thief: Thief
) -> None:
    status, made = await thief.asks("POST", "/auth/relayer-api-key")
    assert status == 200
    await thief.asks("DELETE", "/auth/api-key")
    await floor.venue.authenticate(thief.victim)
    made_up, known = await _hands_in(thief, "made up"), await _hands_in(thief, made["key"])
    assert made_up == UNAUTHORIZED
    assert known == 400  # it is let in, and what it hands in is no batch that somebody signed


async def _hands_in(thief: Thief, relayer_key: str) -> int:
    """Hand an unsigned batch to the relayer; return the status."""
    headers = {"RELAYER_API_KEY": relayer_key, "RELAYER_API_KEY_ADDRESS": thief.victim}
    batch = {"type": "WALLET", "from": thief.victim, "nonce": "0", "signature": "0x"}
    url = thief.floor.devnet.endpoints.relayer_url + "/submit"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=batch) as answer:
        return answer.status
