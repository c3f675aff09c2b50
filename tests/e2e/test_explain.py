"""The command as it is typed: files in, text or JSON and an exit code out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from remora.cli.explain import explain_command
from remora.detect.positions import Happening
from remora.detect.trades import fills_of
from remora.detect.watch import Watch
from remora.domain import contracts
from remora.domain.chain import Receipt, parse_receipt
from remora.domain.contracts import Contracts
from remora.domain.ids import Address, TxHash
from remora.domain.money import Shares

FIXTURES = Path(__file__).parents[1] / "fixtures"
POLYGON: dict[str, dict[str, Any]] = {
    item["name"]: item for item in json.loads((FIXTURES / "polygon/polygon_logs.json").read_text())
}
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case
    for name in ("cases", "non_trades")
    for case in json.loads((FIXTURES / f"exchange_v2/{name}.json").read_text())
}
DEPLOYMENT = json.loads((FIXTURES / "exchange_v2/deployment.json").read_text())
LOCAL = [
    *("--exchange", DEPLOYMENT["standard_exchange"], "--exchange", DEPLOYMENT["neg_risk_exchange"]),
    *("--ledger", DEPLOYMENT["ctf"]),
]
SELLER = "0x335ac48637a3bc37c2eac9e0c9799c32b3cda494"
MERGE = POLYGON["receipt_negrisk_merge_both_sell_ad30"]
TAKER = "0x33175349046ea26bbeb0a52189960d15d2df76b4"


async def no_node(_env_file: Path | None, tx_hash: TxHash) -> Receipt | None:
    raise AssertionError(f"no test asks for {tx_hash}")


def contracts_of(env_file: Path) -> Contracts:
    """Return what a file of two addresses says, an exchange and a ledger."""
    exchange, ledger = (Address(line.lower()) for line in env_file.read_text().split())
    return contracts.POLYGON.adding(exchanges=[exchange], ledgers=[ledger])


async def held_before(
    _env_file: Path | None, receipt: Receipt, wallet: Address, known: Contracts
) -> Mapping[Happening, Shares]:
    """Tell that a wallet held 4 shares before each exit of which the receipt tells."""
    watch = Watch(chain_id=137, known=known, leaders=frozenset({wallet}), fleet=frozenset())
    return {fill: Shares(4_000_000) for fill in fills_of([receipt], watch)}


async def node(_env_file: Path | None, tx_hash: TxHash) -> Receipt | None:
    return parse_receipt(MERGE["receipt"]) if tx_hash == MERGE["receipt"]["transactionHash"] else None


def run(*arguments: object, fetch: Any = no_node) -> Result:
    app = typer.Typer()
    app.command("explain")(explain_command(contracts_of, fetch, held_before))
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


def written(path: Path, content: object) -> Path:
    file = path / "input.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    assert parsed.keys() == {"fills", "ignored"}
    return parsed


def test_json_of_a_fill(tmp_path: Path) -> None:
    file = written(tmp_path, POLYGON["polyprinter_sell_taker"]["log"])
    assert document(run("--log", file, "--leader", SELLER.upper().replace("X", "x"), "--json")) == {
        "fills": [
            {
                "wallet": SELLER,
                "role": "taker",
                "side": "SELL",
                "token_id": str(int(POLYGON["polyprinter_sell_taker"]["log"]["data"][66:130], 16)),
                "shares": "6",
                "collateral": "2.88",
                "price": "0.48",
                "fee": "0.10483",
                "order_hash": POLYGON["polyprinter_sell_taker"]["log"]["topics"][1],
                "exchange": "0xe111180000d2663c0091e4f400237545b87b996b",
                "tx_hash": POLYGON["polyprinter_sell_taker"]["log"]["transactionHash"],
                "log_index": 1350,
            }
        ],
        "ignored": [],
    }


def test_the_text_tells_which_shares_left(tmp_path: Path) -> None:
    item = POLYGON["vike_transfer_batch_redeem_in"]
    said = run("--log", written(tmp_path, item["log"]), "--leader", item["expected"]["from"]).stdout.splitlines()
    token = int(item["log"]["data"][2 + 3 * 64 : 2 + 4 * 64], 16)
    assert said[:3] == [
        f"{item['expected']['from']}: no fills",
        "log: 5 shares left, redemption",
        f"    token {token}",
    ]


def test_a_bare_log_leaves_out_what_its_source_lacks(tmp_path: Path) -> None:
    item = POLYGON["alloy_v2_buy_taker_no_tx"]
    file = written(tmp_path, item["log"])
    (fill,) = document(run("--log", file, "--leader", item["expected"]["wallet"], "--json"))["fills"]
    assert (fill["tx_hash"], fill["log_index"], fill["price"]) == (None, None, "0.75")


def wrappings(receipt: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("--receipt", receipt),
        ("--receipt", {"jsonrpc": "2.0", "id": 1, "result": receipt}),
        ("--receipt", {"name": "a case", "receipt": receipt}),
        ("--log", receipt),
        ("--log", receipt["logs"]),
        ("--log", {"result": receipt["logs"]}),
        ("--log", {"logs": receipt["logs"]}),
        ("--receipt", receipt["logs"]),
    ]


@pytest.mark.parametrize("number", range(8))
def test_bare_and_wrapped_inputs(number: int, tmp_path: Path) -> None:
    option, content = wrappings(MERGE["receipt"])[number]
    seen = document(run(option, written(tmp_path, content), "--leader", TAKER, "--json"))
    assert [(fill["shares"], fill["collateral"], fill["fee"]) for fill in seen["fills"]] == [
        ("0.25", "0.24875", "0.00004")
    ]
    assert len(seen["ignored"]) == len(MERGE["receipt"]["logs"]) - 1


def test_a_transaction_of_the_node() -> None:
    seen = document(
        run(
            "--tx",
            MERGE["receipt"]["transactionHash"].upper().replace("X", "x"),
            "--leader",
            TAKER,
            "--json",
            fetch=node,
        )
    )
    assert [fill["log_index"] for fill in seen["fills"]] == [334]


def test_of_a_transaction_of_the_node_the_text_tells_which_part_was_sold() -> None:
    said = run("--tx", MERGE["receipt"]["transactionHash"], "--leader", TAKER, fetch=node).stdout.splitlines()
    assert said[-2] == "exit, trade: 0.25 of 4 shares held before, 6.25 %"
    assert said[-1].startswith("    token ")


def test_a_transaction_needs_no_option() -> None:
    tx = MERGE["receipt"]["transactionHash"]
    said = run(tx, "--leader", TAKER, fetch=node)
    assert (said.exit_code, said.stdout) == (0, run("--tx", tx, "--leader", TAKER, fetch=node).stdout)
    assert_one_line(run(tx, "--tx", tx, "--leader", TAKER), "expected a transaction, or --tx with one, found both")
    assert_one_line(run(tx), "--leader: expected an address to look for, found none")


def test_a_transaction_that_the_node_does_not_know() -> None:
    result = run("--tx", "0x" + 64 * "1", "--leader", TAKER, fetch=node)
    assert result.exit_code == 1
    assert result.stderr == (f"remora: the node has no receipt of 0x{64 * '1'}: it is unknown, or not in a block yet\n")


def test_the_contracts_of_a_settings_file_are_known(tmp_path: Path) -> None:
    settings = tmp_path / "devnet.env"
    settings.write_text(f"{DEPLOYMENT['standard_exchange']}\n{DEPLOYMENT['ctf']}\n")
    case = CASES["m01_mint_exact"]
    options = (
        "--receipt",
        written(tmp_path, case["receipt"]),
        "--leader",
        case["expected_fills"][0]["wallet"],
        "--json",
    )
    assert document(run(*options))["fills"] == []
    assert document(run(*options, "--env-file", settings)) == document(run(*options, *LOCAL))
    assert document(run(*options, *LOCAL))["fills"]


def test_added_exchanges_make_their_logs_fills(tmp_path: Path) -> None:
    case = CASES["x05_mixed_buy_4_makers_partial_fees"]
    taker = case["expected_fills"][-1]
    file = written(tmp_path, case["receipt"])
    (fill,) = document(run("--receipt", file, "--leader", taker["wallet"], *LOCAL, "--json"))["fills"]
    # logged as 115; 6.199999 came back
    assert (fill["shares"], fill["collateral"], fill["fee"]) == ("210.000002", "108.800001", "2.5")
    unknown = document(run("--receipt", file, "--leader", taker["wallet"], "--json"))
    assert unknown["fills"] == []
    assert {"unknown contract", "spoofed token"} <= {row["reason"] for row in unknown["ignored"]}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("u01_adapter_split", "split"), ("u05_gift_single", "transfer"), ("u09_direct_ctf_redeem", "redemption")],
)
def test_reasons_of_non_trades(name: str, reason: str, tmp_path: Path) -> None:
    case = CASES[name]
    for wallet in case["parties"]:
        seen = document(run("--receipt", written(tmp_path, case["receipt"]), "--leader", wallet, *LOCAL, "--json"))
        assert seen["fills"] == []
        assert reason in {row["reason"] for row in seen["ignored"]}


def test_text_for_people(tmp_path: Path) -> None:
    result = run("--receipt", written(tmp_path, MERGE["receipt"]), "--leader", TAKER)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"{TAKER}: 1 fill"
    assert lines[1] == "log 334: taker SELL of 0.25 shares for 0.24875 collateral, price 0.995, fee 0.00004 collateral"
    assert f"    transaction {MERGE['receipt']['transactionHash']}" in lines
    assert (
        "log 331: no trade, only a counterparty: the wallet is on the other side of somebody else's order;"
        " its own order has its own log"
    ) in lines
    assert len([line for line in lines if "no trade, " in line]) == len(MERGE["receipt"]["logs"]) - 1


def test_text_names_the_unit_of_a_v1_fee(tmp_path: Path) -> None:
    item = POLYGON["vike_v1_buy_maker"]
    result = run("--log", written(tmp_path, item["log"]), "--leader", item["expected"]["wallet"])
    assert "maker BUY of 17.7 shares for 7.434 collateral, price 0.42, fee 1.77 shares" in result.stdout


def test_text_without_fills(tmp_path: Path) -> None:
    result = run("--log", written(tmp_path, []), "--leader", TAKER)
    assert (result.exit_code, result.stdout) == (0, f"{TAKER}: no fills\n")


LOG = POLYGON["polyprinter_sell_taker"]["log"]


@pytest.mark.parametrize("option", ["--receipt", "--log"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("", "expected JSON", id="empty"),
        pytest.param("{", "expected JSON", id="no JSON"),
        pytest.param("[" * 5_000, "expected JSON", id="too deep"),
        pytest.param("null", "expected a receipt, a log or a list of logs, found null", id="null"),
        pytest.param("42", "found 42", id="a number"),
        pytest.param('"' + 10_000 * "x" + '"', "", id="a long text"),
        pytest.param({}, "found an object with nothing in it", id="empty object"),
        pytest.param({"error": {"code": -32000}, "id": 1}, "found an object with error, id", id="an error of a node"),
        pytest.param({"result": None}, "found null", id="an unknown transaction"),
        pytest.param([LOG, 7], "item 1 of the list: expected a log object, found int", id="a list of others"),
        pytest.param({**LOG, "topics": "0x"}, "expected the log's topics to be a list", id="topics are no list"),
        pytest.param({**LOG, "topics": ["0xzz"]}, "expected 0x and 64 hex digits, found '0xzz'", id="bad topic"),
        pytest.param({**LOG, "data": "0x0"}, "expected hex data", id="bad data"),
        pytest.param({**LOG, "address": None}, "expected an address", id="no address"),
        pytest.param({**LOG, "logIndex": "x"}, "expected a hex quantity", id="bad index"),
        pytest.param({"transactionHash": "0x1", "logs": []}, "expected 0x and 64 hex digits", id="bad receipt"),
        pytest.param({"transactionHash": "0x1", "logs": {}}, "found an object with nothing in it", id="logs no list"),
    ],
)
def test_malformed_file(option: str, content: object, says: str, tmp_path: Path) -> None:
    result = run(option, written(tmp_path, content), "--leader", TAKER)
    assert_one_line(result, says)


def assert_one_line(result: Result, says: str) -> None:
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("remora: ")
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 500
    assert says in result.stderr


def test_malformed_options(tmp_path: Path) -> None:
    file = written(tmp_path, LOG)
    leader = ("--leader", TAKER)
    assert_one_line(run("--log", file), "--leader: expected an address")
    assert_one_line(run("--log", file, "--leader", "0x12"), "--leader: expected an address of 0x and 40 hex digits")
    assert_one_line(run("--log", file, *leader, "--exchange", "x"), "--exchange: expected an address")
    assert_one_line(run("--log", file, *leader, "--ledger", "x"), "--ledger: expected an address")
    assert_one_line(run("--tx", "0x12", *leader), "--tx: expected 0x and 64 hex digits")
    assert_one_line(run(*leader), "expected one of --receipt, --log, --tx and --calldata, found none")
    assert_one_line(run(*leader, "--log", file, "--receipt", file), "found --receipt and --log")
    assert_one_line(run(*leader, "--log", file, "--tx", "0x12"), "found --log and --tx")
    assert_one_line(run(*leader, "--log", tmp_path / "absent.json"), "expected a readable file, found No such file")
    assert_one_line(run(*leader, "--log", tmp_path), "expected a readable file, found Is a directory")
    assert_one_line(run(*leader, "--receipt", written(tmp_path, [])), "expected a receipt, found an empty list")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe\x00")
    assert_one_line(run("--log", file, "--leader", TAKER), "expected JSON")
