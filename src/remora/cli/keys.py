"""`remora keys`: a keystore for the fleet's mnemonic, and which addresses its keys have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from remora.adapters.keys.keystore import sealed
from remora.adapters.keys.mnemonic import addresses, new_mnemonic, normalized
from remora.adapters.keys.private_file import write_private
from remora.bootstrap.keys import mnemonic_of
from remora.cli.run import EnvFile
from remora.cli.secrets import PassphraseFd, asking
from remora.domain.errors import OperatorError
from remora.settings.environment import KeySettings, load

PASSPHRASE, MNEMONIC = "passphrase", "mnemonic"

app = typer.Typer(no_args_is_help=True, help="Keep the fleet's mnemonic encrypted.")


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="The keystore to make; there must be no such file.")],
    *,
    import_: Annotated[bool, typer.Option("--import", help="Ask for a mnemonic instead of making one.")] = False,
    mnemonic_fd: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Read the mnemonic to import from this file descriptor.")
    ] = None,
    words: Annotated[int, typer.Option(help="How many words to make, 12 or 24.")] = 24,
    show: Annotated[bool, typer.Option("--show", help="Print the made mnemonic, once, on this terminal.")] = False,
    passphrase_fd: PassphraseFd = None,
) -> None:
    """Make a keystore of a new mnemonic, or of one that is typed or handed over."""
    imported = import_ or mnemonic_fd is not None
    _check_shown(show=show, imported=imported)
    if file.exists():
        raise OperatorError(f"expected to make a new file {file}, found that it exists: it may hold keys")
    mnemonic = normalized(asking(MNEMONIC, mnemonic_fd)()) if imported else new_mnemonic(words)
    write_private(file, sealed(mnemonic, asking(PASSPHRASE, passphrase_fd, twice=True)()))
    treasury, (first,) = addresses(mnemonic, fleet_size=1, start_index=0)
    typer.echo(f"made {file}: treasury {treasury}, first operator wallet {first}")
    if show:
        typer.echo(f"write this down, it is not shown again:\n{mnemonic}")
    elif not imported:
        typer.echo("its words were not shown: without this file and its passphrase the keys are gone")


@app.command()
def unlock(passphrase_fd: PassphraseFd = None, env_file: EnvFile = None) -> None:
    """Check that the keys that are set can be had, and print their addresses, nothing else."""
    settings = load(KeySettings, env_file)
    mnemonic = mnemonic_of(settings, asking(PASSPHRASE, passphrase_fd))
    treasury, fleet = addresses(mnemonic, fleet_size=settings.fleet_size, start_index=settings.fleet_start_index)
    typer.echo(f"treasury {treasury}")
    for index, wallet in enumerate(fleet, settings.fleet_start_index):
        typer.echo(f"{index} {wallet}")


def _check_shown(*, show: bool, imported: bool) -> None:
    if show and imported:
        raise OperatorError("expected --show or a mnemonic to import, found both: what you gave is not printed")
    if show and not sys.stdout.isatty():
        raise OperatorError("expected a terminal for --show, found a file or a pipe: a mnemonic is not written there")
