"""The devnet command as its users run it: another process, read through its pipes, ended by signals."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from remora.devnet.endpoints import Endpoints

_COMMAND = "import typer; from remora.cli.devnet import devnet; typer.run(devnet)"
_POLL_S = 0.05
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A running `remora devnet`, whose block time is one of its own by which its anvil is found."""

    process: Process
    block_time: str
    out: Path

    async def endpoints(self) -> Endpoints:
        """Return the document that it prints when it is ready."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_TIMEOUT_S):
            return Endpoints.from_json((await self.process.stdout.readuntil(b"\n}\n")).decode())

    async def ended(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit code and what else came on stdout."""
        self.process.send_signal(number)
        return await self.finished()

    async def finished(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what else came on stdout."""
        async with asyncio.timeout(_TIMEOUT_S):
            stdout, _ = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, stdout.decode()

    def chains(self) -> list[str]:
        """Return the command lines of its anvil and of the shell around it, as far as they still run."""
        listing = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True)
        option = f"--block-time={self.block_time} "
        return [line for line in listing.stdout.splitlines() if "bin/anvil" in line and option in line]

    def leftovers(self) -> list[str]:
        """Return the names of what lies where it wrote its file."""
        return [path.name for path in self.out.parent.iterdir()]

    async def until_chain(self, *, runs: bool) -> None:
        """Wait until its chain has appeared, or has vanished."""
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                if bool(self.chains()) is runs:
                    return
                await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def running_command(tmp_path: Path, block_time: str, *options: str) -> AsyncIterator[Command]:
    """Run `remora devnet` with stdin held open; kill it if the test has not ended it."""
    out = tmp_path / "devnet.json"
    arguments = (f"--block-time={block_time}", f"--out={out}", "--markets=1", *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _COMMAND, *arguments, stdin=PIPE, stdout=PIPE, env=os.environ
    )
    try:
        yield Command(process=process, block_time=block_time, out=out)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
