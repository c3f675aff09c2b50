"""What a transfer of shares belongs to: a match, a split, merge, redemption or conversion, or nothing but itself.

A transfer is never a trade by itself (polymarket.md 2.3); its meaning is read from the rest of its transaction. A
*move* is an event by which a contract says that it made or consumed shares; an *intermediary* is a contract that has
this done on behalf of others. A transfer that comes without its transaction is judged by its parties and its shape:
intermediaries handle both outcomes in one batch, ConditionalTokens burns a batch when it merges and single tokens when
it redeems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from remora.detect.decode import topic_address, words
from remora.domain import contracts
from remora.domain.chain import Log
from remora.domain.contracts import Contracts
from remora.domain.ids import ZERO_ADDRESS, Address

_TOPICS = 4
_WORD = 32
_PAIR = 2
_Moved: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids, and as many amounts."""

_SINKS = frozenset({ZERO_ADDRESS, contracts.CONVERSION_BURN})


class Meaning(StrEnum):
    """What a transfer belongs to."""

    TRANSFER = "transfer"
    SPLIT = "split"
    MERGE = "merge"
    CONVERSION = "conversion"
    REDEMPTION = "redemption"
    DELIVERY = "delivery leg of a trade"


MOVES: Mapping[str, Meaning] = {
    contracts.POSITION_SPLIT: Meaning.SPLIT,
    contracts.NEG_RISK_SPLIT: Meaning.SPLIT,
    contracts.MODULE_SPLIT: Meaning.SPLIT,
    contracts.MODULE_EVENT_SPLIT: Meaning.SPLIT,
    contracts.POSITIONS_MERGE: Meaning.MERGE,
    contracts.NEG_RISK_MERGE: Meaning.MERGE,
    contracts.MODULE_MERGE: Meaning.MERGE,
    contracts.MODULE_EVENT_MERGE: Meaning.MERGE,
    contracts.NEG_RISK_CONVERSION: Meaning.CONVERSION,
    contracts.MODULE_CONVERSION: Meaning.CONVERSION,
    contracts.MODULE_MIGRATION: Meaning.CONVERSION,
    contracts.PAYOUT_REDEMPTION: Meaning.REDEMPTION,
    contracts.NEG_RISK_REDEMPTION: Meaning.REDEMPTION,
    contracts.MODULE_REDEMPTION: Meaning.REDEMPTION,
}
"""The topics of moves. Topic 1 of each is the account that the contract did it for."""

