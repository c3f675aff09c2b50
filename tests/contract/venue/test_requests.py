"""Which requests the client makes, and which it spares."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from remora.adapters.venue.client import ClobVenue
from remora.domain.errors import Retryable
from remora.domain.ids import Address, ConditionId, TokenId, TxHash
from remora.domain.market import MarketInfo
from remora.domain.money import Price, Shares
from remora.domain.order import Acknowledgement, OrderReport, SignedOrder
from tests.contract.venue.conftest import LoopbackVenue

CONDITION = ConditionId("0x" + 64 * "c")
TOKEN = TokenId(71321)
OTHER = "0x" + 64 * "b"


def list_market(loopback: LoopbackVenue) -> None:
    loopback.answers(f"GET /markets-by-token/{TOKEN}", {"condition_id": CONDITION})
    loopback.answers(f"GET /clob-markets/{CONDITION}", b'{"mts":0.001,"mos":5,"nr":true,"fd":{"r":0.04,"e":1}}')


async def test_an_order_costs_one_post(venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder) -> None:
    answer = {"success": True, "errorMsg": "", "orderID": order.order_hash, "status": "matched"}
    loopback.answers("POST /order", {**answer, "makingAmount": "4.5", "takingAmount": "9"})
    loopback.heard.clear()
    assert await venue.submit(order) == Acknowledgement(
        order_hash=order.order_hash, status="matched", making=4_500_000, taking=9_000_000
    )
    (posted,) = loopback.heard
    assert posted.headers["Content-Type"] == "application/json"
    assert json.loads(posted.body)["order"]["signature"] == "0x" + order.signature.hex()


async def test_an_order_that_is_not_wanted_any_more_when_its_turn_comes_costs_none(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder
) -> None:
    loopback.heard.clear()
    with pytest.raises(Retryable) as refused:
        await venue.submit(order, wanted=lambda: False)
    assert refused.value.delay_s == 0
    assert loopback.heard == []


async def test_a_market_costs_two_requests_however_many_ask(venue: ClobVenue, loopback: LoopbackVenue) -> None:
    list_market(loopback)
    loopback.heard.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(venue.market(TOKEN)) for _ in range(20)]
    assert [task.result() for task in asking] == [
        MarketInfo(
            condition_id=CONDITION,
            token_id=TOKEN,
            tick=Price(1_000),
            min_order_size=Shares(5_000_000),
            neg_risk=True,
            fee_rate_units=40_000,
        )
    ] * 20
    assert [heard.path for heard in loopback.heard] == [f"/markets-by-token/{TOKEN}", f"/clob-markets/{CONDITION}"]


async def test_an_unknown_token_has_no_market_and_no_book(venue: ClobVenue) -> None:
    assert await venue.market(TOKEN) is None
    assert await venue.book(TOKEN) is None


async def test_a_book_asks_every_time(venue: ClobVenue, loopback: LoopbackVenue) -> None:
    loopback.answers("GET /book", {"bids": [{"price": "0.5", "size": "1"}], "asks": [], "timestamp": "1795368118133"})
    for _ in range(2):
        book = await venue.book(TOKEN)
        assert book is not None
        assert (book.best_bid, book.best_ask) == (Price(500_000), None)
    assert [heard.query for heard in loopback.requests("GET /book")] == [{"token_id": str(TOKEN)}] * 2


TX = TxHash("0x" + 64 * "c")


def trade(trade_id: str, order_hash: str, size: str, status: str = "TRADE_STATUS_CONFIRMED") -> dict[str, object]:
    return {
        "id": trade_id,
        "taker_order_id": order_hash,
        "size": size,
        "status": status,
        "maker_orders": [],
        "transaction_hash": TX,
    }


async def test_a_listed_order_is_reported_with_its_trades(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder, wallet: Address
) -> None:
    trades = {"t1": trade("t1", order.order_hash, "3"), "t2": trade("t2", order.order_hash, "2", "FAILED")}
    listing = {"status": "MATCHED", "size_matched": "5", "associate_trades": list(trades)}
    loopback.answers(f"GET /data/order/{order.order_hash}", listing)

    async def by_id(request: web.Request) -> web.Response:
        page = {"data": [trades[request.query["id"]]], "next_cursor": "LTE="}
        return web.json_response(page)

    loopback.handlers["GET /data/trades"] = by_id
    assert await venue.report(order.order_hash, wallet) == OrderReport(
        order_hash=order.order_hash,
        status="MATCHED",
        matched=Shares(3_000_000),
        failed=Shares(2_000_000),
        tx_hashes=(TX,),
        pending=False,
    )


async def test_an_order_that_is_listed_no_more_is_found_among_the_wallets_trades(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder, wallet: Address
) -> None:
    pages = {
        None: {"data": [trade("t1", OTHER, "9"), trade("t2", order.order_hash, "4")], "next_cursor": "MTAw"},
        "MTAw": {"data": [trade("t3", order.order_hash, "1.5", "MINED")], "next_cursor": "LTE="},
    }
    loopback.answers(f"GET /data/order/{order.order_hash}", b"null")

    async def paged(request: web.Request) -> web.Response:
        return web.json_response(pages[request.query.get("next_cursor")])

    loopback.handlers["GET /data/trades"] = paged
    assert await venue.report(order.order_hash, wallet) == OrderReport(
        order_hash=order.order_hash,
        status="MATCHED",
        matched=Shares(5_500_000),
        failed=Shares(0),
        tx_hashes=(TX,),
        pending=True,
    )


@pytest.mark.parametrize(("status", "body"), [(404, b'{"error":"order not found"}'), (200, b"null")])
async def test_an_order_neither_listed_nor_traded_is_none(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder, wallet: Address, *, status: int, body: bytes
) -> None:
    loopback.answers(f"GET /data/order/{order.order_hash}", body, status)
    loopback.answers("GET /data/trades", {"data": [trade("t1", OTHER, "9")], "next_cursor": "LTE="})
    assert await venue.report(order.order_hash, wallet) is None


async def test_trades_that_cannot_be_read_prove_nothing(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder, wallet: Address
) -> None:
    loopback.answers(f"GET /data/order/{order.order_hash}", b"null")
    loopback.answers("GET /data/trades", b"", 503)
    with pytest.raises(Retryable):
        await venue.report(order.order_hash, wallet)


async def test_pages_without_end_prove_nothing(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder, wallet: Address
) -> None:
    loopback.answers("GET /data/trades", {"data": [], "next_cursor": "MTAw"})
    with pytest.raises(Retryable):
        await venue.report(order.order_hash, wallet)


async def test_warm_connections_are_kept_for_orders(
    venue: ClobVenue, loopback: LoopbackVenue, order: SignedOrder
) -> None:
    ports: dict[str, set[int]] = {"/time": set(), "/order": set()}

    async def slowly(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports[request.path].add(request.transport.get_extra_info("peername")[1])
        await asyncio.sleep(0.1)
        return web.json_response({"success": False, "errorMsg": "invalid nonce"})

    loopback.handlers |= {"GET /time": slowly, "POST /order": slowly}
    await venue.warm(8)
    await asyncio.gather(*(venue.submit(order) for _ in range(8)), return_exceptions=True)
    assert len(ports["/time"]) == 8
    assert ports["/order"] == ports["/time"]
