"""How leaders' positions changed in the course of a block: what a leader held right before an exit follows from it.

A block's receipts hold every transfer of a leader's shares, so what the leader held before is what it has after the
block, less all that came and went from the exit on. Between transactions the transfers count. Within one, where those
of several orders are interleaved, orders and exits of one kind count whole, in the order of their first logs: so the
fractions of exits that follow each other multiply to what is left in the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from remora.detect.moves import Move
from remora.detect.transfers import decode_transfer
from remora.domain.chain import Receipt
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.signal import Fill, Side

Happening: TypeAlias = Fill | Move
"""What a leader's order filled in a transaction, or what else moved its shares there."""

_Position: TypeAlias = tuple[Address, TokenId]


def in_chain_order(happenings: Iterable[Happening]) -> list[Happening]:
    """Return what happened in one block, in the order of the logs."""
    return sorted(happenings, key=lambda each: each.log_index or 0)


def is_exit(happening: Happening) -> bool:
    """Tell whether shares left the leader by a sale or by an exit of another kind."""
    return happening.side is Side.SELL if isinstance(happening, Fill) else happening.kind is not None


def changes_since(
    receipts: Sequence[Receipt], happenings: Sequence[Happening], ledgers: Collection[Address]
) -> dict[Happening, int]:
    """Return for each exit by how many units the position changed from right before it to the end of the block.

    `happenings` are all that happened to leaders' positions in the receipts, in chain order.
    """
    exits = [each for each in happenings if is_exit(each)]
    if not exits:
        return {}
    in_transactions = _in_transactions(receipts, {each.wallet for each in exits}, ledgers)
    return {each: _since(in_transactions[_position(each)], each, happenings) for each in exits}


def _since(in_transactions: Mapping[TxHash, int], exit_: Happening, happenings: Sequence[Happening]) -> int:
    """Add up the exit's transaction and those that follow it, less what the former did before the exit."""
    changes = list(in_transactions.items())
    first = next((at for at, (tx_hash, _) in enumerate(changes) if tx_hash == exit_.tx_hash), len(changes))
    since = sum(change for _, change in changes[first:])
    for each in happenings:
        if each is exit_:
            break
        if each.tx_hash == exit_.tx_hash and _position(each) == _position(exit_):
            since -= _signed(each)
    return since


def _in_transactions(
    receipts: Iterable[Receipt], wallets: Collection[Address], ledgers: Collection[Address]
) -> Mapping[_Position, Mapping[TxHash, int]]:
    """Return by how much each transaction, in order, changed each position of the wallets by its transfers."""
    changed: defaultdict[_Position, defaultdict[TxHash, int]] = defaultdict(lambda: defaultdict(int))
    parties = frozenset("0x" + wallet[2:].rjust(64, "0") for wallet in wallets)
    for receipt in receipts:
        for wallet, token_id, units in _transferred(receipt, parties, ledgers):
            changed[wallet, token_id][receipt.tx_hash] += units
    return changed


def _transferred(
    receipt: Receipt, parties: frozenset[str], ledgers: Collection[Address]
) -> Iterator[tuple[Address, TokenId, int]]:
    """Yield what each transfer from or to one of the parties, given as topics, added to whose position."""
    for log in receipt.logs if receipt.succeeded else ():
        if log.address not in ledgers or parties.isdisjoint(log.topics[2:]):
            continue
        if (transfer := decode_transfer(log)) is not None:
            for token_id, units in zip(transfer.token_ids, transfer.amounts, strict=True):
                yield transfer.sender, TokenId(token_id), -units
                yield transfer.receiver, TokenId(token_id), units


def _position(happening: Happening) -> _Position:
    return happening.wallet, happening.token_id


def _signed(happening: Happening) -> int:
    sold = isinstance(happening, Fill) and happening.side is Side.SELL
    return -happening.shares.units if sold else happening.shares.units
