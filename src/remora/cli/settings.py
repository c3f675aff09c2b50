"""`remora settings`: what remora is set to, with secrets masked, or what can be set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from remora.cli.run import EnvFile
from remora.settings.environment import Settings, load, masked, variable

HEADING = """# Settings

Read from the environment and from a file `.env` in the current folder, or from the one that `--env-file` names. All
problems are reported together. `remora settings` shows what is set, with secrets masked.

| Variable | Meaning | Default |
|---|---|---|"""


def settings(
    env_file: EnvFile = None,
    document: Annotated[bool, typer.Option("--document", help="Print all settings there are, as Markdown.")] = False,
) -> None:
    """Show the settings, secrets masked. Exit 2 with every problem when they are not valid."""
    lines = documented() if document else (f"{name}={value}" for name, value in _current(env_file))
    for line in lines:
        typer.echo(line)


def documented() -> Iterator[str]:
    """Yield docs/settings.md, line by line."""
    yield HEADING
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        if isinstance(default, tuple):
            default = ",".join(default)
        shown = "required" if field.is_required() else f"`{default}`" if default not in ("", None) else "none"
        meaning = " ".join((field.description or "").split())
        yield f"| `{variable(name)}` | {meaning} | {shown} |"


def _current(env_file: EnvFile) -> Iterator[tuple[str, str]]:
    return ((variable(name), value) for name, value in masked(load(Settings, env_file)).items())
