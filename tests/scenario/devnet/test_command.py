"""`remora devnet` says where it is, and leaves nothing behind, however it ends."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from remora.devnet.endpoints import Endpoints
from remora.devnet.rpc import connected
from tests.scenario.devnet.command import running_command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_runs_until_a_signal_and_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    async with running_command(tmp_path, f"0.5{number:d}") as command:
        endpoints = await command.endpoints()
        assert Endpoints.read(command.out) == endpoints
        assert len(endpoints.markets) == 1
        async with connected(endpoints.rpc_url) as node:
            assert int(await node.call("eth_chainId"), 16) == endpoints.chain_id == 31337
        assert command.chains()

        assert await command.ended(number) == (0, "")
        assert command.chains() == []
        assert command.leftovers() == []


async def test_a_killed_devnet_takes_its_chain_along(tmp_path: Path) -> None:
    async with running_command(tmp_path, "0.61") as command:
        await command.endpoints()
        assert command.chains()
        code, _ = await command.ended(signal.SIGKILL)
        assert code == -signal.SIGKILL
        await command.until_chain(runs=False)


async def test_a_signal_during_the_start_is_obeyed(tmp_path: Path) -> None:
    async with running_command(tmp_path, "0.62") as command:
        await command.until_chain(runs=True)
        assert await command.ended(signal.SIGINT) == (0, "")
        assert command.chains() == []


async def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    async with running_command(tmp_path, "0.63", "--exit-with-parent") as command:
        await command.endpoints()
        assert command.process.stdin is not None
        command.process.stdin.close()
        assert await command.finished() == (0, "")
        assert command.chains() == []
        assert command.leftovers() == []
