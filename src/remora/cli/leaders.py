"""`remora leaders`: whom remora listens to. A supervisor that runs takes a change up within a second."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from eth_utils.address import to_checksum_address
from rich.table import Column, Table

from remora.adapters.clock import SystemClock
from remora.adapters.store.figures import percentile
from remora.adapters.venue.data_api import DataApi
from remora.cli.leader_check import idleness, refuse_contract
from remora.cli.run import EnvFile
from remora.cli.switches import Stores, halted_leaders, hand_set, on_the_store
from remora.cli.tables import print_table
from remora.domain.errors import Malformed, RemoraError
from remora.domain.ids import Address, address
from remora.domain.parties import Leader, LeaderStats
from remora.domain.switches import Halt, Scope
from remora.settings.addresses import checked_address
from remora.settings.environment import LeaderSettings, load

US_PER_MS = 1000

_HALTED: Mapping[Halt, str] = {
    Halt.PAUSE: "paused: exits only",
    Halt.STOP: "stopped: nothing",
    Halt.PANIC: "panic: sold out",
}
"""What is still copied of a leader that was halted."""

app = typer.Typer(no_args_is_help=True, help="Say whom remora listens to.")

Who = Annotated[str, typer.Argument(help="The leader's trading wallet, or its label.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    wallet: Annotated[str, typer.Argument(help="The leader's trading wallet, not the key it logs in with.")],
    label: Annotated[str | None, typer.Option(help="A name for people; the address without one.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also an address that never traded.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Listen to a leader. An address without fills is refused, and its wallets that trade are named."""
    leader = _labelled(checked_address(wallet), address(wallet) if label is None else label)
    settings = load(LeaderSettings, env_file)
    refuse_contract(leader.wallet, settings)
    if not anyway:
        asyncio.run(_examine(leader.wallet, settings))

    async def work(stores: Stores) -> None:
        if leader.wallet in await stores.registry.operators():
            raise Malformed(f"expected no wallet of remora's own, found the operator wallet {leader.wallet}")
        if not await stores.leaders.add_leader(leader, added_us=SystemClock().now_us()):
            raise Malformed(
                f"expected a leader that is not known yet, found {leader.wallet}: it is there; "
                f"remora leaders label gives it another label"
            )

    on_the_store(env_file, work)
    typer.echo(f"listening to {leader.label}")


@app.command("label")
def label_(
    who: Who,
    label: Annotated[str, typer.Argument(help="A name for people, that no other leader has.")],
    env_file: EnvFile = None,
) -> None:
    """Give a leader another label, for people and for commands."""
    _change(who, env_file, lambda stores, wallet: stores.leaders.label_leader(_labelled(wallet, label)))
    typer.echo(f"{who} is {label.strip()} now")


