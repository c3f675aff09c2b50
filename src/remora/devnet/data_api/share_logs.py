"""The logs that tell of moves: a wallet's shares that came or left, and what the contracts say they did.

Read from the chain's own events, whoever was asked to do it: an adapter, the NegRiskAdapter, the AutoRedeemer, or
ConditionalTokens itself (polymarket.md 1.3, 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from remora.domain import contracts
from remora.domain.ids import ZERO_ADDRESS

RawLog: TypeAlias = dict[str, Any]
TRANSFERS = [contracts.TRANSFER_SINGLE, contracts.TRANSFER_BATCH]
MOVES = [contracts.POSITION_SPLIT, contracts.POSITIONS_MERGE, contracts.PAYOUT_REDEMPTION]
BURNED = contracts.CONVERSION_BURN

_WORD = 32
_CONDITION_TOPIC: Mapping[str, int] = {
    contracts.POSITION_SPLIT: 3,
    contracts.POSITIONS_MERGE: 3,
    contracts.NEG_RISK_CONVERSION: 2,
}
#: Which word of the data is the amount: of a redemption the payout.
_AMOUNT_WORD: Mapping[str, int] = {
    contracts.POSITION_SPLIT: 2,
    contracts.POSITIONS_MERGE: 2,
    contracts.PAYOUT_REDEMPTION: 2,
    contracts.NEG_RISK_CONVERSION: 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Shares that came to a wallet or left it: base units per token, all with one sign; `other` end is a topic."""

    transaction_hash: str
    index: int
    shares: Mapping[int, int]
    came: bool
    other: str

    @classmethod
    def parse(cls, log: RawLog, wallet_topic: str) -> Transfer:
        """Read a transfer of which the wallet is one end."""
        topic, _, sender, receiver = log["topics"]
        data, came = _data(log), receiver == wallet_topic
        ids, amounts = _lists(data) if topic == contracts.TRANSFER_BATCH else ([_word(data, 0)], [_word(data, 1)])
        return cls(
            transaction_hash=log["transactionHash"],
            index=int(log["logIndex"], 16),
            shares={token: amount if came else -amount for token, amount in zip(ids, amounts, strict=True)},
            came=came,
            other=sender if came else receiver,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvent:
    """What a contract says it did: the event's topic, for whom, the condition or neg-risk market, and how much."""

    transaction_hash: str
    block: str
    index: int
    topic: str
    account: str
    subject: str
    amount: int

    @classmethod
    def parse(cls, log: RawLog) -> MoveEvent:
        """Read one of `MOVES`, or a conversion of the NegRiskAdapter."""
        topics, data = log["topics"], _data(log)
        place = _CONDITION_TOPIC.get(topics[0])
        return cls(
            transaction_hash=log["transactionHash"],
            block=log["blockNumber"],
            index=int(log["logIndex"], 16),
            topic=topics[0],
            account="0x" + topics[1][26:],
            subject=topics[place] if place else "0x" + data[:_WORD].hex(),
            amount=_word(data, _AMOUNT_WORD[topics[0]]),
        )


def topic_of(address: str) -> str:
    """Return an address as an indexed topic."""
    return "0x" + address.removeprefix("0x").lower().rjust(2 * _WORD, "0")


#: Where shares come from when a wallet splits by itself, and where they go when it merges or redeems.
NOBODY = topic_of(ZERO_ADDRESS)


def _lists(data: bytes) -> tuple[list[int], list[int]]:
    return _numbers(data, _word(data, 0) // _WORD), _numbers(data, _word(data, 1) // _WORD)


def _numbers(data: bytes, start: int) -> list[int]:
    return [_word(data, start + place) for place in range(1, _word(data, start) + 1)]


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[place * _WORD : (place + 1) * _WORD])


def _data(log: RawLog) -> bytes:
    return bytes.fromhex(log["data"][2:])
