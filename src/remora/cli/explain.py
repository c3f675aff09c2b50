"""`remora explain`: what remora sees in a transaction, a log or a list of logs, and why it sees no trade.

Reads JSON-RPC objects from a file, bare or inside what commonly surrounds them, or one receipt from the node; of a
transaction that is not mined, the calldata. Exit 0 when the input was understood, trade or not; 2 when it was not; 1
when the node has no such receipt.
"""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

import typer

from remora.cli.transaction import Announced, read_transaction
from remora.detect.calldata import SENTENCES as NO_MATCH_SENTENCES
from remora.detect.calldata import Exchanges, NotAMatch, decode_calldata
from remora.detect.explain import (
    SENTENCES,
    Explanation,
    IgnoredLog,
    ShareMove,
    explain,
    explain_calldata,
    explain_receipt,
)
from remora.detect.positions import Happening
from remora.domain.chain import Log, Receipt, parse_log, parse_receipt
from remora.domain.contracts import GENERATIONS, LEGACY_EXCHANGES, POLYGON, POLYGON_CHAIN_ID, Contracts, Generation
from remora.domain.errors import Malformed
from remora.domain.ids import Address, TxHash, address, word
from remora.domain.money import Shares, format_units, mul_div_nearest
from remora.domain.signal import Fill, Side, SignalKind

ContractsOf: TypeAlias = Callable[[Path], Contracts]
"""Reads the contracts of a settings file, beside those of Polygon."""

FetchReceipt: TypeAlias = Callable[[Path | None, TxHash], Coroutine[Any, Any, Receipt | None]]
"""Asks the configured node for a receipt; None while there is none."""

FetchHeldBefore: TypeAlias = Callable[
    [Path | None, Receipt, Address, Contracts], Coroutine[Any, Any, Mapping[Happening, Shares]]
]
"""Asks the configured node what a wallet held right before each of its exits in a transaction, if it can tell."""

Source: TypeAlias = Receipt | tuple[Log, ...] | Announced

_WRAPPERS = ("result", "receipt", "log", "logs")
_LONGEST_ERROR = 400
_MISUSED = 2
_HUNDRED_PER_CENT = 10_000
"""In hundredths."""


