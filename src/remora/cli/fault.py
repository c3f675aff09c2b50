"""`remora devnet fault`: break a running devnet on purpose, and mend it.

Faults are read from options or from a fault file (YAML or JSON): `faults:`, and under it a list of objects with the
key `fault` and the parameters of that fault. The devnet takes all of them or none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remora.cli.asking import HERE, AsJson, Where, asked, pairs, read_file
from remora.devnet.faults.catalogue import documented, listed
from remora.domain.errors import OperatorError

app = typer.Typer(no_args_is_help=True, help="Break a running devnet on purpose, and mend it.")


@app.command("list")
def list_faults(
    as_json: AsJson = False,
    document: Annotated[bool, typer.Option("--document", help="Print Markdown, as in docs/devnet.md.")] = False,
) -> None:
    """Name every fault there is; needs no devnet."""
    if as_json:
        typer.echo(json.dumps({"faults": listed()}, indent=2))
        return
    lines = documented() if document else (f"{fault['name']:<20} {fault['does']}" for fault in listed())
    for line in lines:
        typer.echo(line)


@app.command()
def active(devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Show the faults that are active now."""
    _show(asked(devnet, "GET", "/faults")["active"], as_json=as_json)


@app.command()
def inject(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    name: Annotated[str | None, typer.Argument(help="A fault, as `list` names it.")] = None,
    file: Annotated[Path | None, typer.Option(help="A fault file instead of a name.")] = None,
    wallet: Annotated[str | None, typer.Option(help="Only what mentions this wallet.")] = None,
    token: Annotated[str | None, typer.Option(help="Only what mentions this token id.")] = None,
    endpoint: Annotated[str | None, typer.Option(help='Only this endpoint ("POST /order") or method.')] = None,
    count: Annotated[int | None, typer.Option(help="End after so many strikes.")] = None,
    duration: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Picks the occasions of a chance_percent below 100.")] = None,
    parameters: Annotated[list[str] | None, typer.Option("--set", help="key=value, a fault's own parameter.")] = None,
    devnet: Where = HERE,
    as_json: AsJson = False,
) -> None:
    """Inject one fault, or all of a fault file; without count and duration they last until `clear`."""
    if (name is None) == (file is None):
        raise OperatorError("expected the name of a fault or --file, and not both")
    source = None
    if file is not None:
        document, source = read_file(file)
    else:
        scope = {"wallet": wallet, "token": token, "endpoint": endpoint, "count": count, "duration_s": duration}
        given = {key: value for key, value in {**scope, "seed": seed}.items() if value is not None}
        document = {"faults": [{"fault": name, **given, **_assigned(parameters or [])}]}
    answered = asked(devnet, "POST", "/faults", document, source=source)
    _show([*answered["injected"], *answered["done"]], as_json=as_json)


@app.command()
def clear(
    fault_id: Annotated[int | None, typer.Argument(help="The id that `active` shows; all without one.")] = None,
    devnet: Where = HERE,
    as_json: AsJson = False,
) -> None:
    """End one fault, or all that are active."""
    path = "/faults" if fault_id is None else f"/faults/{fault_id}"
    _show(asked(devnet, "DELETE", path)["cleared"], as_json=as_json)


def _show(faults: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(faults, indent=2))
        return
    for fault in faults:
        more = " ".join(f"{key}={value}" for key, value in fault.items() if key not in {"id", "fault"})
        typer.echo(f"{fault.get('id', 'done'):>4} {fault['fault']} {more}")


def _assigned(assignments: Sequence[str]) -> dict[str, Any]:
    return {key: _scalar(value) for key, value in pairs("--set", assignments).items()}


def _scalar(text: str) -> Any:
    """Return a boolean where there is one, or the text: the devnet reads numbers and amounts out of text itself."""
    return {"true": True, "false": False}.get(text, text)
