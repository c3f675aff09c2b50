"""`remora pause`, `stop`, `panic`, `resume` and `switches`: halts of a follower, a leader, a policy or everything.

A supervisor that runs obeys within a second; one that does not finds the switch when it starts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.switches import SqliteSwitchStore
from remora.bootstrap.rules import registry_on
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database
from remora.cli.tables import print_table
from remora.domain.errors import Malformed
from remora.domain.money import Collateral
from remora.domain.switches import Halt, Scope, Switch
from remora.domain.usage import SERVICE, Lot, Subject, whom
from remora.registry import Registry
from remora.settings.addresses import checked_address

T = TypeVar("T")

US = 1_000_000
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

OfFollower = Annotated[str | None, typer.Option("--follower", help="The follower's wallet.")]
OfLeader = Annotated[str | None, typer.Option("--leader", help="The leader's wallet, or its label.")]
OfPolicy = Annotated[str | None, typer.Option("--policy", help="The policy's id.")]
OfAll = Annotated[bool, typer.Option("--all", help="The whole service.")]
For = Annotated[str | None, typer.Option("--for", help="Lift it after so long, such as 90s, 30m, 2h or 1d.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the commands read and write."""

    switches: SqliteSwitchStore
    leaders: SqliteLeaderStore
    registry: Registry


def pause(
    follower: OfFollower = None,
    leader: OfLeader = None,
    policy: OfPolicy = None,
    *,
    everything: OfAll = False,
    lasting: For = None,
    env_file: EnvFile = None,
) -> None:
    """Enter nothing; exits are followed."""
    _halt(Halt.PAUSE, _target(follower, leader, policy, everything=everything), lasting, env_file)


def stop(
    follower: OfFollower = None,
    leader: OfLeader = None,
    policy: OfPolicy = None,
    *,
    everything: OfAll = False,
    lasting: For = None,
    env_file: EnvFile = None,
) -> None:
    """Send nothing, neither entries nor exits. What was sent is settled."""
    _halt(Halt.STOP, _target(follower, leader, policy, everything=everything), lasting, env_file)


def panic(
    follower: OfFollower = None,
    leader: OfLeader = None,
    policy: OfPolicy = None,
    *,
    everything: OfAll = False,
    env_file: EnvFile = None,
) -> None:
    """Sell everything that is held, and enter nothing until it is lifted."""
    _halt(Halt.PANIC, _target(follower, leader, policy, everything=everything), None, env_file)


def resume(
    follower: OfFollower = None,
    leader: OfLeader = None,
    policy: OfPolicy = None,
    *,
    everything: OfAll = False,
    env_file: EnvFile = None,
) -> None:
    """Lift the switches of a subject, whoever set them; those of others stay."""
    target = _target(follower, leader, policy, everything=everything)

    async def work(stores: Stores) -> tuple[Subject, int, list[Switch]]:
        subject = await _subject(target, stores)
        lifted = await stores.switches.lift(subject)
        return subject, lifted, await stores.switches.switches(SystemClock().now_us())

    subject, lifted, left = on_the_store(env_file, work)
    if not lifted:
        raise Malformed(f"expected a switch to lift, found none of {whom(subject)}: remora switches shows them")
    typer.echo(f"resumed {whom(subject)}")
    for each in left:
        typer.echo(f"still in force: {each.halt} of {whom((each.scope, each.subject))}")


