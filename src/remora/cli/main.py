"""The `remora` command. Exit codes: 0 done, 1 a failure that was reported, 2 wrong input or settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from remora.bootstrap.contracts import known_contracts
from remora.bootstrap.inquiry import fetch_held_before, fetch_receipt
from remora.cli import debts, devnet, fleet, keys, leaders, policy, switches
from remora.cli.copies import copies
from remora.cli.demo import demo
from remora.cli.explain import explain_command
from remora.cli.reconcile import reconcile
from remora.cli.run import run
from remora.cli.settings import settings
from remora.cli.why import why_command
from remora.detect.positions import Happening
from remora.domain.chain import Receipt
from remora.domain.contracts import POLYGON, Contracts
from remora.domain.errors import OperatorError, RemoraError
from remora.domain.ids import Address, TxHash
from remora.domain.money import Shares
from remora.settings.environment import ContractSettings, NodeSettings, load


def _contracts_of(env_file: Path) -> Contracts:
    found = known_contracts(load(ContractSettings, env_file))
    return POLYGON.adding(exchanges=found.exchanges, ledgers=found.ledgers, collaterals=found.collaterals)


async def _receipt_from_node(env_file: Path | None, tx_hash: TxHash) -> Receipt | None:
    return await fetch_receipt(load(NodeSettings, env_file), tx_hash)


async def _held_before_from_node(
    env_file: Path | None, receipt: Receipt, wallet: Address, known: Contracts
) -> Mapping[Happening, Shares]:
    return await fetch_held_before(load(NodeSettings, env_file), receipt, wallet, known)


async def _asked_about(env_file: Path | None, tx_hash: TxHash) -> tuple[Receipt | None, Contracts]:
    known = known_contracts(load(ContractSettings, env_file))
    return await fetch_receipt(load(NodeSettings, env_file), tx_hash), known


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(run)
app.command()(demo)
app.add_typer(leaders.app, name="leaders")
app.add_typer(debts.app, name="debts")
app.add_typer(fleet.app, name="fleet")
app.add_typer(keys.app, name="keys")
app.add_typer(policy.app, name="policy")
app.command()(switches.pause)
app.command()(switches.stop)
app.command()(switches.panic)
app.command()(switches.resume)
app.command("switches")(switches.switches)
app.add_typer(devnet.app, name="devnet")
app.command()(copies)
app.command("why")(why_command(_asked_about))
app.command()(reconcile)
app.command()(settings)
app.command("explain")(explain_command(_contracts_of, _receipt_from_node, _held_before_from_node))


def main() -> None:
    """Run the command line; an error that a person must act on is one clear message, not a traceback."""
    try:
        app()
    except OperatorError as error:
        sys.exit(_complain(error, 2))
    except RemoraError as error:
        sys.exit(_complain(error, 1))


def _complain(error: RemoraError, code: int) -> int:
    print(f"remora: {error}", file=sys.stderr)  # noqa: T201  the error's own channel
    return code
