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
from remora.devnet.wallet_factories import wallet_factories
from remora.settings.environment import PREFIX, Settings

LARGEST_LINE_BYTES = 2**20


def supervisor_environment(endpoints: Endpoints) -> dict[str, str]:
    """Return the environment variables that point a supervisor at a devnet, with the public test mnemonic."""
    contracts = endpoints.contracts
    factories = wallet_factories(contracts)
    return {
        "TRADING_MNEMONIC": MNEMONIC,
        "REMORA_CHAIN_ID": str(endpoints.chain_id),
        "REMORA_RPC_WS_URL": endpoints.rpc_ws_url,
        "REMORA_CLOB_URL": endpoints.clob_url,
        "REMORA_MARKET_WS_URL": endpoints.market_ws_url,
        "REMORA_GAMMA_URL": endpoints.gamma_url,
        "REMORA_DATA_URL": endpoints.data_url,
        "REMORA_EXCHANGE": contracts.exchange,
        "REMORA_NEG_RISK_EXCHANGE": contracts.neg_risk_exchange,
        "REMORA_EXCHANGE_V3": contracts.exchange_v3,
        "REMORA_CONDITIONAL_TOKENS": contracts.conditional_tokens,
        "REMORA_POSITION_MANAGER": contracts.position_manager,
        "REMORA_SHARE_COLLATERALS": f"{contracts.ctf_collateral},{contracts.wrapped_collateral}",
        "REMORA_COLLATERAL": contracts.collateral,
        "REMORA_PRICE_FEED": contracts.price_feed,
        "REMORA_CLEARINGHOUSE": contracts.clearinghouse,
        "REMORA_PROXY_FACTORY": factories.proxy_factory,
        "REMORA_PROXY_IMPLEMENTATION": factories.proxy_implementation,
        "REMORA_SAFE_FACTORY": factories.safe_factory,
        "REMORA_SAFE_CODE_HASH": f"0x{factories.safe_code_hash.hex()}",
        "REMORA_DEPOSIT_WALLET_FACTORY": factories.deposit_wallet_factory,
        "REMORA_DEPOSIT_WALLET_BEACON": factories.deposit_wallet_beacon,
    }


def supervisor_settings(endpoints: Endpoints, **changes: object) -> Settings:
    """Return the same as settings, changed as asked, for those parts of remora that run in this process."""
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in supervisor_environment(endpoints).items()}
    return Settings.model_validate({**fields, "TRADING_MNEMONIC": MNEMONIC, **changes})


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """A running `remora run` whose log is JSON lines."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, folder: Path, environment: Mapping[str, str]) -> Supervisor:
        """Start it in a folder, where its database is; errors go to our standard error."""
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
