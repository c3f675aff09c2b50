"""Time: chain and venue jump together, and what is over by then has ended when the answer comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from polymarket import RequestRejectedError

from tests.contract.control.scene import Scene, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def present(scene: Scene) -> AsyncIterator[None]:
    """Come back to the present after each test."""
    await scene.asked("POST", "/snapshots", {"name": "present"})
    yield
    await scene.asked("POST", "/snapshots/restore", {"name": "present"})
    await scene.asked("POST", "/snapshots/delete", {"name": "present"})


async def test_chain_and_venue_move_together(scene: Scene) -> None:
    before = await scene.asked("GET", "/time")
    after = await scene.asked("POST", "/time/advance", {"seconds": 86_400})
    assert 86_400 <= after["now_s"] - before["now_s"] < 86_460
    assert after["ahead_s"] - before["ahead_s"] in (86_399, 86_400, 86_401)
    await scene.devnet.node.call("evm_mine")
    block = await scene.devnet.node.call("eth_getBlockByNumber", "latest", False)
    assert abs(int(block["timestamp"], 16) - (await scene.asked("GET", "/time"))["now_s"]) < 30


async def test_session_keys_and_heartbeats_lapse_with_their_orders(scene: Scene) -> None:
    market = await scene.market("Do keys lapse?")
    (keyed,) = await scene.accounts(kind="session", expires_in_s=3600)
    (beating,) = await scene.accounts(kind="eoa")
    async with scene.trading(keyed) as with_key, scene.trading(beating) as alive:
        order = {"token_id": market["yes_token_id"], "side": "BUY", "price": "0.40", "size": "10"}
        of_key = accepted(await with_key.place_limit_order(**order))
        await alive.send_order_heartbeat()
        of_heart = accepted(await alive.place_limit_order(**order))
        await scene.asked("POST", "/time/advance", {"seconds": 20})
        assert (await alive.get_order(order_id=of_heart.order_id)).status == "CANCELED"
        assert (await with_key.get_order(order_id=of_key.order_id)).status == "LIVE"
        await scene.asked("POST", "/time/advance", {"seconds": 3600})
        assert (await with_key.get_order(order_id=of_key.order_id)).status == "CANCELED"
        with pytest.raises(RequestRejectedError, match="signer address"):
            await with_key.place_limit_order(**order)
        # whoever signs with the computer's time still trades
        accepted(await alive.place_limit_order(**order))


@pytest.mark.parametrize("seconds", [0, -5, "soon", 1.5, 10**9, None])
async def test_a_wrong_jump_is_refused_and_nothing_moves(scene: Scene, seconds: object) -> None:
    before = await scene.asked("GET", "/time")
    assert await scene.places("/time/advance", {"seconds": seconds}) == [["seconds"]]
    assert abs((await scene.asked("GET", "/time"))["ahead_s"] - before["ahead_s"]) <= 1
