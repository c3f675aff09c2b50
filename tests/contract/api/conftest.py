"""The API over a loopback socket, on stores of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest_asyncio

from remora.adapters.store.database import opened
from remora.api.application import Api
from remora.api.server import serve
from remora.bootstrap.rules import registry_on
from remora.registry import Registry

TOKEN = "a token that nobody guesses".replace(" ", "-")


@dataclass(slots=True, kw_only=True)
class Caller:
    """Calls the API, with the token."""

    registry: Registry
    http: aiohttp.ClientSession
    changes: list[int] = field(default_factory=list)
    waiting: tuple[int, ...] = (1, 2)

    async def call(self, method: str, path: str, body: str | bytes | BytesIO | None = None) -> tuple[int, Any]:
        """Return the answer's status and content."""
        async with self.http.request(method, path, data=body) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def revision(self) -> int:
        """Return the revision of the stored rules."""
        return (await self.registry.policies.changes(0)).revision


@pytest_asyncio.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    with opened(tmp_path / "remora.db") as writer:
        registry, port = registry_on(writer), free_port()
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {TOKEN}"}
        ) as http:
            caller = Caller(registry=registry, http=http)

            async def on_change() -> None:
                caller.changes.append(await caller.revision())

            api = Api(
                registry=registry,
                token=TOKEN,
                on_change=on_change,
                revision=lambda: sum(caller.changes[-1:]),
                waiting=lambda: cast("tuple[int, int]", caller.waiting),
            )
            serving = asyncio.create_task(serve(api.application(), "127.0.0.1", port))
            await answering(caller, serving)
            yield caller
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def answering(caller: Caller, serving: asyncio.Task[None]) -> None:
    """Wait until the API answers."""
    async with asyncio.timeout(30):
        while not serving.done():
            with suppress(aiohttp.ClientConnectionError):
                await caller.call("GET", "/health")
                return
            await asyncio.sleep(0.01)
    await serving


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
