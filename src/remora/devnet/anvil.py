"""The devnet's chain: one anvil process on a free loopback port, mining at a fixed interval.

anvil runs under a small shell that reads a pipe held by this process. When the pipe closes, at the end of the
context or by our death, however violent, the shell kills anvil: nothing stays behind, on any Unix.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from remora.devnet.accounts import MNEMONIC
from remora.devnet.rpc import Node, connected
from remora.domain.errors import OperatorError

#: Never 137: a signature made here must not be valid on Polygon.
CHAIN_ID = 31337
#: Polygon's block gas limit.
_GAS_LIMIT = 140_000_000
#: How many old states stay callable; without a limit anvil's memory grows with every block.
_PRUNE_HISTORY_BLOCKS = 128
_START_TIMEOUT_S = 20
_POLL_S = 0.02

#: $0 is the binary, "$@" its arguments, 3 our pipe. Whichever ends first, anvil or the pipe, ends the other.
_WRAPPER = """
exec 3<&0 </dev/null
"$0" "$@" 3<&- &
anvil=$!
exec 2>/dev/null
(read -r _ <&3; kill -9 "$anvil") &
watcher=$!
wait "$anvil"
status=$?
kill "$watcher"
exit "$status"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anvil:
    """A running chain."""

    rpc_url: str
    rpc_ws_url: str
    block_time_s: float


@asynccontextmanager
async def running_anvil(*, block_time_s: float = 1.0) -> AsyncIterator[Anvil]:
    """Run anvil, mining every `block_time_s` seconds (fractions allowed), until the context ends.

    Raise `OperatorError` when the binary is missing or does not start.
    """
    port = _free_port()
    chain = Anvil(rpc_url=f"http://127.0.0.1:{port}", rpc_ws_url=f"ws://127.0.0.1:{port}", block_time_s=block_time_s)
    async with _tethered(str(_binary()), *_arguments(port, block_time_s)) as process:
        async with connected(chain.rpc_url) as node:
            await _wait_until_it_answers(node, process)
        yield chain


def _arguments(port: int, block_time_s: float) -> tuple[str, ...]:
    options: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "chain-id": CHAIN_ID,
        "block-time": block_time_s,
        "gas-limit": _GAS_LIMIT,
        "prune-history": _PRUNE_HISTORY_BLOCKS,
        "mnemonic": MNEMONIC,
    }
    # A snapshot is loaded by one request, which may well be above the limit of 2 MB.
    flags = ("--quiet", "--auto-impersonate", "--no-request-size-limit")
    return (*flags, *(f"--{name}={value}" for name, value in options.items()))


@asynccontextmanager
async def _tethered(*command: str) -> AsyncIterator[Process]:
    """Run a command that cannot outlive this process; in its own session, so that Ctrl-C reaches only us."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as lifeline:
        with os.fdopen(read_end, "rb") as stdin:
            process = await asyncio.create_subprocess_exec(
                *("sh", "-c", _WRAPPER, *command), stdin=stdin, stdout=DEVNULL, start_new_session=True
            )
        try:
            yield process
        finally:
            lifeline.close()
            await process.wait()


async def _wait_until_it_answers(node: Node, process: Process) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while process.returncode is None:
                if await _answers(node):
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise OperatorError(f"anvil does not answer at {node.url} after {_START_TIMEOUT_S} s") from error
    raise OperatorError(f"anvil stopped at once with exit code {process.returncode}")


async def _answers(node: Node) -> bool:
    try:
        return int(await node.call("eth_chainId"), 16) == CHAIN_ID
    except aiohttp.ClientConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _binary() -> Path:
    """Return the platform package's binary: npm's launcher script would be one process more to lose."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = Path("node_modules", "@foundry-rs", f"anvil-{platform.system().lower()}-{machine}")
    for root in (Path(__file__).parents[3], Path.cwd()):
        if (binary := root / package / "bin" / "anvil").is_file():
            return binary
    raise OperatorError(f"no local chain: {package} is missing; run `make setup`")
