"""`remora policy`: the policies in force, and what a policy file may say.

A supervisor that runs takes a change up within a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import yaml

from remora.bootstrap.rules import registry_on
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database
from remora.domain.errors import Malformed
from remora.domain.ids import PolicyId
from remora.domain.policy import Policy, Rulebook
from remora.domain.rules import Imported
from remora.registry import Registry
from remora.settings.policies.manual import manual
from remora.settings.policies.reader import read_policy_file, text_of
from remora.settings.policies.schema import json_schema
from remora.settings.policies.sections import plain
from remora.settings.policies.writer import written

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="See and change the policies in force, and check policy files.")

File = Annotated[Path, typer.Argument(help="The policy file.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="The policy's id: its follower, a colon, its leader.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeepLots = Annotated[
    bool, typer.Option("--keep-lots", help="Also a policy that holds shares: nobody follows its leader's exits then.")
]


@app.command()
def check(file: File) -> None:
    """Read a policy file as the supervisor would. Exit 2 with every problem, its place and its line."""
    book = read_policy_file(file)
    followers, leaders = ({getattr(each, party) for each in book.policies} for party in ("follower", "leader"))
    typer.echo(f"{file}: {len(book.policies)} policies of {len(followers)} followers for {len(leaders)} leaders")


@app.command("import")
def import_(
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Remove all rules that the file does not have.")] = False,
    add_leaders: Annotated[bool, typer.Option("--add-leaders", help="Listen to leaders that are not known.")] = False,
    keep_lots: KeepLots = False,
    env_file: EnvFile = None,
) -> None:
    """Take up a policy file, whole or not at all. Exit 2 with every problem, its place and its line."""
    text = text_of(file)
    did = _on_the_registry(
        env_file,
        lambda r: r.take_in(text, str(file), replace=replace, add_leaders=add_leaders, keep_lots=keep_lots),
    )
    for leader in did.leaders:
        typer.echo(f"listening to {leader}")
    counts = {name: getattr(did, name) for name in ("added", "changed", "removed", "unchanged")}
    typer.echo("policies: " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; without one it is printed.")] = None,
    env_file: EnvFile = None,
) -> None:
    """Write all rules in force as a policy file, which imports as the same rules."""
    text = written(_on_the_registry(env_file, lambda r: r.policies.rulebook()))
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as error:
        raise Malformed(f"expected to write {file}, found {error.strerror or error}") from None


@app.command("list")
def show_all(
    follower: Annotated[str | None, typer.Option(help="Only this follower's.")] = None,
    leader: Annotated[str | None, typer.Option(help="Only those for this leader.")] = None,
    as_json: AsJson = False,
    env_file: EnvFile = None,
) -> None:
    """Show the policies in force."""
    found = _on_the_registry(env_file, lambda r: r.policies_of(follower, leader))
    if as_json:
        typer.echo(json.dumps([{"id": each.policy_id, **plain(each)} for each in found], indent=2))
        return
    for each in found:
        typer.echo(f"{each.policy_id}  {_rules(each)}")
    if not found:
        typer.echo("no policies: remora policy import FILE")


@app.command()
def show(which: Which, env_file: EnvFile = None) -> None:
    """Print a policy, as a policy file that has no other."""
    policy = _on_the_registry(env_file, lambda r: r.policy(_id(which)))
    typer.echo(written(Rulebook(policies=(policy,))), nl=False)


@app.command("set")
def set_(
    which: Which,
    changes: Annotated[list[str], typer.Argument(help="Such as filters.max_odds=0.85; nothing after = resets it.")],
    env_file: EnvFile = None,
) -> None:
    """Change fields of a policy, all of them or none."""

    async def work(registry: Registry) -> Imported:
        fields = plain(await registry.policy(_id(which)))
        for change in changes:
            _assign(fields, change)
        return await registry.take_in_policy(_id(which), json.dumps(fields), "the policy")

    _on_the_registry(env_file, work)
    typer.echo(f"changed {_id(which)}")


@app.command()
def remove(which: Which, keep_lots: KeepLots = False, env_file: EnvFile = None) -> None:
    """Copy nothing by a policy any more. Refused while shares are held through it."""
    did = _on_the_registry(env_file, lambda r: r.remove(_id(which), keep_lots=keep_lots))
    typer.echo(f"removed {_id(which)}")
    for wallet in did.unbound:
        typer.echo(f"removed the bounds of {wallet}, whom no policy names any more")


@app.command()
def schema() -> None:
    """Print the JSON schema of policy files."""
    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def document() -> None:
    """Print docs/policy.md: every field with unit, default, example and meaning."""
    for line in manual():
        typer.echo(line)


def _id(which: str) -> PolicyId:
    return PolicyId(which.lower())


def _rules(policy: Policy) -> str:
    """Return what a policy says beyond who and whom, as it is written."""
    rules = {name: part for name, part in plain(policy).items() if name not in {"follower", "leader"} and part}
    return yaml.safe_dump(rules, default_flow_style=True, sort_keys=False, width=1000).strip() if rules else "defaults"


def _assign(fields: dict[str, Any], change: str) -> None:
    """Set one field of a policy that is plain YAML, or leave it out."""
    place, equals, text = change.partition("=")
    if not equals:
        raise Malformed(f"expected a change such as filters.max_odds=0.85, found {change!r}")
    *sections, name = place.split(".")
    for section in sections:
        fields = fields.setdefault(section, {})
        if not isinstance(fields, dict):
            raise Malformed(f"expected a field of a policy, found {place!r}")
    if text:
        fields[name] = _value(text)
    else:
        fields.pop(name, None)


def _value(text: str) -> Any:
    """Return what is typed as YAML means it, but what YAML would make another number or a date of, as it is typed."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    exact = isinstance(value, bool | list | dict) or (isinstance(value, int) and str(value) == text)
    return value if exact else text


def _on_the_registry(env_file: Path | None, work: Callable[[Registry], Coroutine[Any, Any, T]]) -> T:
    return on_the_database(env_file, lambda writer: work(registry_on(writer)))
