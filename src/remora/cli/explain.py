"""`remora explain`: what remora sees in a transaction, a log or a list of logs, and why it sees no trade.

Reads JSON-RPC objects from a file, bare or inside what commonly surrounds them, or one receipt from the node. Exit 0
when the input was understood, trade or not; 2 when it was not; 1 when the node has no such receipt.
"""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

import typer

from remora.detect.explain import SENTENCES, Explanation, IgnoredLog, explain, explain_receipt
from remora.domain.chain import Log, Receipt, parse_log, parse_receipt
from remora.domain.contracts import LEGACY_EXCHANGES, POLYGON, Contracts
from remora.domain.errors import Malformed
from remora.domain.ids import Address, TxHash, address, word
from remora.domain.signal import Fill, Side

FetchReceipt: TypeAlias = Callable[[TxHash], Coroutine[Any, Any, Receipt | None]]
"""Asks the configured node for a receipt; None while there is none."""

_WRAPPERS = ("result", "receipt", "log", "logs")
_LONGEST_ERROR = 400
_MISUSED = 2


def explain_command(fetch_receipt: FetchReceipt) -> Callable[..., None]:
    """Return the command, which asks `fetch_receipt` for the receipt of --tx."""

    def command(
        *,
        leader: Annotated[str | None, typer.Option(metavar="0x...", help="The wallet to look for.")] = None,
        receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="A transaction's receipt, as JSON.")] = None,
        log: Annotated[Path | None, typer.Option(metavar="FILE", help="A log or a list of logs, as JSON.")] = None,
        tx: Annotated[str | None, typer.Option(metavar="HASH", help="A transaction to ask the node for.")] = None,
        exchange: Annotated[list[str] | None, typer.Option(metavar="0x...", help="One more exchange address.")] = None,
        ledger: Annotated[list[str] | None, typer.Option(metavar="0x...", help="One more position token.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    ) -> None:
        """Say what remora sees in a transaction: the fills of a wallet, and why everything else is no trade."""
        try:
            wallet = _option_address("--leader", leader)
            known = POLYGON.adding(
                exchanges=[_option_address("--exchange", text) for text in exchange or ()],
                ledgers=[_option_address("--ledger", text) for text in ledger or ()],
            )
            source = _source(receipt, log, tx, fetch_receipt)
        except Malformed as error:
            _fail(str(error), code=_MISUSED)
        if source is None:
            _fail(f"the node has no receipt of {tx}: it is unknown, or not in a block yet", code=1)
        explanation = _explain(source, wallet, known)
        typer.echo(json.dumps(as_document(explanation), indent=2) if as_json else as_text(explanation, wallet))

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
    """Return the explanation for people: the fills first, then a line for every other log."""
    count = len(explanation.fills)
    lines = [f"{wallet}: {count or 'no'} {'fill' if count == 1 else 'fills'}"]
    lines += [_fill_text(fill) for fill in explanation.fills]
    lines += [_ignored_text(row) for row in explanation.ignored]
    return "\n".join(lines)


def _source(
    receipt: Path | None, log: Path | None, tx: str | None, fetch_receipt: FetchReceipt
) -> Receipt | tuple[Log, ...] | None:
    """Return what the one given source holds; None is a transaction of which the node has no receipt."""
    if receipt is not None and log is None and tx is None:
        source = _read_file(receipt)
        if not source:
            raise Malformed(f"{receipt}: expected a receipt, found an empty list")
        return source
    if log is not None and receipt is None and tx is None:
        return _read_file(log)
    if tx is not None and receipt is None and log is None:
        return asyncio.run(fetch_receipt(_option_hash("--tx", tx)))
    given = [name for name, value in (("--receipt", receipt), ("--log", log), ("--tx", tx)) if value is not None]
    raise Malformed(f"expected one of --receipt, --log and --tx, found {' and '.join(given) or 'none'}")


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


def _option_address(option: str, text: str | None) -> Address:
    try:
        return address(text or "")
    except Malformed as error:
        raise Malformed(f"{option}: {error}") from None


def _option_hash(option: str, text: str) -> TxHash:
    try:
        return TxHash(word(text))
    except Malformed as error:
        raise Malformed(f"{option}: {error}") from None


def _explain(source: Receipt | tuple[Log, ...], wallet: Address, known: Contracts) -> Explanation:
    if isinstance(source, Receipt):
        return explain_receipt(source, wallet, known)
    return explain(source, wallet, known, complete=False)


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


def _ignored_text(row: IgnoredLog) -> str:
    return f"{_place(row.log_index)}: no trade, {row.reason}: {SENTENCES[row.reason]}"


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
    typer.echo(f"error: {textwrap.shorten(message, _LONGEST_ERROR)}", err=True)
    raise typer.Exit(code)