def explain_command(
    contracts_of: ContractsOf, fetch_receipt: FetchReceipt, fetch_held_before: FetchHeldBefore
) -> Callable[..., None]:
    """Return the command, which asks for the receipt of --tx, and of it for what was held before."""

    def command(
        transaction: Annotated[str | None, typer.Argument(metavar="TX", help="The same as --tx.")] = None,
        *,
        leader: Annotated[str | None, typer.Option(metavar="0x...", help="The wallet to look for.")] = None,
        receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="A transaction's receipt, as JSON.")] = None,
        log: Annotated[Path | None, typer.Option(metavar="FILE", help="A log or a list of logs, as JSON.")] = None,
        tx: Annotated[str | None, typer.Option(metavar="HASH", help="A transaction to ask the node for.")] = None,
        calldata: Annotated[
            Path | None, typer.Option(metavar="FILE", help="A transaction that is not mined, as JSON or hex calldata.")
        ] = None,
        to: Annotated[str | None, typer.Option(metavar="0x...", help="Whom hex calldata calls.")] = None,
        exchange: Annotated[list[str] | None, typer.Option(metavar="0x...", help="One more exchange address.")] = None,
        ledger: Annotated[list[str] | None, typer.Option(metavar="0x...", help="One more position token.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
        env_file: Annotated[
            Path | None, typer.Option(help="Settings of the node to ask, and of more contracts to know.")
        ] = None,
    ) -> None:
        """Say what remora sees in a transaction: the fills of a wallet, and why everything else is no trade."""
        try:
            wallet = _option_address("--leader", leader)
            tx = _once(transaction, tx)
            known = (POLYGON if env_file is None else contracts_of(env_file)).adding(
                exchanges=[_option_address("--exchange", text) for text in exchange or ()],
                ledgers=[_option_address("--ledger", text) for text in ledger or ()],
            )
            given = {"--receipt": receipt, "--log": log, "--tx": tx, "--calldata": calldata}
            source = _source(
                {option: value for option, value in given.items() if value is not None},
                partial(fetch_receipt, env_file),
            )
            if isinstance(source, Announced) and to is not None:
                source = replace(source, to=_option_address("--to", to))
        except Malformed as error:
            _fail(str(error), code=_MISUSED)
        if source is None:
            _fail(f"the node has no receipt of {tx}: it is unknown, or not in a block yet", code=1)
        explanation = _explain(source, wallet, known)
        if as_json:
            typer.echo(json.dumps(as_document(explanation), indent=2))
            return
        typer.echo(as_text(explanation, wallet))
        if tx is not None and isinstance(source, Receipt):
            held = asyncio.run(fetch_held_before(env_file, source, wallet, known))
            typer.echo("".join(f"{_exit_text(exit_, before)}\n" for exit_, before in held.items()), nl=False)

    return command


def read_source(raw: Any) -> Receipt | tuple[Log, ...]:
    """Read a receipt, a log or a list of logs from JSON; Malformed says what was expected and found.

    They may be bare, or the "result" of a JSON-RPC response, or the "receipt", "log" or "logs" of an object with notes.
    A log must have its address: anybody can emit any event, so that it is a fill only because of who emitted it.
    """
    match raw:
        case {"topics": _}:
            return (parse_log(raw),)
        case {"transactionHash": _, "logs": list()}:
            return parse_receipt(raw)
        case list():
            return tuple(_numbered_log(position, item) for position, item in enumerate(raw))
        case dict():
            for key in _WRAPPERS:
                if key in raw:
                    return read_source(raw[key])
    raise Malformed(f"expected a receipt, a log or a list of logs, found {_describe(raw)}")


def as_document(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation as JSON values: amounts are decimal texts of whole tokens, token ids texts."""
    return {
        "fills": [_fill_document(fill) for fill in explanation.fills],
        "ignored": [{"log_index": row.log_index, "reason": row.reason.value} for row in explanation.ignored],
    }


def as_text(explanation: Explanation, wallet: Address) -> str:
    """Return the explanation for people: fills, then shares that moved otherwise, then a line for every other log."""
    count = len(explanation.fills)
    lines = [f"{wallet}: {count or 'no'} {'fill' if count == 1 else 'fills'}"]
    lines += [_fill_text(fill) for fill in explanation.fills]
    lines += [_move_text(move) for move in explanation.moves]
    lines += [_ignored_text(row) for row in explanation.ignored]
    return "\n".join(lines)


def _source(
    given: Mapping[str, Path | str], fetch_receipt: Callable[[TxHash], Coroutine[Any, Any, Receipt | None]]
) -> Source | None:
    """Return what the one given source holds; None is a transaction of which the node has no receipt."""
    match list(given.items()):
        case [("--tx", str(tx))]:
            return asyncio.run(fetch_receipt(_option_hash("--tx", tx)))
        case [("--calldata", Path() as path)]:
            return read_transaction(path)
        case [("--receipt", Path() as path)]:
            if source := _read_file(path):
                return source
            raise Malformed(f"{path}: expected a receipt, found an empty list")
        case [("--log", Path() as path)]:
            return _read_file(path)
    found = " and ".join(given) or "none"
    raise Malformed(f"expected one of --receipt, --log, --tx and --calldata, found {found}")


def _read_file(path: Path) -> Receipt | tuple[Log, ...]:
    try:
        return read_source(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Malformed(f"{path}: expected a readable file, found {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{path}: expected JSON, found {error}") from None
    except Malformed as error:
        raise Malformed(f"{path}: {error}") from None


def _numbered_log(position: int, raw: Any) -> Log:
    try:
        return parse_log(raw)
    except Malformed as error:
        raise Malformed(f"item {position} of the list: {error}") from None


def _once(transaction: str | None, tx: str | None) -> str | None:
    """Return the transaction, which is named in one way of two."""
    if transaction is not None and tx is not None:
        raise Malformed("expected a transaction, or --tx with one, found both")
    return transaction if tx is None else tx


def _option_address(option: str, text: str | None) -> Address:
    if text is None:
        raise Malformed(f"{option}: expected an address to look for, found none")
    try:
        return address(text)
    except Malformed as error:
        raise Malformed(f"{option}: {error}") from None


def _option_hash(option: str, text: str) -> TxHash:
    try:
        return TxHash(word(text))
    except Malformed as error:
        raise Malformed(f"{option}: {error}") from None


def _explain(source: Source, wallet: Address, known: Contracts) -> Explanation:
    if isinstance(source, Announced):
        exchanges = Exchanges.of(source.chain_id or POLYGON_CHAIN_ID, _generations(known.exchanges - LEGACY_EXCHANGES))
        seen = decode_calldata(source.calldata, source.to, exchanges, tx_hash=source.tx_hash)
        return explain_calldata(seen, wallet)
    if isinstance(source, Receipt):
        return explain_receipt(source, wallet, known)
    return explain(source, wallet, known, complete=False)


def _generations(exchanges: Iterable[Address]) -> Iterator[tuple[Address, Generation]]:
    """Yield each exchange with its generation, one that Polygon does not have with every."""
    for exchange in exchanges:
        known = GENERATIONS.get(exchange)
        yield from ((exchange, generation) for generation in ([known] if known else Generation))


def _fill_document(fill: Fill) -> dict[str, Any]:
    return {
        "wallet": fill.wallet,
        "role": fill.role.value,
        "side": fill.side.value,
        "token_id": str(fill.token_id),
        "shares": str(fill.shares),
        "collateral": str(fill.collateral),
        "price": str(fill.price),
        "fee": str(fill.fee),
        "order_hash": fill.order_hash,
        "exchange": fill.exchange,
        "tx_hash": fill.tx_hash,
        "log_index": fill.log_index,
    }


def _fill_text(fill: Fill) -> str:
    # V1 charged a buyer in the shares that it bought.
    fee_unit = "shares" if fill.exchange in LEGACY_EXCHANGES and fill.side is Side.BUY else "collateral"
    return (
        f"{_place(fill.log_index)}: {fill.role} {fill.side} of {fill.shares} shares for {fill.collateral} collateral,"
        f" price {fill.price}, fee {fill.fee} {fee_unit}\n"
        f"    token {fill.token_id}\n"
        f"    order {fill.order_hash} on exchange {fill.exchange}\n"
        f"    transaction {fill.tx_hash or 'unknown'}"
    )


def _move_text(move: ShareMove) -> str:
    came = move.shares > Shares(0)
    told = f"{move.shares} shares came" if came else f"{Shares(0) - move.shares} shares left"
    return f"{_place(move.log_index)}: {told}, {move.reason}\n    token {move.token_id}"


def _exit_text(exit_: Happening, before: Shares) -> str:
    kind = SignalKind.TRADE if isinstance(exit_, Fill) else exit_.kind
    left = Shares(abs(exit_.shares.units))
    per_cent = format_units(mul_div_nearest(left.units, _HUNDRED_PER_CENT, before.units), 2)
    return f"exit, {kind}: {left} of {before} shares held before, {per_cent} %\n    token {exit_.token_id}"


def _ignored_text(row: IgnoredLog) -> str:
    reason = row.reason
    sentence = NO_MATCH_SENTENCES[reason] if isinstance(reason, NotAMatch) else SENTENCES[reason]
    return f"{_place(row.log_index)}: no trade, {reason}: {sentence}"


def _place(log_index: int | None) -> str:
    return "log" if log_index is None else f"log {log_index}"


def _describe(raw: Any) -> str:
    match raw:
        case dict():
            return f"an object with {', '.join(sorted(map(str, raw))) or 'nothing in it'}"
        case None:
            return "null"
    return repr(raw)


def _fail(message: str, *, code: int) -> NoReturn:
    """Print one line and end the command."""
    typer.echo(f"remora: {textwrap.shorten(message, _LONGEST_ERROR)}", err=True)
    raise typer.Exit(code)
