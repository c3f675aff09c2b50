"""A scenario's leader trades on chain are those of its plan: the same in every run, at any speed, and under faults."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from remora.devnet.endpoints import Endpoints
from remora.devnet.scenario.deeds import Trade
from remora.devnet.scenario.performance import Performance
from remora.devnet.scenario.plan import plan
from remora.devnet.scenario.reading import read_scenario
from remora.devnet.scenario.stage import Stage, staged
from remora.devnet.traders.outcome import Outcome
from remora.domain.ids import TokenId
from remora.domain.money import Collateral, Price, Shares
from remora.domain.signal import Side

EXAMPLES = Path(__file__).parents[3] / "scenarios"
ORDER_FILLED = (
    "0x"
    + keccak(text="OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)").hex()
)
TIMEOUT_S = 90

SCRIPT = """\
seed: 11
block_time_s: 0.2
markets:
  - {name: shark, fee_rate: 0.05}
  - {name: whale, neg_risk: true, tick_size: 0.001}
market_makers:
  - {spread: 0.02, levels: 2, size: 200}
leaders:
  - {style: accumulate, size: {min: 5, max: 9}}
  - {style: enter_and_exit, wallet: deposit}
  - {style: merge}
  - {style: redeem, markets: [shark]}
replay:
  - {file: captured.json, speed: 10}
until: {trades: 16}
"""
HAPPENINGS = """\
  - {at_s: 3, open_market: {name: eel}}
  - {at_s: 5, move_time_s: 60}
  - {at_s: 11, resolve: {market: shark, outcome: YES}}
"""
CALM = f"speed: max\nevents:\n{HAPPENINGS}"
STORM = f"""\
speed: 4
events:
  - at_s: 1
    faults:
      - {{fault: drop-after, endpoint: POST /order, count: 3}}
      - {{fault: error-after, endpoint: POST /order, count: 1}}
      - {{fault: null-hashes, endpoint: POST /order, count: 1}}
      - {{fault: drop-before, endpoint: POST /orders, count: 2}}
  - {{at_s: 10, clear_faults: all}}
{HAPPENINGS}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """A leader's fill in a block."""

    leader: int
    market: str
    outcome: Outcome
    side: Side
    price: Price
    shares: Shares


async def fills(stage: Stage) -> list[OnChain]:
    """Return what leaders traded, in the order of the chain."""
    contracts = stage.devnet.endpoints.contracts
    tokens = {
        outcome.token_of(market): (name, outcome) for name, market in stage.markets.items() for outcome in Outcome
    }
    logs: list[dict[str, Any]] = await stage.devnet.node.call(
        "eth_getLogs",
        {
            "fromBlock": "0x0",
            "address": [contracts.exchange, contracts.neg_risk_exchange],
            "topics": [ORDER_FILLED, None, ["0x" + 24 * "0" + leader.wallet[2:] for leader in stage.leaders]],
        },
    )
    wallets = [leader.wallet for leader in stage.leaders]
    found = []
    for log in logs:
        side, token, making, taking = (int(log["data"][2 + 64 * word :][:64], 16) for word in range(4))
        market, outcome = tokens[TokenId(token)]
        collateral, shares = (making, taking) if side == 0 else (taking, making)
        found.append(
            OnChain(
                leader=wallets.index("0x" + log["topics"][2][-40:]),
                market=market,
                outcome=outcome,
                side=Side.SELL if side else Side.BUY,
                price=Price.of(Collateral(collateral), Shares(shares)),
                shares=Shares(shares),
            )
        )
    return found


async def played(folder: Path, more: str) -> tuple[list[OnChain], list[OnChain], Performance]:
    """Play the script; return what was planned, and what is on chain."""
    (folder / "captured.json").write_text(json.dumps(captured()))
    (folder / "script.yaml").write_text(SCRIPT + more)
    script = read_scenario(folder / "script.yaml")
    planned = [
        OnChain(leader=deed.leader, market=deed.market, outcome=deed.outcome, side=deed.side, price=deed.price,
                shares=deed.shares)
        for deed in (step.deed for step in plan(script)) if isinstance(deed, Trade)
    ]  # fmt: skip
    async with staged(script) as stage:
        performance = Performance(stage, lambda _: None)
        await performance.play(plan(script))
        return planned, await fills(stage), performance


def captured() -> list[dict[str, Any]]:
    """Return rows of a wallet that sells what it did not buy, and buys for a round sum of collateral."""
    row = {"proxyWallet": "0x" + 40 * "a", "conditionId": "0x01", "asset": "71", "timestamp": 100}
    return [
        {**row, "side": "SELL", "price": 0.41, "size": 12.5},
        {**row, "side": "BUY", "price": 0.599999985, "size": 13.333332, "timestamp": 140},
        {**row, "side": "BUY", "asset": "72", "outcomeIndex": 1, "price": 0.002, "size": 5, "timestamp": 180},
    ]


async def test_two_runs_make_the_same_trades_at_any_speed_and_under_faults(tmp_path: Path) -> None:
    planned, calm, first = await played(tmp_path, CALM)
    planned_again, stormy, second = await played(tmp_path, STORM)
    assert planned == planned_again
    assert (first.score.skipped, second.score.skipped) == ([], [])
    assert first.score.done == second.score.done == {"Trade": 16, "Merge": 1, "Redeem": 1}
    assert calm == stormy
    # The shares that a sum of collateral buys are exact to base units; all else is exact.
    assert [(each.leader, each.market, each.outcome, each.side, each.price) for each in calm] == [
        (each.leader, each.market, each.outcome, each.side, each.price) for each in planned
    ]
    assert all(abs(there.shares.units - here.shares.units) <= 3 for there, here in zip(calm, planned, strict=True))


async def _command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "remora", "devnet", *arguments, cwd=folder, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


async def test_the_command_plays_an_example_to_its_end(tmp_path: Path) -> None:
    code, shown, told = await _command(tmp_path, "--scenario", str(EXAMPLES / "replay.yaml"))
    assert code == 0, told
    assert len(Endpoints.from_json(shown).leaders) == 2
    assert "trades: 10 planned, 10 done, 0 skipped" in told
    assert "row 6: size 9.103332 becomes 9.1\n" in told
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a path's own would block, says the linter


async def test_nothing_starts_for_a_scenario_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("markets: [{name: shark}]\nleaders: [{style: yolo}]\n")
    code, shown, told = await _command(tmp_path, "--scenario", "wrong.yaml")
    assert (code, shown, "devnet starting" in told) == (2, "", False)
    assert told.startswith("remora: wrong.yaml:2: leaders[0].style: expected ")


@pytest.mark.parametrize("option", ["--markets=2", "--leaders=1", "--block-time=2"])
async def test_a_scenario_says_all_itself(tmp_path: Path, option: str) -> None:
    code, _, told = await _command(tmp_path, "--scenario", str(EXAMPLES / "replay.yaml"), option)
    assert (code, f"without {option.partition('=')[0]}" in told) == (2, True)


async def test_a_check_says_what_would_be_done(tmp_path: Path) -> None:
    code, shown, told = await _command(
        tmp_path, "scenario", "check", str(EXAMPLES / "busy-leaders.yaml"), "--steps", "3"
    )
    assert (code, told) == (0, "")
    lines = shown.splitlines()
    assert "planned: 130 trades" in lines
    assert [line for line in lines if line.startswith("leader 2 with a deposit wallet: enter_and_exit")]
    assert lines[-4] == "the first 3 steps, without quotes:"
