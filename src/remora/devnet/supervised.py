"""The supervisor as a process of its own on a devnet: its settings, its life, and what it says."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remora.devnet.accounts import MNEMONIC
from remora.devnet.endpoints import Endpoints

LARGEST_LINE_BYTES = 2**20


def supervisor_environment(endpoints: Endpoints) -> dict[str, str]:
    """Return the environment variables that point a supervisor at a devnet, with the public test mnemonic."""
    contracts = endpoints.contracts
    return {
        "TRADING_MNEMONIC": MNEMONIC,
        "REMORA_CHAIN_ID": str(endpoints.chain_id),
        "REMORA_RPC_WS_URL": endpoints.rpc_ws_url,
        "REMORA_CLOB_URL": endpoints.clob_url,
        "REMORA_EXCHANGE": contracts.exchange,
        "REMORA_NEG_RISK_EXCHANGE": contracts.neg_risk_exchange,
        "REMORA_CONDITIONAL_TOKENS": contracts.conditional_tokens,
        "REMORA_COLLATERAL": contracts.collateral,
        "REMORA_CLEARINGHOUSE": contracts.clearinghouse,
    }


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """A running `remora run` whose log is JSON lines."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, folder: Path, environment: Mapping[str, str]) -> Supervisor:
        """Start it in a folder, where its database and policies are; errors go to our standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "remora",
            "run",
            cwd=folder,
            env={**_inherited(), **environment, "REMORA_LOG_FORMAT": "json"},
            stdout=asyncio.subprocess.PIPE,
            limit=LARGEST_LINE_BYTES,
        )
        return cls(process=process)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what it logs until it ends; a line that its death cut short is left out."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.endswith(b"\n"):
                yield json.loads(line)

    async def stop(self) -> int:
        """Ask it to stop, as an operator would, and return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()

    async def kill(self) -> None:
        """End it as a power failure would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


def _inherited() -> dict[str, str]:
    """Return our environment without settings of a real remora."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("REMORA_", "TRADING_"))}