def switches(as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show what is halted, why, and what a panic has not sold yet."""

    async def work(stores: Stores) -> tuple[list[Switch], list[Lot]]:
        return await stores.switches.switches(SystemClock().now_us()), await stores.switches.open_lots()

    found, lots = on_the_store(env_file, work)
    documents = [_document(each, lots) for each in found]
    if as_json:
        typer.echo(json.dumps(documents, indent=2))
        return
    table = Table("halt", "whom", "why", "since", "until", "unsold")
    for each, document in zip(found, documents, strict=True):
        columns = (document["because"], document["since"], document["until"] or "lifted", _unsold_words(document))
        table.add_row(each.halt, whom((each.scope, each.subject)), *columns)
    print_table(table, otherwise="nothing is halted")


def halted_leaders(found: Sequence[Switch]) -> Mapping[str, Halt]:
    """Return how leaders are halted by switches of their own, oldest first."""
    return {each.subject: each.halt for each in found if each.scope is Scope.LEADER}


def on_the_store(env_file: Path | None, work: Callable[[Stores], Coroutine[Any, Any, T]]) -> T:
    """Do short work on the database, beside a supervisor if one runs."""
    return on_the_database(
        env_file,
        lambda writer: work(
            Stores(switches=SqliteSwitchStore(writer), leaders=SqliteLeaderStore(writer), registry=registry_on(writer))
        ),
    )


def hand_set(halt: Halt, subject: Subject, until_us: int | None = None) -> Switch:
    """Return a switch that a person sets now."""
    now_us = SystemClock().now_us()
    return Switch(scope=subject[0], subject=subject[1], halt=halt, because=None, set_us=now_us, until_us=until_us)


def _halt(halt: Halt, target: Subject, lasting: str | None, env_file: Path | None) -> None:
    until_us = None if lasting is None else SystemClock().now_us() + _seconds(lasting) * US

    async def work(stores: Stores) -> Subject:
        subject = await _subject(target, stores)
        await _expect(subject, stores)
        await stores.switches.set_switch(hand_set(halt, subject, until_us))
        return subject

    subject = on_the_store(env_file, work)
    typer.echo(f"{halt} of {whom(subject)}" + (f" for {lasting}" if lasting else ""))


def _target(follower: str | None, leader: str | None, policy: str | None, *, everything: bool) -> Subject:
    """Return whom the options name; Malformed unless it is exactly one."""
    named: list[Subject] = []
    if follower is not None:
        named.append((Scope.FOLLOWER, checked_address(follower)))
    if leader is not None:
        named.append((Scope.LEADER, leader))
    if policy is not None:
        named.append((Scope.POLICY, policy.lower()))
    if everything:
        named.append(SERVICE)
    if len(named) != 1:
        raise Malformed(f"expected one of --follower, --leader, --policy or --all, found {len(named)}")
    return named[0]


async def _subject(target: Subject, stores: Stores) -> Subject:
    """Return the subject with a leader's label replaced by the wallet."""
    scope, name = target
    if scope is not Scope.LEADER:
        return target
    labelled = {each.label: each.wallet for each in await stores.leaders.leaders()}
    if name in labelled:
        return scope, labelled[name]
    if not name.lower().startswith("0x"):
        raise Malformed(f"expected a leader's wallet or label, found {name!r}: remora leaders list shows them")
    return scope, checked_address(name)


async def _expect(subject: Subject, stores: Stores) -> None:
    """Raise Unknown for whom neither a policy nor an open lot names: a mistyped address must not seem to be halted."""
    if not any(subject in lot.subjects for lot in await stores.switches.open_lots()):
        await stores.registry.expect(subject)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text)
    if found is None:
        raise Malformed(f"expected a duration such as 90s, 30m, 2h or 1d, found {text!r}")
    return int(found[1]) * SECONDS[found[2]]


def _document(switch: Switch, lots: Sequence[Lot]) -> dict[str, Any]:
    subject = (switch.scope, switch.subject)
    unsold = [lot for lot in lots if subject in lot.subjects and lot.is_sellable]
    return {
        "halt": switch.halt,
        "scope": switch.scope,
        "subject": switch.subject,
        "because": "by hand" if switch.because is None else switch.because.sentence(),
        "facts": None if switch.because is None else dict(switch.because.facts),
        "since": _time(switch.set_us),
        "until": None if switch.until_us is None else _time(switch.until_us),
        "unsold": None if switch.halt is not Halt.PANIC else _unsold(unsold),
    }


def _unsold(lots: Sequence[Lot]) -> dict[str, Any]:
    return {"lots": len(lots), "cost": str(Collateral(sum(lot.cost.units for lot in lots)))}


def _unsold_words(document: Mapping[str, Any]) -> str:
    unsold = document["unsold"]
    return "" if unsold is None else f"{unsold['lots']} lots that cost {unsold['cost']}"


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // US, UTC).isoformat()
