"""`remora why`: the whole story of a signal for a follower, or why a transaction was never one.

Exit codes: 0 it was told; 1 neither database nor node knows the transaction; 2 the id or the follower is none.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.stories import SqliteStories
from remora.adapters.store.writer import Writer
from remora.cli.copies import expect_follower
from remora.cli.run import EnvFile
from remora.cli.stored import on_the_database
from remora.cli.story import as_document, as_text
from remora.cli.untold import Background, own_reasons, reasons
from remora.domain.chain import Receipt
from remora.domain.contracts import Contracts
from remora.domain.errors import Malformed, RemoraError
from remora.domain.ids import Address, TxHash
from remora.domain.stories import Story
from remora.settings.addresses import checked_address

AskNode: TypeAlias = Callable[[Path | None, TxHash], Coroutine[Any, Any, tuple[Receipt | None, Contracts]]]
"""Asks the node that is set for a receipt, None while there is none; and tells which contracts are known."""

PATIENCE_S = 10.0
_WHOLE = 66
_BEGINNING = re.compile(r"0x[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """What is known of a transaction without a signal; `unseen` is what could not be looked at, and why."""

    because: Sequence[str]
    unseen: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything is known of the transaction at all."""
        return bool(self.because)


def why_command(ask_node: AskNode) -> Callable[..., None]:
    """Return the command, which asks the node about transactions that the database does not know."""

    def command(
        what: Annotated[str, typer.Argument(metavar="SIGNAL|TX", help="A signal's id, its beginning, or a tx hash.")],
        follower: Annotated[str, typer.Argument(help="For whom.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        env_file: EnvFile = None,
    ) -> None:
        """Say what became of a leader's trade for a follower and why, or why a transaction was no signal."""
        wallet, wanted = checked_address(follower), _checked(what)
        stories, background = on_the_database(env_file, lambda writer: _look_up(writer, wallet, wanted))
        if stories:
            _tell(stories, as_json=as_json)
            return
        untold = asyncio.run(_untold(TxHash(wanted), background, ask_node, env_file))
        _admit(wanted, untold, as_json=as_json)
        if not untold.is_known:
            raise typer.Exit(1)

    return command


def _checked(text: str) -> str:
    wanted = text.lower()
    if not _BEGINNING.fullmatch(wanted):
        raise Malformed(
            f"expected a signal's id, its beginning from 4 digits on, or a transaction hash, found {text!r}"
        )
    return wanted


async def _look_up(writer: Writer, follower: Address, wanted: str) -> tuple[list[Story], Background]:
    """Return the stories that are meant, or none and what there is to know of a transaction without one."""
    stories, leaders = SqliteStories(writer), SqliteLeaderStore(writer)
    await expect_follower(writer, follower)
    found = await stories.of_signal(follower, wanted)
    if not found and len(wanted) == _WHOLE:
        found = await stories.of_transaction(follower, TxHash(wanted))
    elif (count := len({story.heard.signal.signal_id for story in found})) != 1:
        words = "more than one begins so" if count else "none begins so"
        raise Malformed(f"expected the id of one signal, found {wanted!r}, {words}: remora copies --json shows them")
    background = Background(
        own=await stories.own_part(TxHash(wanted)),
        own_wallets=await stories.own_wallets(),
        leaders=frozenset(each.wallet for each in await leaders.leaders()) | await leaders.heard_leaders(),
        read_to=await SqliteSignalStore(writer).cursor(),
    )
    return found, background


async def _untold(tx_hash: TxHash, background: Background, ask_node: AskNode, env_file: Path | None) -> Untold:
    because = list(own_reasons(background.own))
    try:
        async with asyncio.timeout(PATIENCE_S):
            receipt, known = await ask_node(env_file, tx_hash)
    except TimeoutError:
        return Untold(because=because, unseen="the node gave no answer, so its logs could not be looked at")
    except RemoraError as trouble:
        return Untold(because=because, unseen=f"no node could be asked, so its logs could not be looked at: {trouble}")
    if receipt is None:
        return Untold(because=because, unseen="the node has no receipt of it: it is unknown, or not in a block yet")
    return Untold(because=[*because, *reasons(receipt, background, known)])


def _tell(stories: Sequence[Story], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"stories": [as_document(story) for story in stories]}, indent=2))
        return
    typer.echo("\n\n".join("\n".join(as_text(story)) for story in stories))


def _admit(tx_hash: str, untold: Untold, *, as_json: bool) -> None:
    if as_json:
        document = {"stories": [], "tx_hash": tx_hash, "because": list(untold.because), "unseen": untold.unseen}
        typer.echo(json.dumps(document, indent=2))
        return
    lines = [f"no signal came of transaction {tx_hash}", *(f"  {each}" for each in untold.because)]
    typer.echo("\n".join(lines if untold.unseen is None else [*lines, f"  {untold.unseen}"]))
