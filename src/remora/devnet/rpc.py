"""A small JSON-RPC client for the devnet's own node: single calls, and batches under the node's size limit.

The product talks to chains through `adapters/chain`. This client exists because a devnet is set up with thousands
of calls at once, anvil's own `anvil_*` methods among them.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from remora.domain.errors import Refused
from remora.domain.ids import Address

#: anvil refuses bodies above 2 MB; requests are well below 1 KB, but for deployments, which are few.
_REQUESTS_PER_BATCH = 1000
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One JSON-RPC request: a method and its positional parameters."""

    method: str
    params: tuple[Any, ...] = ()


class Node:
    """The devnet's node behind one HTTP session."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of one request; raise `Refused` with the node's message when it is an error."""
        (result,) = await self._post((Request(method=method, params=params),))
        return result

    async def view(self, contract: Address, data: bytes) -> bytes:
        """Return what a contract's view function answers at the latest block; raise `Refused` when it reverts."""
        call = {"to": contract, "data": f"0x{data.hex()}"}
        answer: str = await self.call("eth_call", call, "latest")
        return bytes.fromhex(answer.removeprefix("0x"))

    async def batch(self, requests: Iterable[Request]) -> list[Any]:
        """Return the results of many requests in their order; raise `Refused` when one of them is an error."""
        results: list[Any] = []
        pending = iter(requests)
        while chunk := tuple(itertools.islice(pending, _REQUESTS_PER_BATCH)):
            results.extend(await self._post(chunk))
        return results

    async def _post(self, requests: Sequence[Request]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": index, "method": request.method, "params": request.params}
            for index, request in enumerate(requests)
        ]
        # A chain's whole state is a body of megabytes, which aiohttp wants as a file.
        content = io.BytesIO(json.dumps(body).encode())
        async with self._session.post(self.url, data=content, headers=_JSON) as response:
            answers = await response.json(content_type=None)
        return [_result(answer) for answer in sorted(answers, key=lambda answer: int(answer["id"]))]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Node]:
    """Yield a client of the node at `url`; close its connections afterwards."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield Node(url, session)


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise Refused(str(answer["error"].get("message", answer["error"])))
    return answer["result"]
