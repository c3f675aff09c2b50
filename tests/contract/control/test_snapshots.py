"""Snapshots: a restored devnet is the same for the SDK's clients, however often, in whatever order, after whatever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Literal

import aiohttp
import pytest
import pytest_asyncio
from polymarket import AsyncSecureClient, RequestRejectedError

from remora.devnet.deployment import EXCHANGE_OPERATOR
from tests.contract.control.scene import PATIENCE_S, Json, Scene, U, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pit:
    """A market, a maker and a taker."""

    scene: Scene
    market: Json
    maker: AsyncSecureClient
    taker: AsyncSecureClient

    @property
    def yes(self) -> str:
        return str(self.market["yes_token_id"])

    @property
    def asset_type(self) -> Literal["CONDITIONAL", "CONDITIONAL-V2"]:
        return "CONDITIONAL" if self.market["version"] == "v1" else "CONDITIONAL-V2"

    async def rest(self, price: str, size: str = "20") -> str:
        order = await self.maker.place_limit_order(token_id=self.yes, side="SELL", price=price, size=size)
        return accepted(order).order_id

    async def take(self, amount: str) -> None:
        accepted(await self.taker.place_market_order(token_id=self.yes, side="BUY", amount=amount, max_price="0.90"))

    async def seen(self) -> Json:
        """Return what the two clients see of themselves, and what the chain says of the operator."""
        market = self.market["condition_id"]
        orders = (await self.maker.list_open_orders(market=market).first_page()).items
        trades = (await self.taker.list_account_trades(market=market).first_page()).items
        book = await self.maker.get_order_book(token_id=self.yes)
        return {
            "orders": sorted((order.id, order.price, order.size_matched, order.original_size) for order in orders),
            "trades": [(trade.id, trade.status, trade.size) for trade in trades],
            "asks": [(level.price, level.size) for level in book.asks],
            "collateral": (await self.taker.get_balance_allowance(asset_type="COLLATERAL")).balance,
            "shares": (await self.taker.get_balance_allowance(asset_type=self.asset_type, token_id=self.yes)).balance,
            "notifications": await self.maker.get_notifications(),
            "nonce": await self.scene.devnet.node.call("eth_getTransactionCount", EXCHANGE_OPERATOR.address, "latest"),
            "markets": await self.scene.asked("GET", "/markets"),
        }

    async def settled(self) -> None:
        """Wait until all trades are confirmed."""

        async def are_confirmed() -> bool:
            page = await self.taker.list_account_trades(market=self.market["condition_id"]).first_page()
            return all(trade.status == "CONFIRMED" for trade in page.items)

        await eventually(are_confirmed)


@asynccontextmanager
async def pit_of(scene: Scene, question: str, **terms: object) -> AsyncIterator[Pit]:
    market = await scene.market(question, **terms)
    (maker,) = await scene.accounts(kind="eoa", shares={market["yes_token_id"]: "1000"})
    (taker,) = await scene.accounts(kind="safe")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(scene.trading(account)) for account in (maker, taker)]
        yield Pit(scene=scene, market=market, maker=clients[0], taker=clients[1])


@pytest_asyncio.fixture(loop_scope="session")
async def clean(scene: Scene) -> AsyncIterator[None]:
    yield
    for snapshot in (await scene.asked("GET", "/snapshots"))["snapshots"]:
        await scene.asked("POST", "/snapshots/delete", {"name": snapshot["name"]})


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_two_snapshots_are_restored_in_any_order_and_trading_goes_on(scene: Scene, version: str) -> None:
    async with pit_of(scene, f"Is everything of {version} brought back?", version=version) as pit:
        await pit.rest("0.50")
        await pit.take("5")
        await pit.settled()
        first = await pit.seen()
        await scene.asked("POST", "/snapshots", {"name": "first"})
        await pit.rest("0.60")
        await pit.take("6")
        await pit.settled()
        await scene.market("Is this market forgotten?", version=version)
        second = await pit.seen()
        await scene.asked("POST", "/snapshots", {"name": "second"})
        assert [len(first["trades"]), len(second["trades"])] == [1, 2]
        for name, then in (("first", first), ("second", second), ("first", first), ("first", first)):
            await scene.asked("POST", "/snapshots/restore", {"name": name})
            assert await pit.seen() == then
            # 4.5 / 0.45 = 10 shares, on exchange V3 the 4.5 / 0.90 = 5 that were asked for, with the next nonce
            await pit.rest("0.45", "10")
            await pit.take("4.5")
            await pit.settled()
            now = await pit.seen()
            assert now["shares"] == then["shares"] + (10 if version == "v1" else 5) * U
            assert int(now["nonce"], 16) == int(then["nonce"], 16) + 1


@pytest.mark.usefixtures("clean")
async def test_a_snapshot_survives_reorgs_and_a_reorg_survives_a_restore(scene: Scene) -> None:
    async with pit_of(scene, "Does a reorg matter?") as pit:
        await pit.rest("0.50")
        await pit.take("5")
        await pit.settled()
        then = await pit.seen()
        await scene.asked("POST", "/snapshots", {"name": "before"})
        await scene.asked("POST", "/faults", {"faults": [{"fault": "reorg", "depth": 2}]})
        await scene.asked("POST", "/snapshots/restore", {"name": "before"})
        assert await pit.seen() == then
        status, answered = await scene.control("POST", "/faults", {"faults": [{"fault": "reorg", "depth": 10}]})
        assert status is HTTPStatus.BAD_REQUEST
        assert "was restored from a snapshot" in answered["problems"][0]["text"]
        for _ in range(3):
            await scene.devnet.node.call("evm_mine")
        await scene.asked("POST", "/faults", {"faults": [{"fault": "reorg", "depth": 2}]})
        await pit.take("5")
        await pit.settled()
        assert (await pit.seen())["shares"] == then["shares"] + 10 * U


@pytest.mark.usefixtures("clean")
async def test_what_was_on_its_way_to_the_chain_is_settled_after_a_restore(scene: Scene) -> None:
    async with pit_of(scene, "Is it on its way?") as pit:
        await pit.rest("0.50")
        await scene.asked("POST", "/faults", {"faults": [{"fault": "retried-trade", "seconds": 2}]})
        await pit.take("5")
        await scene.asked("POST", "/snapshots", {"name": "retrying"})
        assert [status for _, status, _ in (await pit.seen())["trades"]] in ([["RETRYING"], ["MATCHED"]])
        await scene.asked("DELETE", "/faults")
        for _ in range(2):
            await scene.asked("POST", "/snapshots/restore", {"name": "retrying"})
            await pit.settled()
            assert (await pit.seen())["shares"] == 10 * U


@pytest.mark.usefixtures("clean")
async def test_delayed_and_expiring_orders_keep_their_time(scene: Scene) -> None:
    async with pit_of(scene, "Does it wait?", seconds_delay=100) as pit:
        ask = await pit.rest("0.50")
        now_s = (await scene.asked("GET", "/time"))["now_s"]
        # It expires a minute before it says.
        due = await pit.maker.place_limit_order(
            token_id=pit.yes, side="SELL", price="0.60", size="10", expiration=now_s + 60 + 500
        )
        delayed = accepted(await pit.taker.place_limit_order(token_id=pit.yes, side="BUY", price="0.50", size="10"))
        assert delayed.status == "delayed"
        await scene.asked("POST", "/snapshots", {"name": "waiting"})
        for _ in range(2):
            await scene.asked("POST", "/time/advance", {"seconds": 110})
            await pit.settled()
            assert (await pit.seen())["shares"] == 10 * U
            assert len((await pit.seen())["orders"]) == 2
            await scene.asked("POST", "/time/advance", {"seconds": 400})
            assert [order for order, *_ in (await pit.seen())["orders"]] == [ask]
            await scene.asked("POST", "/snapshots/restore", {"name": "waiting"})
            assert abs((await scene.asked("GET", "/time"))["now_s"] - now_s) < 60
            assert (await pit.seen())["trades"] == []
        assert (await pit.maker.get_order(order_id=accepted(due).order_id)).status == "LIVE"


@pytest.mark.usefixtures("clean")
async def test_api_keys_made_since_are_gone_and_wallets_made_since_can_be_made_again(scene: Scene) -> None:
    await scene.asked("POST", "/snapshots", {"name": "empty"})
    (made,) = await scene.accounts(kind="deposit", seed=31)
    async with scene.trading(made) as client:
        await scene.asked("POST", "/snapshots/restore", {"name": "empty"})
        with pytest.raises(RequestRejectedError):
            await client.get_balance_allowance(asset_type="COLLATERAL")
        assert await scene.accounts(kind="deposit", seed=31) == [made]
        assert (await client.get_balance_allowance(asset_type="COLLATERAL")).balance == 10_000 * U


@pytest.mark.usefixtures("clean")
async def test_websocket_clients_are_disconnected(scene: Scene) -> None:
    endpoints = scene.devnet.endpoints
    await scene.asked("POST", "/snapshots", {"name": "quiet"})
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        urls = (endpoints.market_ws_url, endpoints.user_ws_url, endpoints.live_ws_url, endpoints.rpc_ws_url)
        sockets = [await stack.enter_async_context(session.ws_connect(url)) for url in urls]
        await scene.asked("POST", "/snapshots/restore", {"name": "quiet"})
        async with asyncio.timeout(PATIENCE_S):
            for socket in sockets:
                while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                    pass
        async with session.ws_connect(endpoints.rpc_ws_url) as again:
            await again.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
            assert (await again.receive_json())["result"] == hex(endpoints.chain_id)


@pytest.mark.usefixtures("clean")
async def test_who_asks_meanwhile_is_answered_a_little_later(scene: Scene) -> None:
    async with pit_of(scene, "Is anybody asking?") as pit:
        order = await pit.rest("0.50")
        await scene.asked("POST", "/snapshots", {"name": "busy"})

        async def keep_asking() -> None:
            while True:
                assert (await pit.maker.get_order(order_id=order)).status == "LIVE"
                assert (await pit.maker.get_order_book(token_id=pit.yes)).asks[0].size == Decimal(20)

        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(keep_asking()) for _ in range(3)]
            for _ in range(3):
                await scene.asked("POST", "/snapshots/restore", {"name": "busy"})
            for task in asking:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


@pytest.mark.usefixtures("clean")
async def test_names_are_listed_deleted_and_checked(scene: Scene) -> None:
    saved = (await scene.asked("POST", "/snapshots", {"name": "one.of-them_1"}))["saved"]
    assert (await scene.asked("GET", "/snapshots"))["snapshots"] == [saved]
    assert await scene.places("/snapshots", {"name": "one.of-them_1"}) == [["name"]]
    for name in ("", "a b", "../up", "x" * 65):
        assert await scene.places("/snapshots", {"name": name}) == [["name"]]
    assert await scene.places("/snapshots", {}) == [["name"]]
    assert await scene.places("/snapshots", {"name": "two", "size": 2}) == [["size"]]
    assert await scene.places("/snapshots/restore", {"name": "nobody"}) == [["name"]]
    assert (await scene.asked("POST", "/snapshots/delete", {"name": "one.of-them_1"}))["deleted"] == saved
    assert await scene.places("/snapshots/delete", {"name": "one.of-them_1"}) == [["name"]]
