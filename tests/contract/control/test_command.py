"""The commands that ask a running devnet: what they print, what they say of wrong input, and their exit codes.

Most are given within this process, as it takes seconds to start one more.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from remora.cli.main import app
from remora.domain.errors import OperatorError
from tests.contract.control.scene import Scene, U

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def folder(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    (tmp_path / "devnet.json").write_text(scene.devnet.endpoints.to_json())
    monkeypatch.chdir(tmp_path)
    yield tmp_path


async def run(*arguments: str) -> str:
    """Give a command, and return what it printed; raise what it complains of. It asks the devnet of this process."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["devnet", *arguments])
    if result.exception is not None:
        assert (result.stdout, result.stderr) == ("", "")
        raise result.exception
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.usefixtures("folder")
async def test_accounts_are_printed_and_trade(scene: Scene) -> None:
    market = await scene.market("Does the command make accounts?")
    yes = market["yes_token_id"]
    made = await run(
        *("account", "create", "--kind", "safe", "--count", "2", "--collateral", "12"),
        *("--shares", f"{yes}=3", "--seed", "5", "--json"),
    )  # fmt: skip
    for account in json.loads(made):
        assert (await scene.collateral(account["address"]), await scene.shares(account["address"], yes)) == (
            12 * U,
            3 * U,
        )
    line = await run("account", "create", "--kind", "session", "--scope", "CLOB")
    address, signer, signature_type, key = line.split()
    assert (signature_type, len(address), len(signer), len(key)) == ("3", 42, 42, 66)


async def test_markets_are_opened_listed_and_resolved(folder: Path) -> None:
    opened = await run(
        *("market", "create", "Will the command open it?", "--neg-risk", "--tick-size", "0.001"),
        *("--version", "v2", "--event", "What opens?", "--tag", "Fish", "--liquidity", "mid=0.3", "--json"),
    )  # fmt: skip
    (market,) = json.loads(opened)
    assert (market["neg_risk"], market["tick_size"], market["tags"]) == (True, "0.001", ["Fish"])
    assert (market["version"], market["event"]) == ("v2", "What opens?")
    (folder / "more.yaml").write_text(
        "markets:\n  - question: Is it more?\n  - question: And more?\n    fee_rate: '0.05'\n"
    )
    opened = await run("market", "create", "--file", "more.yaml")
    assert [line.split()[:2] for line in opened.splitlines()] == [["is-it-more", "open"], ["and-more", "open"]]
    resolved = await run("market", "resolve", "is-it-more", "and-more", "--payouts", "1,1")
    assert [line.split()[1] for line in resolved.splitlines()] == ["resolved", "resolved"]
    listed = await run("market", "list")
    assert {"is-it-more resolved", "will-the-command-open-it open"} <= {
        " ".join(line.split()[:2]) for line in listed.splitlines()
    }


@pytest.mark.usefixtures("folder")
async def test_snapshots_are_saved_listed_restored_and_deleted() -> None:
    await run("snapshot", "save", "mine")
    before = json.loads(await run("time", "show", "--json"))["ahead_s"]
    after = json.loads(await run("time", "advance", "1000", "--json"))["ahead_s"]
    assert after - before in range(999, 1002)
    await run("snapshot", "restore", "mine")
    assert json.loads(await run("time", "show", "--json"))["ahead_s"] <= before
    assert [snapshot["name"] for snapshot in json.loads(await run("snapshot", "list", "--json"))] == ["mine"]
    await run("snapshot", "delete", "mine")
    assert await run("snapshot", "list") == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["account", "create", "--kind", "emo"],
            "kind: Input should be 'eoa', 'proxy', 'safe', 'deposit' or 'session'",
        ),
        (["account", "create", "--kind", "eoa", "--shares", "7"], "--shares 7: expected key=value"),
        (["account", "create", "--kind", "eoa", "--count", "0"], "count: Input should be greater than or equal to 1"),
        (["market", "create"], "expected a question or --file, and not both"),
        (["market", "create", "A?", "--tick-size", "0.3"], "markets[0].tick_size: Value error, expected one of 0.0001"),
        (["market", "create", "--file", "bad.yaml"], "bad.yaml:3: markets[1].colour: Extra inputs are not permitted"),
        (["market", "create", "--file", "none.yaml"], "none.yaml: No such file or directory"),
        (["market", "resolve", "nobody", "--payouts", "1,0"], "no market of this devnet has the slug"),
        (["market", "create", "A?", "--version", "v3"], "markets[0].version: Input should be 'v1' or 'v2'"),
        (["market", "resolve", "nobody", "--payouts", "yes"], "resolutions[0].payouts"),
        (["snapshot", "restore", "nobody"], "name: no snapshot has this name; there are: "),
        (["snapshot", "save", "a b"], "name: expected up to 64 letters"),
        (["time", "advance", "0"], "seconds: Input should be greater than or equal to 1"),
        (["time", "show", "--devnet", "elsewhere.json"], "no devnet runs here: elsewhere.json is missing"),
        (["time", "show", "--devnet", "bad.yaml"], "bad.yaml is not what a devnet writes"),
    ],
)
async def test_wrong_input_is_told_in_one_place(folder: Path, arguments: list[str], complaint: str) -> None:
    (folder / "bad.yaml").write_text("markets:\n  - question: Good?\n  - colour: red\n    question: Bad?\n")
    with pytest.raises(OperatorError) as caught:
        await run(*arguments)
    assert complaint in str(caught.value)


async def test_a_devnet_that_is_gone_is_said_to_be_and_the_command_ends_with_2(folder: Path) -> None:
    document = json.loads((folder / "devnet.json").read_text())
    (folder / "devnet.json").write_text(json.dumps({**document, "control_url": "http://127.0.0.1:9"}))
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "remora", "devnet", "snapshot", "list", cwd=folder, **pipes
    )
    stdout, stderr = await process.communicate()
    assert (process.returncode, stdout.decode()) == (2, "")
    assert stderr.decode().startswith("remora: ")
    assert "does not run any more" in stderr.decode()
