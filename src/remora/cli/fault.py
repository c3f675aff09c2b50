"""`remora devnet fault`: break a running devnet on purpose, and mend it.

Faults are read from options or from a scenario file (YAML or JSON): `faults:`, and under it a list of objects with the
key `fault` and the parameters of that fault. The devnet takes all of them or none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
import yaml

from remora.devnet.endpoints import Endpoints
from remora.devnet.faults.catalogue import Problem, documented, listed
from remora.domain.errors import OperatorError

app = typer.Typer(no_args_is_help=True, help="Break a running devnet on purpose, and mend it.")

Where = Annotated[Path, typer.Option("--devnet", help="The file in which the devnet says where it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_HERE = Path("devnet.json")


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
def active(devnet: Where = _HERE, as_json: AsJson = False) -> None:
    """Show the faults that are active now."""
    _show(_asked(devnet, "GET", "/faults")["active"], as_json=as_json)


@app.command()
def inject(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    name: Annotated[str | None, typer.Argument(help="A fault, as `list` names it.")] = None,
    file: Annotated[Path | None, typer.Option(help="A scenario file instead of a name.")] = None,
    wallet: Annotated[str | None, typer.Option(help="Only what mentions this wallet.")] = None,
    token: Annotated[str | None, typer.Option(help="Only what mentions this token id.")] = None,
    endpoint: Annotated[str | None, typer.Option(help='Only this endpoint ("POST /order") or method.')] = None,
    count: Annotated[int | None, typer.Option(help="End after so many strikes.")] = None,
    duration: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Picks the occasions of a chance_percent below 100.")] = None,
    parameters: Annotated[list[str] | None, typer.Option("--set", help="key=value, a fault's own parameter.")] = None,
    devnet: Where = _HERE,
    as_json: AsJson = False,
) -> None:
    """Inject one fault, or all of a scenario file; without count and duration they last until `clear`."""
    if (name is None) == (file is None):
        raise OperatorError("expected the name of a fault or --file, and not both")
    lines: Mapping[tuple[str | int, ...], int] = {}
    if file is not None:
        document, lines = _scenario(file)
    else:
        scope = {"wallet": wallet, "token": token, "endpoint": endpoint, "count": count, "duration_s": duration}
        given = {key: value for key, value in {**scope, "seed": seed}.items() if value is not None}
        document = {"faults": [{"fault": name, **given, **_assigned(parameters or [])}]}
    answered = _asked(devnet, "POST", "/faults", document, source=file, lines=lines)
    _show([*answered["injected"], *answered["done"]], as_json=as_json)


@app.command()
def clear(
    fault_id: Annotated[int | None, typer.Argument(help="The id that `active` shows; all without one.")] = None,
    devnet: Where = _HERE,
    as_json: AsJson = False,
) -> None:
    """End one fault, or all that are active."""
    path = "/faults" if fault_id is None else f"/faults/{fault_id}"
    _show(_asked(devnet, "DELETE", path)["cleared"], as_json=as_json)


def _show(faults: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(faults, indent=2))
        return
    for fault in faults:
        more = " ".join(f"{key}={value}" for key, value in fault.items() if key not in {"id", "fault"})
        typer.echo(f"{fault.get('id', 'done'):>4} {fault['fault']} {more}")


def _assigned(assignments: Sequence[str]) -> dict[str, Any]:
    pairs = [assignment.partition("=") for assignment in assignments]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise OperatorError(f"--set {wrong[0]}: expected key=value")
    return {key: _scalar(value) for key, _, value in pairs}


def _scalar(text: str) -> Any:
    """Return a boolean where there is one, or the text: the devnet reads numbers and amounts out of text itself."""
    return {"true": True, "false": False}.get(text, text)


def _scenario(file: Path) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """Return a scenario file's content, and on which line each place in it is."""
    try:
        text = file.read_text()
        return yaml.safe_load(text), dict(_lines(yaml.compose(text, Loader=yaml.SafeLoader), ()))
    except OSError as error:
        raise OperatorError(f"{file}: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise OperatorError(f"{file}:{line}: {error.problem}") from None


def _lines(node: yaml.Node | None, place: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], int]]:
    if node is None:
        return []
    found = [(place, node.start_mark.line + 1)]
    if isinstance(node, yaml.MappingNode):
        children: list[tuple[str | int, yaml.Node]] = [(key.value, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = list(enumerate(node.value))
    else:
        children = []
    return found + [each for key, child in children for each in _lines(child, (*place, key))]


def _asked(
    devnet: Path,
    method: str,
    path: str,
    document: Any = None,
    *,
    source: Path | None = None,
    lines: Mapping[tuple[str | int, ...], int] | None = None,
) -> Any:
    """Return the control API's answer; raise `OperatorError` with every problem that it found."""
    try:
        url = Endpoints.read(devnet).control_url
    except FileNotFoundError:
        raise OperatorError(f"no devnet runs here: {devnet} is missing; --devnet says where it is") from None
    try:
        answered = asyncio.run(_exchanged(method, url + path, document))
    except aiohttp.ClientError as error:
        raise OperatorError(f"the devnet of {devnet} does not answer: {error}") from None
    if "problems" in answered:
        problems = [Problem(place=tuple(found["place"]), text=found["text"]) for found in answered["problems"]]
        raise OperatorError("\n".join(_located(problem, source, lines or {}) for problem in problems))
    return answered


async def _exchanged(method: str, url: str, document: Any) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=document) as response:
        return await response.json(content_type=None)


def _located(problem: Problem, source: Path | None, lines: Mapping[tuple[str | int, ...], int]) -> str:
    """Say where in the file a problem is: on the line of the innermost thing that the file has."""
    if source is None:
        return str(problem)
    places = (problem.place[:length] for length in range(len(problem.place), -1, -1))
    line = next((lines[place] for place in places if place in lines), 1)
    return f"{source}:{line}: {problem}"
