"""An API key that somebody deletes while remora runs: the wallet gets another, and no order is sent twice for it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from aiohttp import ClientSession, web

from remora.adapters.venue.accounts import RENEWED_EVERY_S
from remora.adapters.venue.auth import Account, l1_headers, parse_api_key
from remora.adapters.venue.client import ClobVenue
from remora.adapters.venue.wire import Request
from remora.domain.errors import OutcomeUnknown, Refused, Retryable
from remora.domain.ids import Address
from remora.domain.order import OrderKind, SignedOrder
from remora.domain.signal import Side
from tests.contract.venue.conftest import API_KEY, LoopbackVenue, SystemClock
from tests.contract.venue.floor import Floor

ANOTHER = API_KEY | {"apiKey": "00000000-0000-4000-8000-000000000002"}
UNKNOWN_KEY = {"error": "Unauthorized/Invalid api key"}


class Hasty(SystemClock):
    """Real time, of which some may be left out."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


@pytest.fixture
def clock() -> Hasty:
    return Hasty()


class Doors:
    """The requests of a wallet, which the venue lets in under one key alone."""

    def __init__(self, loopback: LoopbackVenue, order: SignedOrder) -> None:
        self._loopback = loopback
        self._accepted = {
            "success": True,
            "orderID": order.order_hash,
            "status": "live",
            "makingAmount": "",
            "takingAmount": "",
        }
        self.known = API_KEY["apiKey"]
        loopback.handlers["POST /order"] = self._post
        loopback.handlers["GET /data/orders"] = self._list

    def delete_key(self, issued_next: dict[str, str]) -> None:
        """Forget the key that is known, and issue this one to whoever asks."""
        self.known = ANOTHER["apiKey"]
        self._loopback.answers("POST /auth/api-key", issued_next)
        self._loopback.heard.clear()

    def issued(self) -> int:
        return len(self._loopback.requests("POST /auth/api-key"))

    def _is_known(self, request: web.Request) -> bool:
        return request.headers["POLY_API_KEY"] == self.known

    async def _post(self, request: web.Request) -> web.Response:
        owner = json.loads(await request.read())["owner"]
        is_in = self._is_known(request) and owner == self.known
        return web.json_response(self._accepted) if is_in else web.json_response(UNKNOWN_KEY, status=401)

    async def _list(self, request: web.Request) -> web.Response:
        page = {"data": [], "next_cursor": "LTE="}
        return web.json_response(page) if self._is_known(request) else web.json_response(UNKNOWN_KEY, status=401)


@pytest.fixture
def doors(loopback: LoopbackVenue, order: SignedOrder) -> Doors:
    return Doors(loopback, order)


async def test_a_wallet_gets_another_key_and_its_order_may_be_sent_again(
    venue: ClobVenue, doors: Doors, order: SignedOrder
) -> None:
    doors.delete_key(ANOTHER)
    with pytest.raises(Retryable) as again:
        await venue.submit(order)
    assert again.value.delay_s == 0
    assert (await venue.submit(order)).status == "live"
    assert doors.issued() == 1


async def test_many_requests_that_are_refused_at_once_cost_one_key(
    venue: ClobVenue, doors: Doors, wallet: Address
) -> None:
    doors.delete_key(ANOTHER)
    troubles = await asyncio.gather(*(venue.open_orders(wallet) for _ in range(5)), return_exceptions=True)
    assert [type(trouble) for trouble in troubles] == [Retryable] * 5
    assert await venue.open_orders(wallet) == []
    assert doors.issued() == 1


async def test_a_key_that_is_refused_for_another_reason_is_not_asked_for_again_and_again(
    venue: ClobVenue, doors: Doors, order: SignedOrder, clock: Hasty
) -> None:
    doors.delete_key(API_KEY)  # the venue issues what it does not take
    with pytest.raises(Retryable):
        await venue.submit(order)
    for _ in range(3):
        with pytest.raises(Refused, match="Invalid api key"):
            await venue.submit(order)
    assert doors.issued() == 1
    clock.ahead_us = RENEWED_EVERY_S * 1_000_000
    with pytest.raises(Retryable):
        await venue.submit(order)
    assert doors.issued() == 2


async def test_a_wallet_that_gets_no_other_key_is_refused_as_before(
    venue: ClobVenue, doors: Doors, loopback: LoopbackVenue, order: SignedOrder
) -> None:
    doors.delete_key(API_KEY)
    loopback.answers("POST /auth/api-key", {"error": "address banned"}, status=403)
    for _ in range(2):
        with pytest.raises(Refused, match="Invalid api key"):
            await venue.submit(order)
    assert doors.issued() == 1


async def test_a_venue_that_is_busy_with_keys_is_asked_again(
    venue: ClobVenue, doors: Doors, loopback: LoopbackVenue, order: SignedOrder
) -> None:
    doors.delete_key(ANOTHER)
    loopback.answers("POST /auth/api-key", {"error": "busy"}, status=503)
    with pytest.raises(Retryable, match="busy"):
        await venue.submit(order)
    loopback.answers("POST /auth/api-key", ANOTHER)
    with pytest.raises(Retryable, match="another one now"):
        await venue.submit(order)
    assert (await venue.submit(order)).status == "live"


async def test_an_unknown_outcome_under_the_earlier_key_is_not_disproved_under_the_other(
    venue: ClobVenue, doors: Doors, loopback: LoopbackVenue, order: SignedOrder, wallet: Address
) -> None:
    """It would be released, and ordered anew; the venue may show an order to the key alone under which it was sent."""
    loopback.answers("POST /order", {"error": "could not insert order"}, status=500)
    with pytest.raises(OutcomeUnknown):
        await venue.submit(order)
    loopback.answers(f"GET /data/order/{order.order_hash}", b"null")
    loopback.answers("GET /data/trades", {"data": [], "next_cursor": "LTE="})
    assert await venue.report(order.order_hash, wallet) is None
    doors.delete_key(ANOTHER)
    with pytest.raises(Retryable):
        await venue.open_orders(wallet)
    assert await venue.open_orders(wallet) == []
    with pytest.raises(Retryable, match="earlier API key"):
        await venue.report(order.order_hash, wallet)


@pytest.mark.asyncio(loop_scope="session")
async def test_the_devnets_venue_lets_the_wallet_in_again(floor: Floor) -> None:
    market = await floor.open_market()
    await _delete_key(floor, floor.maker)
    order = floor.order(floor.maker, market, Side.BUY, kind=OrderKind.GTC, price="0.4", size=10)
    with pytest.raises(Retryable):
        await floor.venue.submit(order)
    assert (await floor.venue.submit(order)).status == "live"
    assert order.order_hash in await floor.venue.open_orders(floor.maker)


async def _delete_key(floor: Floor, wallet: Address) -> None:
    """Delete the wallet's API key, as whoever has it can."""
    url, now_s = floor.devnet.endpoints.clob_url, int(time.time())
    headers = l1_headers(floor.signer, wallet, chain_id=floor.devnet.endpoints.chain_id, timestamp_s=now_s)
    async with ClientSession() as session:
        async with session.get(f"{url}/auth/derive-api-key", headers=headers) as answer:
            key = parse_api_key(await answer.json())
        request: Request = Account(wallet, key).sign("DELETE", "/auth/api-key", timestamp_s=now_s)
        async with session.delete(url + request.path, headers=request.headers) as answer:
            assert answer.ok, await answer.text()
