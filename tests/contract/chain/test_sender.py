"""What becomes of a transaction: taken, known, refused or unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.devnet.accounts import MNEMONIC
from remora.devnet.anvil import CHAIN_ID, Anvil
from remora.devnet.rpc import Node
from remora.domain.contracts import Exchanges
from remora.domain.errors import OutcomeUnknown, Refused, RemoraError, Retryable
from remora.domain.ids import Address, TxHash
from remora.domain.money import Wei
from remora.domain.transaction import Call, GasPrice, SignedTransaction, Transaction
from tests.contract.chain.scripted_node import Peer, Script, scripted_node

EXCHANGE = Address("0x" + "e1" * 20)
EXCHANGES = Exchanges(standard=EXCHANGE, neg_risk=EXCHANGE, v3=EXCHANGE)
SOMEBODY = Address("0x" + "5a" * 20)
GWEI = 10**9
ANY = SignedTransaction(tx_hash=TxHash("0x" + "aa" * 32), raw=b"\x02\xc0")

signer = MnemonicSigner(MNEMONIC, chain_id=CHAIN_ID, exchanges=EXCHANGES, fleet_size=1)
payment = Transaction(
    chain_id=CHAIN_ID,
    wallet=signer.fleet[0],
    nonce=0,
    call=Call(to=SOMEBODY, data=b"", value=Wei(1), gas=21_000),
    gas_price=GasPrice(max_fee=Wei(10 * GWEI), priority_fee=Wei(GWEI)),
)


@pytest.fixture
async def sender(anvil: Anvil, node: Node) -> AsyncIterator[NodeSender]:
    """A sender to a node that mines only when it is told to."""
    await node.call("evm_setIntervalMining", 0)
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        yield NodeSender(rpc)


async def mined_payments(node: Node) -> int:
    await node.call("evm_mine")
    return int(await node.call("eth_getBalance", SOMEBODY, "latest"), 16)


async def test_a_transaction_is_mined_once_however_often_it_is_sent(sender: NodeSender, node: Node) -> None:
    signed = signer.sign_transaction(payment)
    await sender.broadcast(signed)
    await sender.broadcast(signed)
    assert await mined_payments(node) == 1
    await sender.broadcast(signed)
    assert await mined_payments(node) == 1


async def test_a_used_account_nonce_is_refused(sender: NodeSender, node: Node) -> None:
    await sender.broadcast(signer.sign_transaction(payment))
    await mined_payments(node)
    other = replace(payment, call=replace(payment.call, value=Wei(2)))
    with pytest.raises(Refused, match="nonce too low"):
        await sender.broadcast(signer.sign_transaction(other))
    assert await mined_payments(node) == 1


async def test_a_replacement_that_pays_no_more_is_refused(sender: NodeSender, node: Node) -> None:
    await sender.broadcast(signer.sign_transaction(payment))
    other = replace(payment, call=replace(payment.call, value=Wei(2)))
    with pytest.raises(Refused, match="underpriced"):
        await sender.broadcast(signer.sign_transaction(other))
    dearer = GasPrice(max_fee=Wei(20 * GWEI), priority_fee=Wei(2 * GWEI))
    await sender.broadcast(signer.sign_transaction(replace(other, gas_price=dearer)))
    assert await mined_payments(node) == 2


async def test_a_wallet_without_funds_is_refused(sender: NodeSender) -> None:
    with pytest.raises(Refused, match="Insufficient funds"):
        await sender.broadcast(signer.sign_transaction(replace(payment, wallet=signer.treasury)))


async def test_what_is_no_transaction_is_refused(sender: NodeSender) -> None:
    with pytest.raises(Refused):
        await sender.broadcast(ANY)


@asynccontextmanager
async def sending_to(script: Script, timeout_s: float = 20) -> AsyncIterator[NodeSender]:
    async with scripted_node(script) as url, RpcClient(url, timeout_s=timeout_s) as rpc:
        yield NodeSender(rpc)


async def test_a_lost_connection_leaves_the_outcome_unknown() -> None:
    async def hanging_up(peer: Peer) -> None:
        await peer.hear()
        await peer.hang_up()

    async with sending_to(hanging_up) as sender:
        with pytest.raises(OutcomeUnknown, match=ANY.tx_hash):
            await sender.broadcast(ANY)


async def test_no_answer_leaves_the_outcome_unknown() -> None:
    async with sending_to(Peer.idle, timeout_s=0.3) as sender:
        with pytest.raises(OutcomeUnknown, match="no answer to eth_sendRawTransaction"):
            await sender.broadcast(ANY)


async def test_no_connection_means_that_nothing_was_sent() -> None:
    async with RpcClient("ws://127.0.0.1:9") as rpc:
        with pytest.raises(Retryable, match="cannot reach"):
            await NodeSender(rpc).broadcast(ANY)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (429, "Too Many Requests", Retryable),
        (-32005, "project ID request rate exceeded", Retryable),
        (-32000, "txpool is full", Retryable),
        (-32603, "Internal error", OutcomeUnknown),
        (-32000, "request timed out", OutcomeUnknown),
        (-32000, "nonce too low: next nonce 8, tx nonce 7", Refused),
        (-32000, "insufficient funds for gas * price + value: have 0 want 1", Refused),
        (-32000, "replacement transaction underpriced", Refused),
        (-32000, "transaction underpriced: tip needed 25000000000, tip permitted 1", Refused),
    ],
)
async def test_what_a_node_says_about_a_transaction_that_it_does_not_have(
    code: int, words: str, kind: type[RemoraError]
) -> None:
    async def refusing(peer: Peer) -> None:
        await peer.refuse(await peer.hear(), code, words)
        await peer.answer(await peer.hear(), None)

    async with sending_to(refusing) as sender:
        with pytest.raises(RemoraError) as caught:
            await sender.broadcast(ANY)
    assert type(caught.value) is kind
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "words", ["already known", "AlreadyKnown", "transaction already imported", "Known transaction"]
)
async def test_a_transaction_in_the_pool_is_fine_by_any_name(words: str) -> None:
    async def knowing(peer: Peer) -> None:
        await peer.refuse(await peer.hear(), -32000, words)

    async with sending_to(knowing) as sender:
        await sender.broadcast(ANY)


async def test_a_refused_transaction_that_the_node_has_is_fine() -> None:
    async def having(peer: Peer) -> None:
        await peer.refuse(await peer.hear(), -32000, "nonce too low")
        request = await peer.hear()
        assert (request["method"], request["params"]) == ("eth_getTransactionByHash", [ANY.tx_hash])
        await peer.answer(request, {"hash": ANY.tx_hash})

    async with sending_to(having) as sender:
        await sender.broadcast(ANY)


async def test_a_refusal_that_cannot_be_checked_is_unknown() -> None:
    async def vanishing(peer: Peer) -> None:
        await peer.refuse(await peer.hear(), -32000, "nonce too low")
        await peer.hear()
        await peer.hang_up()

    async with sending_to(vanishing) as sender:
        with pytest.raises(OutcomeUnknown, match="refused, and then"):
            await sender.broadcast(ANY)
