"""The `remora` command. Exit codes: 0 done, 1 a failure that was reported, 2 wrong input or settings."""

from __future__ import annotations

import sys

import typer

from remora.bootstrap import fetch_receipt
from remora.cli import devnet
from remora.cli.demo import demo
from remora.cli.explain import explain_command
from remora.cli.run import run
from remora.cli.settings import settings
from remora.domain.chain import Receipt
from remora.domain.errors import OperatorError, RemoraError
from remora.domain.ids import TxHash
from remora.settings.environment import NodeSettings, load


async def _receipt_from_node(tx_hash: TxHash) -> Receipt | None:
    return await fetch_receipt(load(NodeSettings), tx_hash)


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(run)
app.command()(demo)
app.add_typer(devnet.app, name="devnet")
app.command()(settings)
app.command("explain")(explain_command(_receipt_from_node))


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