@app.command("list")
def show(as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show all leaders."""

    async def work(stores: Stores) -> tuple[Sequence[Leader], frozenset[Address], Mapping[str, Halt]]:
        found = await stores.switches.switches(SystemClock().now_us())
        return await stores.leaders.leaders(), await stores.leaders.heard_leaders(), halted_leaders(found)

    leaders, heard, halted = on_the_store(env_file, work)
    if as_json:
        typer.echo(json.dumps([_entry(each, heard, halted) for each in leaders], indent=2))
        return
    table = Table("label", "wallet", "state", "trades")
    for each in leaders:
        state = _HALTED[halted[each.wallet]] if each.wallet in halted else "copied"
        trades = "yes" if each.wallet in heard else "none yet"
        table.add_row(each.label, to_checksum_address(each.wallet), state, trades)
    print_table(table, otherwise="no leaders: remora leaders add 0x… --label NAME")


@app.command()
def pause(who: Who, env_file: EnvFile = None) -> None:
    """Copy no new entries of a leader; its exits are followed. The same as `remora pause --leader`."""

    async def change(stores: Stores, wallet: Address) -> bool:
        await stores.switches.set_switch(hand_set(Halt.PAUSE, (Scope.LEADER, wallet)))
        return True

    _change(who, env_file, change)
    typer.echo(f"paused {who}: no entries, exits go on")


@app.command()
def resume(who: Who, env_file: EnvFile = None) -> None:
    """Copy a halted leader again. The same as `remora resume --leader`."""

    async def change(stores: Stores, wallet: Address) -> bool:
        if not await stores.switches.lift((Scope.LEADER, wallet)):
            raise Malformed(f"expected a leader that is halted, found {who}: remora switches shows who is")
        return True

    _change(who, env_file, change)
    typer.echo(f"resumed {who}")


@app.command()
def remove(who: Who, env_file: EnvFile = None) -> None:
    """Stop listening to a leader whom no policy follows. What it did, and what was copied, is kept."""
    _change(who, env_file, lambda stores, wallet: stores.registry.remove_leader(wallet))
    typer.echo(f"removed {who}")


@app.command()
def stats(as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """Show what leaders traded, and how soon each source told of it."""

    async def work(stores: Stores) -> tuple[Sequence[LeaderStats], dict[Address, str]]:
        labels = {each.wallet: each.label for each in await stores.leaders.leaders()}
        return await stores.leaders.leader_stats(), labels

    found, labels = on_the_store(env_file, work)
    documents = [_document(each, labels.get(each.wallet, each.wallet)) for each in found]
    if as_json:
        typer.echo(json.dumps(documents, indent=2))
        return
    headings = ("leader", "trades", "buys", "sells", "as maker", "as taker")
    table = Table(*headings, Column("volume", no_wrap=True), "other exits", Column("heard after", no_wrap=True))
    for document in documents:
        columns = ("label", "trades", "buys", "sells", "as_maker", "as_taker", "volume")
        late = "\n".join(
            f"{source}: {figures['p50']} ms, p99 {figures['p99']} ms"
            for source, figures in document["heard_after_ms"].items()
        )
        exits = ", ".join(f"{count} x {kind}" for kind, count in document["exits"].items())
        table.add_row(*(str(document[column]) for column in columns), exits, late)
    print_table(table, otherwise="no trades were heard yet")


def _labelled(wallet: Address, text: str) -> Leader:
    """Return a leader with a label; Malformed when it is empty, or would name another wallet: commands take either."""
    label = text.strip()
    if not label:
        raise Malformed(f"expected a name as the label of {wallet}, found none")
    if label.lower() != wallet and re.fullmatch("0x[0-9a-f]{40}", label.lower()):
        raise Malformed(f"expected a name as the label of {wallet}, found the address {label}")
    return Leader(wallet=wallet, label=label)


async def _examine(wallet: Address, settings: LeaderSettings) -> None:
    """Refuse a wallet that does not trade; say so where nobody can tell."""
    if not settings.data_url:
        typer.echo("not checked whether it trades: REMORA_DATA_URL is not set", err=True)
        return
    try:
        async with DataApi(data_url=settings.data_url, clock=SystemClock()) as history:
            doubt = await idleness(wallet, history, settings.wallet_factories)
    except RemoraError as trouble:
        typer.echo(f"not checked whether it trades: {trouble}", err=True)
        return
    if doubt is not None:
        raise Malformed(doubt)


def _change(who: str, env_file: Path | None, change: Callable[[Stores, Address], Coroutine[Any, Any, bool]]) -> None:
    async def work(stores: Stores) -> None:
        wallets = {name: each.wallet for each in await stores.leaders.leaders() for name in (each.label, each.wallet)}
        wallet = wallets.get(who) or wallets.get(who.lower())
        if wallet is None or not await change(stores, wallet):
            raise Malformed(f"expected a leader's wallet or label, found {who!r}: remora leaders list shows them")

    on_the_store(env_file, work)


def _entry(each: Leader, heard: frozenset[Address], halted: Mapping[str, Halt]) -> dict[str, Any]:
    halt = halted.get(each.wallet)
    return {"wallet": each.wallet, "label": each.label, "halt": halt, "has_traded": each.wallet in heard}


def _document(each: LeaderStats, label: str) -> dict[str, Any]:
    return {
        "wallet": each.wallet,
        "label": label,
        "trades": each.buys + each.sells,
        "buys": each.buys,
        "sells": each.sells,
        "as_maker": each.as_maker,
        "as_taker": each.as_taker,
        "volume": str(each.collateral),
        "exits": dict(each.exits),
        "heard_after_ms": {
            source: {
                "samples": len(samples),
                "p50": percentile(samples, 50) // US_PER_MS,
                "p99": percentile(samples, 99) // US_PER_MS,
            }
            for source, samples in each.late_us.items()
        },
    }
