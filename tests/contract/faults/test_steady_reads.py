"""What is read of the state after a block, by its hash, is that block's, also while the next one is being mined."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from remora.devnet.rpc import Node
from tests.contract.faults.scene import Scene
from tests.contract.faults.test_nodes import account_of, sent

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS, READS = 60, 10
"""A read that is passed on as it is errs in about one round of ten."""

NOWHERE = "0x" + 40 * "1"


def _request(number: int, block_hash: str) -> dict[str, Any]:
    params = [NOWHERE, {"blockHash": block_hash}]
    return {"jsonrpc": "2.0", "id": number, "method": "eth_getBalance", "params": params}


async def read(socket: aiohttp.ClientWebSocketResponse, block_hash: str) -> str:
    await socket.send_json([_request(1, block_hash)])
    (answered,) = await socket.receive_json(timeout=10)
    found: str = answered["result"]
    return found


async def test_a_blocks_state_is_its_own_while_the_next_one_is_mined(scene: Scene) -> None:
    payer = await account_of(scene, 77)
    chain = scene.devnet.node
    nonce = int(await chain.call("eth_getTransactionCount", payer.address, "latest"), 16)
    async with aiohttp.ClientSession() as session, session.ws_connect(scene.devnet.endpoints.rpc_ws_url) as socket:
        for number in range(ROUNDS):
            tx_hash = await sent(chain, payer, nonce=nonce + 2 * number)
            await chain.call("evm_mine")
            block_hash = (await chain.call("eth_getTransactionReceipt", tx_hash))["blockHash"]
            held = await read(socket, block_hash)

            await sent(chain, payer, nonce=nonce + 2 * number + 1)
            mined = asyncio.create_task(_mined_in_a_moment(chain))
            assert {await read(socket, block_hash) for _ in range(READS)} == {held}
            await mined


async def _mined_in_a_moment(chain: Node) -> None:
    await asyncio.sleep(0.001)
    await chain.call("evm_mine")
