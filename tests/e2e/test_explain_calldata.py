"""`remora explain --calldata`: a transaction that is not mined, as a node gives it or as bare hex."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from remora.cli.explain import explain_command

FIXTURES = Path(__file__).parents[1] / "fixtures/exchange_v2"
CASE = next(
    case
    for case in json.loads((FIXTURES / "cases.json").read_text())
    if case["name"] == "x05_mixed_buy_4_makers_partial_fees"
)
TAKER = CASE["expected_fills"][-1]
TX_HASH = CASE["receipt"]["transactionHash"]
TRANSACTION = {"hash": TX_HASH, "to": CASE["to"], "input": CASE["calldata"], "chainId": "0x89", "blockNumber": None}
LOCAL = ("--exchange", CASE["to"])


def no_settings(env_file: Path) -> Any:
    raise AssertionError(f"no test has settings, found {env_file}")


async def no_node(*asked: object) -> Any:
    raise AssertionError(f"no test asks for {asked}")


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command("explain")(explain_command(no_settings, no_node, no_node))
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


def written(path: Path, content: object) -> Path:
    file = path / "transaction.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def test_calldata_says_what_the_receipt_will_say(tmp_path: Path) -> None:
    leader = ("--leader", TAKER["wallet"], *LOCAL, "--json")
    announced = document(run("--calldata", written(tmp_path, TRANSACTION), *leader))
    mined = document(run("--receipt", written(tmp_path, CASE["receipt"]), *leader))
    assert announced["fills"] == [{**fill, "log_index": None} for fill in mined["fills"]]
    assert announced["fills"][0]["collateral"] == "108.800001"
    counterparty = {"log_index": None, "reason": "only a counterparty"}
    assert announced["ignored"] == [counterparty] * (len(CASE["expected_fills"]) - 1)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (TRANSACTION, ()),
        ({"jsonrpc": "2.0", "id": 1, "result": TRANSACTION}, ()),
        ({"to": CASE["to"], "data": CASE["calldata"]}, ()),
        (CASE["calldata"] + "\n", ("--to", CASE["to"])),
        (json.dumps(CASE["calldata"]), ("--to", CASE["to"])),
    ],
)
def test_transactions_and_bare_calldata(content: object, options: tuple[str, ...], tmp_path: Path) -> None:
    arguments = ("--calldata", written(tmp_path, content), *options, "--leader", TAKER["wallet"], *LOCAL, "--json")
    (fill,) = document(run(*arguments))["fills"]
    assert fill["order_hash"] == TAKER["order_hash"]


def test_another_chain_has_other_order_hashes(tmp_path: Path) -> None:
    elsewhere = written(tmp_path, {**TRANSACTION, "chainId": "0x7a69"})
    (fill,) = document(run("--calldata", elsewhere, "--leader", TAKER["wallet"], *LOCAL, "--json"))["fills"]
    assert fill["order_hash"] != TAKER["order_hash"]


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (TRANSACTION, (), "match on an unknown exchange"),
        (CASE["calldata"], LOCAL, "match on an unknown exchange"),
        ({**TRANSACTION, "input": "0x"}, LOCAL, "no match is called"),
        ({**TRANSACTION, "input": CASE["calldata"][:-2]}, LOCAL, "truncated calldata"),
    ],
)
def test_what_is_no_match_has_a_reason(content: object, options: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    arguments = ("--calldata", written(tmp_path, content), "--leader", TAKER["wallet"], *options)
    assert document(run(*arguments, "--json")) == {"fills": [], "ignored": [{"log_index": None, "reason": reason}]}
    assert f"no trade, {reason}: " in run(*arguments).stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "expected a JSON transaction or hex calldata"),
        ("{", "expected a JSON transaction or hex calldata"),
        ("0xzz", "expected hex calldata beginning with 0x, found '0xzz'"),
        ({}, "expected a transaction with its input, or hex calldata, found an object with nothing in it"),
        ([], "found []"),
        ({"input": 7, "to": CASE["to"]}, "expected hex calldata beginning with 0x, found 7"),
        ({**TRANSACTION, "to": "0x12"}, "expected an address"),
        ({**TRANSACTION, "chainId": "x"}, "expected a hex quantity"),
        ({**TRANSACTION, "hash": "0x12"}, "expected 0x and 64 hex digits"),
    ],
)
def test_malformed_file(content: object, says: str, tmp_path: Path) -> None:
    result = run("--calldata", written(tmp_path, content), "--leader", TAKER["wallet"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def test_malformed_options(tmp_path: Path) -> None:
    file = written(tmp_path, TRANSACTION)
    absent = run("--calldata", tmp_path / "absent", "--leader", TAKER["wallet"])
    assert "expected a readable file, found No such file" in absent.stderr
    assert "--to: expected an address" in run("--calldata", file, "--leader", TAKER["wallet"], "--to", "x").stderr
    both = run("--calldata", file, "--log", file, "--leader", TAKER["wallet"])
    assert (both.exit_code, "found --log and --calldata" in both.stderr) == (2, True)
