"""Why a transaction is, or is not, a trade of a wallet: every log either is a fill or has a reason why not.

The wallet's trades are the fills of its own orders. What is left is named by the event, by whether its contract is
known, and for transfers of shares by what they belong to; each name comes with a sentence for people. What moved the
wallet's shares without being a trade is told with its amounts: together with the fills that is all that became of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remora.detect.calldata import NotAMatch
from remora.detect.decode import exact_fills_by_log, repetitions, topic_address
from remora.detect.transfers import MOVES, TRANSFERS, Scene, decode_transfer, scene_of
from remora.domain import contracts
from remora.domain.chain import Log, Receipt
from remora.domain.contracts import Contracts
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import Shares
from remora.domain.signal import Fill


class NoTrade(StrEnum):
    """Why a log is no trade of the wallet. The values are shown, and are the JSON's reasons."""

    TRANSFER = "transfer"
    SPLIT = "split"
    MERGE = "merge"
    CONVERSION = "conversion"
    REDEMPTION = "redemption"
    COUNTERPARTY = "only a counterparty"
    UNKNOWN_CONTRACT = "unknown contract"
    SPOOF = "spoofed token"
    OTHER_WALLET = "fill of another wallet"
    DELIVERY = "delivery leg of a trade"
    SUMMARY = "match summary"
    FEE = "fee"
    COLLATERAL_TRANSFER = "collateral transfer"
    COLLATERAL_WRAP = "collateral wrap"
    FOREIGN_TRANSFER = "token transfer"
    NATIVE_TRANSFER = "native coin transfer"
    APPROVAL = "approval"
    MARKET_EVENT = "market event"
    MALFORMED = "malformed log"
    REMOVED = "removed log"
    REPEATED = "repeated log"
    REVERTED = "reverted transaction"
    UNKNOWN_EVENT = "unknown event"


