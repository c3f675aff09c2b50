"""The JSON-RPC client against nodes that behave and nodes that don't."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from eth_utils.crypto import keccak

from remora.adapters.chain.connection import Feed
from remora.adapters.chain.jsonrpc import AnswerLost, NodeError, Request
from remora.adapters.chain.rpc import RpcClient
from remora.devnet.anvil import Anvil
from remora.domain.errors import OperatorError, RemoraError, Retryable
from tests.contract.chain.relay import relaying
from tests.contract.chain.scripted_node import Peer, scripted_node


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_call_and_a_batch_against_a_node(anvil: Anvil) -> None:
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        assert await rpc.call("eth_chainId") == "0x7a69"
        texts = [f"request {number}".encode() for number in range(1201)]
        hashes = await rpc.batch(Request(method="web3_sha3", params=(f"0x{text.hex()}",)) for text in texts)
        assert hashes == [f"0x{keccak(text).hex()}" for text in texts]


async def test_a_batch_fails_with_the_first_of_its_errors(anvil: Anvil) -> None:
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        with pytest.raises(NodeError) as caught:
            await rpc.batch([Request(method="eth_chainId"), Request(method="eth_getBlockByNumber", params=("never",))])
        assert caught.value.code == -32602
        assert await rpc.call("eth_chainId") == "0x7a69"


async def test_one_socket_carries_many_requests_at_once_without_delay(anvil: Anvil) -> None:
    async with relaying(port_of(anvil.rpc_ws_url)) as relay, RpcClient(relay.url) as rpc:
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(rpc.call("eth_chainId")) for _ in range(100)]
        assert {call.result() for call in calls} == {"0x7a69"}
        assert relay.connections == 1


async def test_small_requests_are_not_held_back(anvil: Anvil) -> None:
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        await rpc.call("eth_chainId")
        assert rpc._connection
        raw = rpc._connection._socket.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_answers_find_their_requests_in_any_order() -> None:
    async def backwards(peer: Peer) -> None:
        first, second = await peer.hear(), await peer.hear()
        await peer.answer(second, "second")
        await peer.answer(first, "first")
        batch = await peer.hear()
        await peer.say([{"jsonrpc": "2.0", "id": each["id"], "result": each["method"]} for each in reversed(batch)])
        await peer.idle()

    async with scripted_node(backwards) as url, RpcClient(url) as rpc:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(rpc.call("one"))
            second = tasks.create_task(rpc.call("two"))
        assert (first.result(), second.result()) == ("first", "second")
        assert await rpc.batch([Request(method=name) for name in "abc"]) == ["a", "b", "c"]


async def test_batches_above_500_are_split() -> None:
    sizes = []

    async def counting(peer: Peer) -> None:
        while True:
            frame = await peer.hear()
            batch = frame if isinstance(frame, list) else [frame]
            sizes.append(len(batch))
            await peer.say([{"jsonrpc": "2.0", "id": each["id"], "result": each["params"][0]} for each in batch])

    async with scripted_node(counting) as url, RpcClient(url) as rpc:
        requests = (Request(method="echo", params=(number,)) for number in range(1001))
        assert await rpc.batch(requests) == list(range(1001))
    assert sizes == [500, 500, 1]


async def test_no_requests_are_no_frame(anvil: Anvil) -> None:
    async with relaying(port_of(anvil.rpc_ws_url)) as relay, RpcClient(relay.url) as rpc:
        assert await rpc.batch([]) == []
        assert relay.connections == 0


async def test_a_cut_connection_fails_who_waits_and_the_next_call_reconnects(anvil: Anvil) -> None:
    async with relaying(port_of(anvil.rpc_ws_url)) as relay, RpcClient(relay.url) as rpc:
        await rpc.call("eth_chainId")
        relay.freeze()
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(failure_of(rpc)) for _ in range(3)]
            await asyncio.sleep(0.05)
            relay.cut()
        assert {type(call.result()) for call in waiting} == {AnswerLost}
        relay._flowing.set()
        assert await rpc.call("eth_chainId") == "0x7a69"
        assert relay.connections == 2


async def failure_of(rpc: RpcClient) -> RemoraError | None:
    try:
        await rpc.call("eth_chainId")
    except RemoraError as error:
        return error
    return None


async def test_a_slow_answer_is_given_up_and_ignored_when_it_comes() -> None:
    async def slow(peer: Peer) -> None:
        first = await peer.hear()
        second = await peer.hear()
        await peer.answer(first, "late")
        await peer.answer(second, "in time")
        await peer.idle()

    async with scripted_node(slow) as url, RpcClient(url, timeout_s=1) as rpc:
        with pytest.raises(AnswerLost, match=r"no answer to one within 1 s"):
            await rpc.call("one")
        assert await rpc.call("two") == "in time"


async def test_a_half_open_connection_is_noticed_by_its_heartbeat(anvil: Anvil) -> None:
    async with (
        relaying(port_of(anvil.rpc_ws_url)) as relay,
        RpcClient(relay.url, heartbeat_s=0.2, timeout_s=30) as rpc,
        rpc.subscribed(["newHeads"]) as feed,
    ):
        relay.freeze()
        started = time.monotonic()
        with pytest.raises(Retryable, match="connection was lost"):
            await drained(feed)
        assert time.monotonic() - started < 10  # requests would wait for 30


@pytest.mark.parametrize(
    "nonsense",
    [{"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "batch too large"}}, 7, {"id": "1"}],
)
async def test_an_answer_to_nobody_gives_up_the_connection(nonsense: Any) -> None:
    async def confused(peer: Peer) -> None:
        request = await peer.hear()
        if request["method"] == "confuse":
            await peer.say(nonsense)
        else:
            await peer.answer(request, "well")
        await peer.idle()

    async with scripted_node(confused) as url, RpcClient(url) as rpc:
        with pytest.raises(AnswerLost, match="expected an answer or a notification"):
            await rpc.call("confuse")
        assert await rpc.call("talk") == "well"


async def test_what_is_no_json_gives_up_the_connection() -> None:
    async def babbling(peer: Peer) -> None:
        await peer.hear()
        await peer.socket.send_str("<html>502 Bad Gateway</html>")
        await peer.idle()

    async with scripted_node(babbling) as url, RpcClient(url) as rpc:
        with pytest.raises(AnswerLost):
            await rpc.call("anything")


async def test_a_notification_right_behind_the_answer_is_not_missed() -> None:
    async def eager(peer: Peer) -> None:
        await peer.answer(await peer.hear(), "0xabc")
        await peer.say(notification("0xabc", "first"))
        await peer.say(notification("0xother", "of somebody else"))
        await peer.say(notification("0xabc", "second"))
        await peer.idle()

    async with scripted_node(eager) as url, RpcClient(url) as rpc, rpc.subscribed(["newHeads"]) as feed:
        assert [await feed.next(), await feed.next()] == [(0, "first"), (0, "second")]


def notification(subscription: str, payload: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": subscription, "result": payload},
    }


async def test_who_reads_too_slowly_loses_the_feed_and_nothing_else() -> None:
    async def flooding(peer: Peer) -> None:
        await peer.answer(await peer.hear(), "0xabc")
        for number in range(6):
            await peer.say(notification("0xabc", number))
        await peer.answer(await peer.hear(), "still here")
        await peer.idle()

    async with (
        scripted_node(flooding) as url,
        RpcClient(url, feed_limit=4) as rpc,
        rpc.subscribed(["newHeads"]) as feed,
    ):
        assert await rpc.call("anything") == "still here"
        assert [(await feed.next())[1] for _ in range(4)] == [0, 1, 2, 3]
        with pytest.raises(Retryable, match="more than 4 notifications"):
            await feed.next()


async def test_leaving_a_subscription_ends_it_at_the_node(anvil: Anvil) -> None:
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        async with rpc.subscribed(["newHeads"], ["newHeads"]) as feed:
            await feed.next()
        assert rpc._connection
        assert not rpc._connection._subscribers
        assert await rpc.call("eth_chainId") == "0x7a69"


async def test_nobody_listening_is_retryable_and_sends_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/secret-key"
        async with RpcClient(url) as rpc:
            with pytest.raises(Retryable, match="cannot reach the node at 127") as caught:
                await rpc.call("eth_chainId")
            assert not isinstance(caught.value, AnswerLost)
            assert "secret-key" not in everything_said(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, OperatorError), (403, OperatorError), (404, OperatorError), (429, Retryable), (503, Retryable)],
)
async def test_a_denied_handshake_tells_whom_it_concerns(status: int, kind: type[RemoraError]) -> None:
    async with scripted_node(Peer.idle, status=status) as url, RpcClient(url) as rpc:
        with pytest.raises(kind, match=f"HTTP {status}") as caught:
            await rpc.call("eth_chainId")
        assert "secret-key" not in everything_said(caught.value)
        assert "secret-key" not in repr(rpc)


@pytest.mark.parametrize("url", ["http://node/secret-key", "secret-key", "ws://", "ws://[secret-key", ""])
def test_a_url_that_is_none_is_refused_unseen(url: str) -> None:
    with pytest.raises(OperatorError, match="must begin with ws:// or wss://") as caught:
        RpcClient(url)
    assert "secret-key" not in str(caught.value)


async def test_errors_of_the_body_leave_the_client_as_they_are(anvil: Anvil) -> None:
    with pytest.raises(OperatorError, match="as it is"):
        await fail_while_connected(anvil.rpc_ws_url)


async def fail_while_connected(url: str) -> None:
    async with RpcClient(url) as rpc:
        await rpc.call("eth_chainId")
        raise OperatorError("as it is")


async def drained(feed: Feed) -> None:
    async with asyncio.timeout(20):
        while True:
            await feed.next()


def everything_said(error: BaseException) -> str:
    """Return what a log would show of an error: it and its causes, but no suppressed context."""
    following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return repr(error) + (everything_said(following) if following else "")
