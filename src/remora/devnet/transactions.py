"""Transactions of anybody, signed by nobody: the devnet's set-up acts as any account, thousands at a time.

anvil takes unsigned transactions from every sender (`--auto-impersonate`). They are pipelined in batches with
explicit nonces, and blocks are mined on the spot, so that a set-up step does not wait for the block interval.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from remora.devnet.rpc import Node, Request
from remora.domain.errors import Refused
from remora.domain.ids import Address

#: A fixed price above any base fee that the devnet reaches spares a look-up per transaction.
_GAS_PRICE = hex(100 * 10**9)
#: anvil 1.5.1 takes time in proportion to the block's transactions for each receipt: 7 ms at 3000, 0.3 at 250.
_ACTS_PER_BLOCK = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a sender does: calldata for a contract, or the creation of one where `to` is None."""

    sender: Address
    to: Address | None
    data: bytes
    gas: int = 400_000


async def transact(node: Node, acts: Sequence[Act]) -> list[dict[str, Any]]:
    """Mine the acts, each sender's in the given order, and return their receipts as the node sends them.

    Raise `Refused` when one of them cannot be sent or reverts; the others may have happened.
    """
    nonces = await _next_nonces(node, {act.sender for act in acts})
    receipts: list[dict[str, Any]] = []
    for start in range(0, len(acts), _ACTS_PER_BLOCK):
        chunk = acts[start : start + _ACTS_PER_BLOCK]
        hashes = await node.batch(_send(act, next(nonces[act.sender])) for act in chunk)
        receipts.extend(await _mined(node, hashes))
    for act, receipt in zip(acts, receipts, strict=True):
        if int(receipt["status"], 16) != 1:
            raise Refused(f"{act.data[:4].hex()} of {act.sender} to {act.to} reverted")
    return receipts


async def _next_nonces(node: Node, senders: set[Address]) -> dict[Address, Iterator[int]]:
    ordered = sorted(senders)
    counts = await node.batch(
        Request(method="eth_getTransactionCount", params=(sender, "pending")) for sender in ordered
    )
    return {sender: itertools.count(int(count, 16)) for sender, count in zip(ordered, counts, strict=True)}


def _send(act: Act, nonce: int) -> Request:
    transaction = {
        "from": act.sender,
        "data": "0x" + act.data.hex(),
        "nonce": hex(nonce),
        "gas": hex(act.gas),
        "gasPrice": _GAS_PRICE,
        **({"to": act.to} if act.to is not None else {}),
    }
    return Request(method="eth_sendTransaction", params=(transaction,))


async def _mined(node: Node, hashes: Sequence[str]) -> list[dict[str, Any]]:
    receipts: dict[str, dict[str, Any]] = {}
    while missing := [tx_hash for tx_hash in hashes if tx_hash not in receipts]:
        await node.call("evm_mine")
        answers = await node.batch(
            Request(method="eth_getTransactionReceipt", params=(tx_hash,)) for tx_hash in missing
        )
        receipts.update({answer["transactionHash"]: answer for answer in answers if answer is not None})
    return [receipts[tx_hash] for tx_hash in hashes]
