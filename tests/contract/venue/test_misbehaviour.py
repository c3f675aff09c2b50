"""A venue that misbehaves on purpose: what the client concludes, and that it never sends an order twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.client import ClobVenue
from remora.adapters.venue.transport import Timeouts
from remora.domain.errors import Malformed, OperatorError, OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.order import SignedOrder
from tests.contract.venue.conftest import LoopbackVenue, SystemClock

ORDER = "POST /order"


@pytest.fixture
def timeouts() -> Timeouts:
    """No time for who falls silent or dribbles."""
    return Timeouts(connect_s=0.5, answer_s=0.5)


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Drop the connection after the request was read."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection after the request was read."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def fall_silent(_: web.Request) -> web.StreamResponse:
    """Read the request and answer too late."""
    await asyncio.sleep(3)
    return web.Response()


async def break_off(request: web.Request) -> web.StreamResponse:
    """Announce more than is sent, then drop the connection."""
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"success":true,')
    assert request.transport is not None
    request.transport.close()
    return response


async def dribble(request: web.Request) -> web.StreamResponse:
    """Send a byte now and then, each in time, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(30):
        await response.write(b" ")
        await asyncio.sleep(0.1)
    return response


@pytest.mark.parametrize("misbehave", [hang_up, reset, fall_silent, break_off, dribble])
async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    venue: ClobVenue,
    loopback: LoopbackVenue,
    order: SignedOrder,
    misbehave: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    loopback.handlers[ORDER] = misbehave
    with pytest.raises(OutcomeUnknown):
        await venue.submit(order)
    assert len(loopback.requests(ORDER)) == 1


@pytest.mark.parametrize("misbehave", [hang_up, fall_silent, break_off])
async def test_a_question_whose_answer_is_lost_may_be_asked_again(
    venue: ClobVenue,
    loopback: LoopbackVenue,
    misbehave: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    loopback.handlers["GET /book"] = misbehave
    with pytest.raises(Retryable):
        await venue.book(TokenId(1))


NULL_HASHES = {
    "success": True,
    "errorMsg": "",
    "orderID": "",
    "status": "matched",
    "makingAmount": "5",
    "takingAmount": "10",
    "transactionsHashes": None,
}


@pytest.mark.parametrize(
    ("status", "body", "headers", "expected"),
    [
        (500, {"error": "internal"}, {}, OutcomeUnknown),
        (502, b"<html>bad gateway</html>", {}, OutcomeUnknown),
        (504, b"", {}, OutcomeUnknown),
        (200, NULL_HASHES, {}, OutcomeUnknown),
        (200, b"<html></html>", {}, OutcomeUnknown),
        (307, b"", {"Location": "/order"}, OutcomeUnknown),
        (400, {"error": "order 0xaa is invalid. Duplicated."}, {}, OutcomeUnknown),
        (400, {"error": "invalid nonce"}, {}, Refused),
        (425, b"", {"Retry-After": "3"}, Retryable),
        (429, b"", {"Retry-After": "3"}, Retryable),
        (503, {"error": "Trading is currently cancel-only."}, {"Retry-After": "3"}, Retryable),
    ],
)
async def test_an_answer_over_the_wire(
    venue: ClobVenue,
    loopback: LoopbackVenue,
    order: SignedOrder,
    *,
    status: int,
    body: Any,
    headers: dict[str, str],
    expected: type[RemoraError],
) -> None:
    loopback.answers(ORDER, body, status, headers)
    with pytest.raises(expected) as caught:
        await venue.submit(order)
    if isinstance(caught.value, Retryable):
        assert caught.value.delay_s == 3.0
    assert len(loopback.requests(ORDER)) == 1


async def test_a_wallet_without_api_key_sends_nothing(
    loopback: LoopbackVenue, signer: MnemonicSigner, clock: SystemClock, order: SignedOrder
) -> None:
    async with ClobVenue(clob_url=loopback.url, signer=signer, chain_id=31337, clock=clock) as client:
        with pytest.raises(OperatorError):
            await client.submit(order)
        with pytest.raises(OperatorError):
            await client.report(order.order_hash, order.terms.maker)
    assert loopback.heard == []


async def test_an_existing_api_key_is_derived(
    loopback: LoopbackVenue, signer: MnemonicSigner, clock: SystemClock, wallet: Address
) -> None:
    loopback.answers("GET /auth/derive-api-key", {"apiKey": "old", "secret": "c2VjcmV0", "passphrase": "p"})
    loopback.answers("POST /auth/api-key", {"error": "Could not create api key"}, 400)
    async with ClobVenue(clob_url=loopback.url, signer=signer, chain_id=31337, clock=clock) as client:
        await client.authenticate(wallet)
        with pytest.raises(Malformed):  # the loopback venue lists no trades
            await client.report(OrderHash("0x1"), wallet)
    created, derived, asked, _ = loopback.heard
    assert (created.method, derived.method) == ("POST", "GET")
    assert created.headers["POLY_SIGNATURE"] == derived.headers["POLY_SIGNATURE"]
    assert asked.headers["POLY_API_KEY"] == "old"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": "Invalid L1 Request headers"}, Refused),
        (403, {"error": "banned"}, Refused),
        (404, {"error": "not found"}, Refused),
        (429, b"", Retryable),
        (500, b"", Retryable),
        (200, b"<html></html>", Retryable),
    ],
)
async def test_authentication_that_fails(
    loopback: LoopbackVenue,
    signer: MnemonicSigner,
    clock: SystemClock,
    wallet: Address,
    *,
    status: int,
    body: Any,
    expected: type[RemoraError],
) -> None:
    loopback.answers("POST /auth/api-key", body, status)
    async with ClobVenue(clob_url=loopback.url, signer=signer, chain_id=31337, clock=clock) as client:
        with pytest.raises(expected):
            await client.authenticate(wallet)
