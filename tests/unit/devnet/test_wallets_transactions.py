"""The relayer takes one request of a wallet at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from remora.devnet.clob.refusals import Refusal
from remora.devnet.relayer.batches import Batch, Counter
from remora.devnet.relayer.transactions import State, Transactions
from remora.devnet.rpc import Node
from remora.domain.ids import Address

WALLET, OTHER = "0x" + "aa" * 20, "0x" + "bb" * 20


class SlowNode(Node):
    """A node that answers when it is told to, and on which every wallet is at nonce 0."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.sent = 0

    async def call(self, method: str, *_: Any) -> Any:
        await self.may_answer.wait()
        match method:
            case "eth_sendTransaction":
                self.sent += 1
                return f"0x{self.sent:064x}"
            case "eth_getTransactionReceipt":
                return None
            case _:
                return "0x00"

    async def view(self, contract: Address, data: bytes) -> bytes:
        assert contract
        assert data
        return bytes(32)


def batch(wallet: str) -> Batch:
    return Batch(wallet=wallet, nonce=0, calls=(), counter=Counter.of_wallet(wallet), to=wallet, data=b"")


async def test_a_wallet_whose_request_is_being_worked_on_is_busy() -> None:
    node = SlowNode()
    transactions = Transactions(node)
    first = asyncio.create_task(transactions.execute(batch(WALLET)))
    await asyncio.sleep(0)
    with pytest.raises(Refusal, match=f"wallet busy: {WALLET} has an active action"):
        await transactions.execute(batch(WALLET))
    other = asyncio.create_task(transactions.execute(batch(OTHER)))
    node.may_answer.set()
    assert {(await first).hash, (await other).hash} == {f"0x{1:064x}", f"0x{2:064x}"}
    assert (await transactions.progress_of(await first)).state is State.EXECUTED
    with pytest.raises(Refusal, match="wallet has in-flight action"):
        await transactions.execute(batch(WALLET))


async def test_a_batch_of_another_nonce_is_told_the_one_on_chain() -> None:
    node = SlowNode()
    node.may_answer.set()
    late = Batch(wallet=WALLET, nonce=7, calls=(), counter=Counter.of_wallet(WALLET), to=WALLET, data=b"")
    with pytest.raises(Refusal, match="batch nonce 7 does not match on-chain nonce 0"):
        await Transactions(node).execute(late)