TRANSFERS = frozenset({contracts.TRANSFER_SINGLE, contracts.TRANSFER_BATCH})
"""The topics of transfers of shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTransfer:
    """One ERC-1155 transfer: `amounts` in base units, one per token; a batch says so even when it moves one token."""

    operator: Address
    sender: Address
    receiver: Address
    token_ids: tuple[int, ...]
    amounts: tuple[int, ...]
    batch: bool


def decode_transfer(log: Log) -> ShareTransfer | None:
    """Return the transfer that a log reports, None when it is none or malformed. The log's address is not judged."""
    if len(log.topics) != _TOPICS or log.topics[0] not in TRANSFERS:
        return None
    operator, sender, receiver = (topic_address(topic) for topic in log.topics[1:])
    batch = log.topics[0] == contracts.TRANSFER_BATCH
    moved = _batch(log.data) if batch else _single(log.data)
    if operator is None or sender is None or receiver is None or moved is None:
        return None
    token_ids, amounts = moved
    return ShareTransfer(
        operator=operator, sender=sender, receiver=receiver, token_ids=token_ids, amounts=amounts, batch=batch
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    position: int
    emitter: Address
    account: Address | None
    meaning: Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The parts of one transaction that give its transfers a meaning. Only what `movers` emit is believed a move.

    `adapters` are those that make and merge sets for the exchanges.
    """

    exchanges: frozenset[Address]
    movers: frozenset[Address]
    intermediaries: frozenset[Address]
    adapters: frozenset[Address]
    moves: tuple[_Move, ...]
    matched: bool

    def meaning(self, transfer: ShareTransfer, position: int) -> Meaning:
        """Return what a transfer at this position of the transaction's logs belongs to."""
        assisted = self._is_assisted(transfer)
        at_exchange = not self.exchanges.isdisjoint((transfer.sender, transfer.receiver))
        if transfer.operator in self.exchanges or (at_exchange and (self.matched or assisted)):
            return Meaning.DELIVERY
        if not assisted:
            return Meaning.TRANSFER
        nearest = self._nearest_move(transfer, position)
        if self.matched and (nearest is None or self._is_matchs(transfer, nearest)):
            return Meaning.DELIVERY
        return nearest.meaning if nearest is not None else self._by_shape(transfer)

    def _is_matchs(self, transfer: ShareTransfer, move: _Move) -> bool:
        """Tell whether a move was a match's. Between an adapter and anybody's wallet a match moves nothing."""
        ends = {transfer.sender, transfer.receiver}
        among_contracts = ends <= self.intermediaries | self.adapters | _SINKS
        return move.account in self.exchanges or (move.account in self.adapters and among_contracts)

    def _is_assisted(self, transfer: ShareTransfer) -> bool:
        ends = {transfer.sender, transfer.receiver}
        if transfer.operator in self.intermediaries or ends & _SINKS:
            return True
        return bool(self.moves and ends & self.intermediaries)

    def _nearest_move(self, transfer: ShareTransfer, position: int) -> _Move | None:
        """Return the move that a transfer is part of.

        Shares are handed in, minted and burned before the event; an intermediary that emits none of its own hands
        shares out after it.
        """
        later = [move for move in self.moves if move.position > position]
        earlier = [move for move in reversed(self.moves) if move.position < position]
        emitters = {move.emitter for move in self.moves}
        handed_out = self._is_handed_out(transfer) and transfer.operator not in emitters
        nearest = [*earlier, *later] if handed_out else [*later, *earlier]
        return nearest[0] if nearest else None

    def _by_shape(self, transfer: ShareTransfer) -> Meaning:
        pair = len(transfer.amounts) == _PAIR
        even = len(set(transfer.amounts)) == 1
        if transfer.receiver == contracts.CONVERSION_BURN:
            return Meaning.CONVERSION
        if transfer.operator == contracts.AUTO_REDEEMER:
            return Meaning.REDEMPTION
        if transfer.sender == ZERO_ADDRESS:
            return Meaning.SPLIT
        if self._is_handed_out(transfer):
            return Meaning.CONVERSION if transfer.batch and not pair else Meaning.SPLIT
        if not transfer.batch or (pair and not even):
            return Meaning.REDEMPTION
        return Meaning.MERGE if pair else Meaning.CONVERSION

    def _is_handed_out(self, transfer: ShareTransfer) -> bool:
        return transfer.sender in self.intermediaries and transfer.receiver not in self.intermediaries | _SINKS


def scene_of(logs: Iterable[tuple[int, Log]], wallet: Address, known: Contracts) -> Scene:
    """Return the scene of one transaction's logs, each with its position, as seen by a wallet.

    The accounts that moves were made for are intermediaries as well, if they are not the wallet: a contract that splits
    for somebody else is the account of the ledger's event. So is whoever pulled shares and handed them on to one: a
    contract that redeems for others.
    """
    placed = [(position, log) for position, log in logs if log.topics and not log.removed]
    movers = _movers((log for _, log in placed), known)
    moves = [
        _Move(position=position, emitter=log.address, account=_account(log), meaning=MOVES[log.topics[0]])
        for position, log in placed
        if log.topics[0] in MOVES and log.address in movers
    ]
    emitters = {move.emitter for move in moves} - known.ledgers
    accounts = {move.account for move in moves if move.account is not None} - {wallet}
    intermediaries = known.adapters | emitters | accounts
    transfers = _transfers((log for _, log in placed), known)
    fills = {contracts.ORDER_FILLED, contracts.ORDER_FILLED_V1}
    return Scene(
        exchanges=known.exchanges,
        movers=movers,
        intermediaries=intermediaries | _passers_on(transfers, intermediaries),
        adapters=_adapters(transfers, known),
        # A ledger's event on behalf of a contract that emits its own is a part of the latter.
        moves=tuple(move for move in moves if move.account not in emitters),
        matched=any(log.topics[0] in fills and log.address in known.exchanges for _, log in placed),
    )


def _movers(logs: Iterable[Log], known: Contracts) -> frozenset[Address]:
    """Return the addresses whose moves are believed: known ones, and whoever takes part in a known ledger's logs.

    An adapter that nobody configured, as on a local chain, is believed for acting on a known ledger.
    """
    parties = (topic_address(topic) for log in logs if log.address in known.ledgers for topic in log.topics[1:])
    return known.ledgers | known.adapters | {party for party in parties if party is not None}


def _transfers(logs: Iterable[Log], known: Contracts) -> list[ShareTransfer]:
    return [transfer for log in logs if log.address in known.ledgers and (transfer := decode_transfer(log))]


def _adapters(transfers: Iterable[ShareTransfer], known: Contracts) -> frozenset[Address]:
    """Return who else than an exchange moved shares from or to one, as adapters do for a match (polymarket.md 2.2)."""
    at_exchange = (each for each in transfers if not known.exchanges.isdisjoint((each.sender, each.receiver)))
    return frozenset(each.operator for each in at_exchange) - known.exchanges


def _passers_on(transfers: Sequence[ShareTransfer], intermediaries: frozenset[Address]) -> frozenset[Address]:
    """Return who took shares of another, as the operator, and gave shares to an intermediary."""
    pullers = {transfer.operator for transfer in transfers if transfer.operator == transfer.receiver != transfer.sender}
    givers = {transfer.sender for transfer in transfers if transfer.receiver in intermediaries}
    return frozenset(pullers & givers)


def _account(log: Log) -> Address | None:
    return topic_address(log.topics[1]) if len(log.topics) > 1 else None


def _single(data: bytes) -> _Moved | None:
    if len(data) != _PAIR * _WORD:
        return None
    token_id, amount = words(data)
    return (token_id,), (amount,)


def _batch(data: bytes) -> _Moved | None:
    """Read two arrays; None when either does not lie within the data or their lengths differ."""
    if len(data) < _PAIR * _WORD or len(data) % _WORD:
        return None
    tokens, amounts = (_array(words(data), head) for head in (0, 1))
    return (tokens, amounts) if tokens is not None and amounts is not None and len(tokens) == len(amounts) else None


def _array(cells: list[int], head: int) -> tuple[int, ...] | None:
    """Return the dynamic array whose byte offset stands in cell `head`."""
    start, misaligned = divmod(cells[head], _WORD)
    if misaligned or start >= len(cells):
        return None
    end = start + 1 + cells[start]
    return tuple(cells[start + 1 : end]) if end <= len(cells) else None