SENTENCES: Mapping[NoTrade, str] = {
    NoTrade.TRANSFER: "shares moved between accounts without an exchange; nothing was bought or sold",
    NoTrade.SPLIT: "collateral became a set of both outcomes; no side was taken",
    NoTrade.MERGE: "a set of both outcomes became collateral again; no side was taken",
    NoTrade.CONVERSION: "shares became other shares of equal worth; nothing was bought or sold",
    NoTrade.REDEMPTION: "shares of a resolved market were paid out; nothing was sold",
    NoTrade.COUNTERPARTY: "the wallet is on the other side of somebody else's order; its own order has its own log",
    NoTrade.UNKNOWN_CONTRACT: "the log claims to be the venue's, but its address is no known contract of the venue",
    NoTrade.SPOOF: "the tokens that moved are of no known position ledger; anybody can emit such a log",
    NoTrade.OTHER_WALLET: "the order that filled belongs to another wallet",
    NoTrade.DELIVERY: "the shares moved because orders matched; the fills say what was traded",
    NoTrade.SUMMARY: "the exchange repeats the taker's order of the match",
    NoTrade.FEE: "the exchange announces a fee; the fill it belongs to states it",
    NoTrade.COLLATERAL_TRANSFER: "collateral moved: a payment, a fee or a refund",
    NoTrade.COLLATERAL_WRAP: "collateral was wrapped or unwrapped",
    NoTrade.FOREIGN_TRANSFER: "a token moved that is neither a position nor known collateral",
    NoTrade.NATIVE_TRANSFER: "the chain's native coin moved, such as gas fees",
    NoTrade.APPROVAL: "an account allowed another to move its tokens",
    NoTrade.MARKET_EVENT: "a market was prepared, registered or resolved",
    NoTrade.MALFORMED: "the log's topics or data do not fit its event",
    NoTrade.REMOVED: "a reorganisation took the log back",
    NoTrade.REPEATED: "the same log stands above",
    NoTrade.REVERTED: "the transaction failed, so nothing in it happened",
    NoTrade.UNKNOWN_EVENT: "the event says nothing about trades",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredLog:
    """A log that is no fill of the wallet, and why. `log_index` is None when the source lacks it, as calldata does.

    `concerns_wallet` says that the log names the wallet as one of its parties.
    """

    log_index: int | None
    reason: NoTrade | NotAMatch
    concerns_wallet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMove:
    """Shares of one token that came to the wallet, or left it (negative), by one log and otherwise than by a trade.

    `reason` is TRANSFER, SPLIT, MERGE, CONVERSION or REDEMPTION; `ledger` is the contract that keeps the shares,
    `other` the account at the other end. What came and what left in one conversion are moves of their own, and so are
    both outcomes of a split or merge.
    """

    reason: NoTrade
    ledger: Address
    other: Address
    token_id: TokenId
    shares: Shares
    log_index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a wallet traded, a row per log, and why the other logs are no trades of it, in the order of the logs.

    `moves` are the shares that moved for some of these reasons; a log of a batch has a row per token.
    """

    fills: tuple[Fill, ...]
    ignored: tuple[IgnoredLog, ...]
    moves: tuple[ShareMove, ...] = ()


def explain_receipt(receipt: Receipt, wallet: Address, known: Contracts) -> Explanation:
    """Explain a whole transaction to the wallet. A reverted one has no fills, whatever logs it is said to have."""
    if receipt.succeeded:
        return explain(receipt.logs, wallet, known, complete=True)
    indexes = [log.log_index for log in receipt.logs] or [None]
    reverted = (IgnoredLog(log_index=index, reason=NoTrade.REVERTED, concerns_wallet=False) for index in indexes)
    return Explanation(fills=(), ignored=tuple(reverted))


def explain(logs: Sequence[Log], wallet: Address, known: Contracts, *, complete: bool) -> Explanation:
    """Explain logs, of one or many transactions, to the wallet; `complete` as for `exact_fills`.

    The wallet's fills are those whose order it owns; an order that fills several times has several rows.
    """
    fills = exact_fills_by_log(logs, known.exchanges, complete=complete)
    repeated = repetitions(logs)
    scenes = _scenes(logs, wallet, known)
    own: list[Fill] = []
    ignored: list[IgnoredLog] = []
    moves: list[ShareMove] = []
    for position, (log, fill) in enumerate(zip(logs, fills, strict=True)):
        if fill is not None and fill.wallet == wallet:
            own.append(fill)
            continue
        if log.removed:
            reason = NoTrade.REMOVED
        elif position in repeated:
            reason = NoTrade.REPEATED
        elif fill is not None:
            reason = _not_own(fill, wallet)
        else:
            reason = _reason(log, position, scenes[log.tx_hash], known)
        concerns_wallet = wallet in map(topic_address, log.topics[1:])
        ignored.append(IgnoredLog(log_index=log.log_index, reason=reason, concerns_wallet=concerns_wallet))
        moves += _moves(log, reason, wallet)
    return Explanation(fills=tuple(own), ignored=tuple(ignored), moves=tuple(moves))


_MOVING = frozenset({NoTrade.TRANSFER, NoTrade.SPLIT, NoTrade.MERGE, NoTrade.CONVERSION, NoTrade.REDEMPTION})


def _moves(log: Log, reason: NoTrade, wallet: Address) -> Iterator[ShareMove]:
    """Yield what a transfer for one of these reasons brought the wallet or took from it; nothing for another log."""
    transfer = decode_transfer(log) if reason in _MOVING else None
    if transfer is None or transfer.sender == transfer.receiver or wallet not in (transfer.sender, transfer.receiver):
        return
    came = transfer.receiver == wallet
    for token_id, amount in zip(transfer.token_ids, transfer.amounts, strict=True):
        if amount:
            yield ShareMove(
                reason=reason,
                ledger=log.address,
                other=transfer.sender if came else transfer.receiver,
                token_id=TokenId(token_id),
                shares=Shares(amount if came else -amount),
                log_index=log.log_index,
            )


def explain_calldata(seen: tuple[Fill, ...] | NotAMatch, wallet: Address) -> Explanation:
    """Explain to the wallet what a transaction will trade, unless it reverts: a row per log that it will leave."""
    if isinstance(seen, NotAMatch):
        return Explanation(fills=(), ignored=(IgnoredLog(log_index=None, reason=seen, concerns_wallet=False),))
    return Explanation(
        fills=tuple(fill for fill in seen if fill.wallet == wallet),
        ignored=tuple(
            IgnoredLog(log_index=None, reason=_not_own(fill, wallet), concerns_wallet=fill.counterparty == wallet)
            for fill in seen
            if fill.wallet != wallet
        ),
    )


def _not_own(fill: Fill, wallet: Address) -> NoTrade:
    return NoTrade.COUNTERPARTY if fill.counterparty == wallet else NoTrade.OTHER_WALLET


_EXCHANGE_EVENTS: Mapping[str, NoTrade] = {
    contracts.ORDER_FILLED: NoTrade.MALFORMED,
    contracts.ORDER_FILLED_V1: NoTrade.MALFORMED,
    contracts.ORDERS_MATCHED: NoTrade.SUMMARY,
    contracts.ORDERS_MATCHED_V1: NoTrade.SUMMARY,
    contracts.FEE_CHARGED: NoTrade.FEE,
    contracts.FEE_CHARGED_V1: NoTrade.FEE,
}
"""What an exchange's event is when it decodes to no fill."""

_OTHER_EVENTS: Mapping[str, NoTrade] = {
    contracts.APPROVAL: NoTrade.APPROVAL,
    contracts.APPROVAL_FOR_ALL: NoTrade.APPROVAL,
    contracts.COLLATERAL_WRAPPED: NoTrade.COLLATERAL_WRAP,
    contracts.COLLATERAL_UNWRAPPED: NoTrade.COLLATERAL_WRAP,
    contracts.NATIVE_TRANSFER: NoTrade.NATIVE_TRANSFER,
    contracts.NATIVE_FEE: NoTrade.NATIVE_TRANSFER,
    contracts.CONDITION_PREPARATION: NoTrade.MARKET_EVENT,
    contracts.CONDITION_RESOLUTION: NoTrade.MARKET_EVENT,
    contracts.MODULE_RESOLUTION: NoTrade.MARKET_EVENT,
}
"""Events that are no trade whoever emits them."""


def _scenes(logs: Sequence[Log], wallet: Address, known: Contracts) -> dict[TxHash | None, Scene]:
    transactions: defaultdict[TxHash | None, list[tuple[int, Log]]] = defaultdict(list)
    for position, log in enumerate(logs):
        transactions[log.tx_hash].append((position, log))
    return {tx_hash: scene_of(placed, wallet, known) for tx_hash, placed in transactions.items()}


def _reason(log: Log, position: int, scene: Scene, known: Contracts) -> NoTrade:
    """Return why a log that makes no fill is none."""
    topic = log.topics[0] if log.topics else ""
    if topic in _EXCHANGE_EVENTS:
        return _EXCHANGE_EVENTS[topic] if log.address in known.exchanges else NoTrade.UNKNOWN_CONTRACT
    if topic in TRANSFERS:
        return _transfer_reason(log, position, scene, known)
    if topic in MOVES:
        return NoTrade(MOVES[topic]) if log.address in scene.movers else NoTrade.UNKNOWN_CONTRACT
    if topic == contracts.TRANSFER:
        return NoTrade.COLLATERAL_TRANSFER if log.address in known.collaterals else NoTrade.FOREIGN_TRANSFER
    return _OTHER_EVENTS.get(topic, NoTrade.UNKNOWN_EVENT)


def _transfer_reason(log: Log, position: int, scene: Scene, known: Contracts) -> NoTrade:
    if log.address not in known.ledgers:
        return NoTrade.SPOOF
    transfer = decode_transfer(log)
    return NoTrade.MALFORMED if transfer is None else NoTrade(scene.meaning(transfer, position))
