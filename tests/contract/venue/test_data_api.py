"""The public history: rows of real trades equal what is on the chain, and what is not as documented is said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from remora.adapters.venue.data_api import DataApi
from remora.domain.errors import Malformed, Retryable
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import Collateral
from remora.domain.signal import Side
from tests.contract.venue.conftest import LoopbackVenue, SystemClock

TRADES = "GET /v2/trades"
FIXTURE = Path(__file__).parents[2] / "fixtures/polygon/data_api_vs_chain_block_93506126.json"
CAPTURED: list[dict[str, Any]] = json.loads(FIXTURE.read_text())["rows"]
LEADER = Address("0x" + 40 * "1")


def row(captured: dict[str, Any], at_s: int = 1_788_964_222) -> dict[str, Any]:
    """Return a captured trade as the history writes it."""
    return {
        "proxy_wallet": captured["wallet"],
        "side": captured["side"],
        "token_id": captured["token"],
        "size": captured["api_size"],
        "price": captured["api_price"],
        "transaction_hash": captured["tx"],
        "timestamp": at_s,
        "title": "whatever else the venue says",
    }


def page(rows: list[Any], next_cursor: str | None = None) -> dict[str, Any]:
    return {"data": rows, "pagination": {"has_more": next_cursor is not None, "next_cursor": next_cursor}}


@pytest_asyncio.fixture
async def history(loopback: LoopbackVenue) -> AsyncIterator[DataApi]:
    async with DataApi(data_url=loopback.url, clock=SystemClock()) as api:
        yield api


@pytest.mark.parametrize("captured", CAPTURED, ids=lambda captured: captured["tx"][:10])
async def test_a_real_row_says_what_the_chain_says(
    history: DataApi, loopback: LoopbackVenue, captured: dict[str, Any]
) -> None:
    loopback.answers(TRADES, page([row(captured)]))
    (trade,) = await history.trades(LEADER, 0)
    side, _, making, taking, _ = captured["chain_values"]
    collateral, shares = (making, taking) if side == 0 else (taking, making)
    assert (trade.wallet, trade.tx_hash) == (Address(captured["wallet"]), TxHash(captured["tx"]))
    assert trade.side is (Side.BUY if side == 0 else Side.SELL)
    assert trade.token_id == TokenId(int(captured["token"]))
    assert trade.traded_s == 1_788_964_222
    # The history rounds its size to a hundredth and its price to a few digits.
    assert abs(trade.shares.units - shares) <= 5_000
    assert abs(trade.price.cost_floor(trade.shares).units - collateral) <= collateral // 100


async def test_pages_are_followed_and_the_oldest_trade_comes_first(history: DataApi, loopback: LoopbackVenue) -> None:
    pages = {"": page([row(CAPTURED[0], 30), row(CAPTURED[0], 20)], "20-1"), "20-1": page([row(CAPTURED[0], 10)])}

    async def handler(request: web.Request) -> web.Response:
        return web.json_response(pages[request.query.get("cursor", "")])

    loopback.handlers[TRADES] = handler
    assert [trade.traded_s for trade in await history.trades(LEADER, 5)] == [10, 20, 30]
    first, second = loopback.requests(TRADES)
    assert first.query == {"user": LEADER, "taker_only": "false", "start": "5", "limit": "500"}
    assert second.query == {**first.query, "cursor": "20-1"}


@pytest.mark.parametrize(("rows", "expected"), [([], False), ([row(CAPTURED[0])], True)])
async def test_who_never_traded_is_told(
    history: DataApi, loopback: LoopbackVenue, rows: list[Any], expected: bool
) -> None:
    loopback.answers(TRADES, page(rows))
    assert await history.has_traded(LEADER) is expected


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"side": "HOLD"}, "expected a side BUY or SELL, found 'HOLD'"),
        ({"size": "many"}, "expected a decimal number 'size', found 'many'"),
        ({"size": "Infinity"}, "expected a decimal number 'size'"),
        ({"token_id": "-1"}, "expected a whole number 'token_id', found '-1'"),
        ({"timestamp": None}, "expected a number"),
        ({"transaction_hash": "0x12"}, "expected 0x and 64 hex digits"),
        ({"proxy_wallet": "nobody"}, "expected an address"),
    ],
)
async def test_a_row_that_is_not_as_documented_is_told(
    history: DataApi, loopback: LoopbackVenue, change: dict[str, Any], says: str
) -> None:
    loopback.answers(TRADES, page([row(CAPTURED[0]) | change]))
    with pytest.raises(Malformed, match=says):
        await history.trades(LEADER, 0)


@pytest.mark.parametrize(
    ("value", "expected"), [(0, "0"), (12, "12"), (12.5, "12.5"), (1e-7, "0"), (7.9999999, "7.999999")]
)
async def test_what_shares_are_worth_is_rounded_down(
    history: DataApi, loopback: LoopbackVenue, value: float, expected: str
) -> None:
    loopback.answers("GET /v2/value", {"data": {"proxy_wallet": LEADER, "value": value}})
    assert await history.positions_value(LEADER) == Collateral.parse(expected)
    assert [heard.query for heard in loopback.heard] == [{"user": LEADER}]


@pytest.mark.parametrize("answer", [[], {}, {"data": None}, {"data": {}}, {"data": {"value": "much"}}])
async def test_a_value_that_cannot_be_read_is_malformed(history: DataApi, loopback: LoopbackVenue, answer: Any) -> None:
    loopback.answers("GET /v2/value", answer)
    with pytest.raises(Malformed):
        await history.positions_value(LEADER)


@pytest.mark.parametrize("status", [404, 429, 500])
async def test_a_history_that_cannot_answer_is_asked_again(
    history: DataApi, loopback: LoopbackVenue, status: int
) -> None:
    loopback.answers(TRADES, {"error": "no"}, status)
    with pytest.raises(Retryable):
        await history.trades(LEADER, 0)
