"""Below HTTP: refused, unanswered, dropped and garbled connections."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Request
from remora.domain.errors import OutcomeUnknown, RemoraError, Retryable

POST = Request(method="POST", path="/order", headers={"POLY_SIGNATURE": "hmac"}, body=b"{}")

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def transport_to(port: int, *, connect_s: float = 0.3, answer_s: float = 0.3) -> AsyncIterator[Transport]:
    transport = Transport(f"http://127.0.0.1:{port}/", Timeouts(connect_s=connect_s, answer_s=answer_s))
    try:
        yield transport
    finally:
        await transport.close()


async def error_of(port: int) -> RemoraError:
    async with transport_to(port) as transport:
        with pytest.raises(RemoraError) as caught:
            await transport.send(POST)
    return caught.value


@contextlib.asynccontextmanager
async def port_of(behave: Peer) -> AsyncIterator[int]:
    """A TCP server of one behaviour; all its connections are closed when it ends."""
    served: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        await behave(reader, writer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*filter(None, served), return_exceptions=True)


async def error_with(peer: Peer) -> RemoraError:
    async with port_of(peer) as port:
        return await error_of(port)


async def drop(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Close without reading."""


async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with something else than HTTP."""
    writer.write(b"hello?\r\n\r\n")


async def listen_only(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take all that is sent and never answer."""
    await reader.read()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer at once and keep the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


@pytest.mark.parametrize("peer", [drop, babble, listen_only])
async def test_a_connection_that_was_made_and_lost_leaves_the_outcome_unknown(peer: Peer) -> None:
    assert type(await error_with(peer)) is OutcomeUnknown


async def test_errors_carry_no_headers() -> None:
    error = await error_with(babble)
    assert error.__cause__ is None
    assert "POLY" not in f"{error!r} {error}"


async def test_a_venue_that_is_not_there_is_retryable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert type(await error_of(unused.getsockname()[1])) is Retryable


async def test_a_connection_that_takes_too_long_to_make_is_retryable() -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # The queue of accepted connections has one place; once it is taken, no further handshake is answered.
        stack.enter_context(socket.create_connection(full.getsockname()))
        queued, _, _ = select.select([full], [], [], 10)
        assert queued
        assert type(await error_of(full.getsockname()[1])) is Retryable


async def test_waiting_too_long_for_a_place_in_the_pool_is_retryable() -> None:
    # Long enough for a hundred connections, and for the last one to give up before the others do.
    async with port_of(listen_only) as port, transport_to(port, connect_s=2, answer_s=5) as transport:
        outcomes = await asyncio.gather(*(transport.send(POST) for _ in range(101)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(OutcomeUnknown) == 100
    assert [type(outcome) for outcome in outcomes].count(Retryable) == 1


async def test_connections_have_no_delay() -> None:
    async with port_of(answer) as port, transport_to(port, connect_s=10, answer_s=10) as transport:
        await transport.send(POST)
        assert [no_delay(connection) for connection in kept_connections(transport)] == [1]


def kept_connections(transport: Transport) -> list[asyncio.Transport]:
    """Return what waits in the pool; aiohttp has no public way to look at it."""
    connector = transport._session.connector
    assert connector is not None
    protocols = [protocol for kept in connector._conns.values() for protocol, _ in kept]
    return [protocol.transport for protocol in protocols if protocol.transport is not None]


def no_delay(connection: asyncio.Transport) -> int:
    option: int = connection.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    return option
