"""Asks a running devnet's control API, which is found through `devnet.json`, and words what it finds wrong.

Exit codes, by the error that is raised: 2 for wrong input or no devnet, with nothing done; 1 where it is not known
whether anything was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
import yaml

from remora.devnet.endpoints import Endpoints
from remora.devnet.faults.catalogue import Problem
from remora.devnet.places import Placed, read_placed
from remora.domain.errors import OperatorError, OutcomeUnknown

Where = Annotated[Path, typer.Option("--devnet", help="The file in which the devnet says where it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = Path("devnet.json")


def asked(
    devnet: Path,
    method: str,
    path: str,
    document: Any = None,
    *,
    source: Placed | None = None,
) -> Any:
    """Return the control API's answer.

    Raise `OperatorError` with every problem that it found, and where no devnet is; `OutcomeUnknown` when it was asked
    and did not answer.
    """
    url = _control_url(devnet)
    try:
        answered = asyncio.run(_exchanged(method, url + path, document))
    except aiohttp.ClientConnectorError as error:
        raise OperatorError(f"the devnet of {devnet} does not run any more: {error}") from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise OutcomeUnknown(f"the devnet of {devnet} was asked and gave no answer: {error}") from None
    if "problems" in answered:
        problems = [Problem(place=tuple(found["place"]), text=found["text"]) for found in answered["problems"]]
        raise OperatorError("\n".join(source.located(problem) if source else str(problem) for problem in problems))
    return answered


def _control_url(devnet: Path) -> str:
    try:
        return Endpoints.read(devnet).control_url
    except FileNotFoundError:
        raise OperatorError(f"no devnet runs here: {devnet} is missing; --devnet says where it is") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OperatorError(f"{devnet} is not what a devnet writes: {error!r}") from None


async def _exchanged(method: str, url: str, document: Any) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=document) as response:
        return await response.json(content_type=None)


def pairs(option: str, assignments: Sequence[str]) -> dict[str, str]:
    """Read key=value of an option that may be given several times; raise `OperatorError`."""
    split = [assignment.partition("=") for assignment in assignments]
    if wrong := [key for key, equals, _ in split if not equals]:
        raise OperatorError(f"{option} {wrong[0]}: expected key=value")
    keys = [key for key, _, _ in split]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise OperatorError(f"{option} {twice[0]}: given twice")
    return {key: value for key, _, value in split}


def read_file(file: Path) -> tuple[Any, Placed]:
    """Return a file's content (YAML or JSON), and where everything in it is; raise `OperatorError`."""
    placed = read_placed(file)
    if placed.twice:
        raise placed.complaint(placed.twice)
    return yaml.safe_load(file.read_text()), placed
