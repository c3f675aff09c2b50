"""Conversions: collateral that wallets split into pairs of shares, pairs that they merged, shares that they redeemed.

They go through the collateral adapters, which move pairs from or to the wallet in one TransferBatch: that log tells who
and how many, and a PayoutRedemption in the same transaction that it was a redemption.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.refusals import Refusal
from remora.devnet.data_api.deals import ROWS_PER_BLOCK
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node, Request

_TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
_PAYOUT_REDEMPTION = "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d"
_WORD = 32


class ConversionKind(StrEnum):
    """What the Data API calls it."""

    SPLIT = "SPLIT"
    MERGE = "MERGE"
    REDEEM = "REDEEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """`amount` is what was split or merged, in base units, and the shares of a redemption; `sequence` orders them."""

    sequence: int
    wallet: str
    kind: ConversionKind
    listing: Listing
    amount: int
    at_s: int
    transaction_hash: str


class Conversions:
    """Reads a wallet's conversions from the chain."""

    def __init__(self, node: Node, contracts: Contracts, listings: Listings) -> None:
        self._node = node
        self._ledger = contracts.conditional_tokens
        self._adapters = [_topic(contracts.collateral_adapter), _topic(contracts.neg_risk_adapter)]
        self._listings = listings

    async def of(self, wallet: str) -> list[Conversion]:
        """Return a wallet's conversions in the listed markets, oldest first."""
        owner = _topic(wallet)
        given, taken, redemptions = await self._node.batch(
            self._logs(topics)
            for topics in (
                [_TRANSFER_BATCH, None, self._adapters, owner],
                [_TRANSFER_BATCH, None, owner, self._adapters],
                [_PAYOUT_REDEMPTION, self._adapters],
            )
        )
        redeemed = {log["transactionHash"]: ConversionKind.REDEEM for log in redemptions}
        times = await self._times([*given, *taken])
        found = [
            Conversion(
                sequence=int(log["blockNumber"], 16) * ROWS_PER_BLOCK + int(log["logIndex"], 16),
                wallet=wallet,
                kind=kind,
                listing=listing,
                amount=amount,
                at_s=times[log["blockNumber"]],
                transaction_hash=log["transactionHash"],
            )
            for log, kind in [
                *((log, ConversionKind.SPLIT) for log in given),
                *((log, redeemed.get(log["transactionHash"], ConversionKind.MERGE)) for log in taken),
            ]
            if (listing := self._listing(log)) and (amount := max(_amounts(log)))
        ]
        return sorted(found, key=lambda conversion: conversion.at_s)

    def _logs(self, topics: list[Any]) -> Request:
        criteria = {"address": self._ledger, "fromBlock": "0x0", "toBlock": "latest", "topics": topics}
        return Request(method="eth_getLogs", params=(criteria,))

    async def _times(self, logs: Iterable[dict[str, Any]]) -> dict[str, int]:
        numbers = sorted({log["blockNumber"] for log in logs})
        blocks = await self._node.batch(
            Request(method="eth_getBlockByNumber", params=(number, False)) for number in numbers
        )
        return {number: int(block["timestamp"], 16) for number, block in zip(numbers, blocks, strict=True)}

    def _listing(self, log: dict[str, Any]) -> Listing | None:
        try:
            return self._listings.of_token(_lists(log)[0][0])
        except Refusal:
            return None


def _amounts(log: dict[str, Any]) -> list[int]:
    return _lists(log)[1]


def _lists(log: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Return the token ids and the amounts of a TransferBatch."""
    data = bytes.fromhex(log["data"][2:])
    return _numbers(data, _word(data, 0)), _numbers(data, _word(data, _WORD))


def _numbers(data: bytes, start: int) -> list[int]:
    count = _word(data, start)
    return [_word(data, start + _WORD * place) for place in range(1, count + 1)]


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + _WORD])


def _topic(address: str) -> str:
    return "0x" + address.removeprefix("0x").lower().rjust(2 * _WORD, "0")
