"""`remora leaders add` as it is typed, against a public history on this machine: who never trades is no leader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from eth_utils.address import to_checksum_address
from typer.testing import CliRunner, Result

from remora.cli.leaders import app
from remora.domain.contracts import COLLATERAL, EXCHANGE_V3, NEG_RISK_ADAPTER, POSITION_MANAGER
from remora.domain.errors import Malformed
from remora.domain.ids import Address
from remora.domain.wallets import POLYGON_FACTORIES, WalletKind
from tests.fakes.contracts import CLEARINGHOUSE, CONTRACTS

KEY = Address("0x" + 40 * "1")
DEPOSIT, SAFE = (POLYGON_FACTORIES.of(KEY, kind) for kind in (WalletKind.DEPOSIT, WalletKind.SAFE))


@dataclass(slots=True)
class History:
    """What the public history knows: who traded, and how it answers."""

    url: str = ""
    traded: set[str] = field(default_factory=set)
    status: HTTPStatus = HTTPStatus.OK

    def rows(self, path: str) -> list[str]:
        (user,) = parse_qs(urlsplit(path).query)["user"]
        return ["a trade"] if user in self.traded else []


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    known = History()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": known.rows(self.path), "pagination": {}}).encode()
            self.send_response(known.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        known.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.chdir(tmp_path)
        for name, value in {**CONTRACTS, "REMORA_DATA_URL": known.url}.items():
            monkeypatch.setenv(name, value)
        yield known
        server.shutdown()


def add(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["add", *arguments])


def refusal(*arguments: str) -> str:
    result = add(*arguments)
    assert isinstance(result.exception, Malformed)
    assert json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout) == []
    return str(result.exception)


def test_a_wallet_that_trades_is_added(history: History) -> None:
    history.traded.add(KEY)
    assert add(KEY).output == f"listening to {KEY}\n"


def test_of_a_login_key_the_wallets_that_trade_are_named(history: History) -> None:
    history.traded.add(DEPOSIT)
    said = refusal(KEY)
    assert "this address has no fills; its deposit wallet is " + to_checksum_address(DEPOSIT) in said
    assert to_checksum_address(SAFE) not in said
    history.traded.add(SAFE)
    assert to_checksum_address(SAFE) in refusal(KEY)


def test_of_a_key_whose_wallets_are_idle_too_all_are_named(history: History) -> None:
    said = refusal(KEY)
    for each in POLYGON_FACTORIES.wallets_of(KEY):
        assert f"its {each.name} is {to_checksum_address(each.wallet)}" in said
    assert "perhaps mistyped. With --anyway" in said
    assert history.traded == set()


@pytest.mark.usefixtures("history")
def test_anyway_adds_it_all_the_same() -> None:
    assert add(KEY, "--anyway").output == f"listening to {KEY}\n"


@pytest.mark.parametrize("status", [HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE])
def test_where_the_history_cannot_be_asked_that_is_said(history: History, status: HTTPStatus) -> None:
    history.status = status
    said = add(KEY).output
    assert said.startswith("not checked whether it trades: ")
    assert said.endswith(f"listening to {KEY}\n")


@pytest.mark.usefixtures("history")
def test_without_a_history_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMORA_DATA_URL")
    assert add(KEY).output.startswith("not checked whether it trades: REMORA_DATA_URL is not set\n")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("contract", "kind"),
    [
        (EXCHANGE_V3, "an exchange"),
        (POSITION_MANAGER, "a position ledger"),
        (COLLATERAL, "a collateral token"),
        (CLEARINGHOUSE, "the Clearinghouse"),
        (NEG_RISK_ADAPTER, "an adapter"),
        (POLYGON_FACTORIES.safe_factory, "a factory of wallets"),
    ],
)
def test_a_contract_is_no_leader_whatever_is_said(contract: Address, kind: str) -> None:
    assert refusal(contract, "--anyway").endswith(f"it is {kind}")
