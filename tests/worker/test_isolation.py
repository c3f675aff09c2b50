"""A test outside the networked folders cannot reach a network; an event loop still works."""

from __future__ import annotations

import asyncio
import socket

import pytest


def test_no_socket_opens() -> None:
    with pytest.raises(Warning, match="tried to use socket"):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_no_connection_opens_from_an_event_loop() -> None:
    with pytest.raises(Warning, match="tried to use socket"):
        await asyncio.open_connection("127.0.0.1", 80)


async def test_an_event_loop_wakes_itself() -> None:
    assert await asyncio.to_thread(lambda: 7) == 7
