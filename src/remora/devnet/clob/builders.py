"""The routes about builders: apps that put their code into the orders they send. A devnet's builders take no fee.

An order's code is on chain with its fill; here it finds the trades that an app brought.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from remora.devnet.clob import refusals
from remora.devnet.clob.book import PlacedOrder
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.trades import Trade
from remora.devnet.clob.units import ONE, to_text
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import answer, page, seconds

_CODE = re.compile(r"0x[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one order had of a trade, in base units."""

    order: PlacedOrder
    side: str
    shares: int
    collateral: int
    price: int
    fee: int = 0


class Builders:
    """What apps have brought."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.get("/builder/trades", self._trades),
            web.get("/fees/builder-fees/{code}", self._fees),
        ]

    async def _fees(self, request: web.Request) -> web.Response:
        if not any(_code(request.match_info["code"])):
            raise refusals.unknown_builder()
        return answer({"builder_maker_fee_rate_bps": 0, "builder_taker_fee_rate_bps": 0})

    async def _trades(self, request: web.Request) -> web.Response:
        rows = list(self._rows(_code(request.query.get("builder_code")), request.query))
        selected, following = page(rows, request.query.get("next_cursor"))
        return answer({"data": selected, "next_cursor": following, "limit": len(selected), "count": len(selected)})

    def _rows(self, code: bytes, query: Mapping[str, str]) -> Iterator[Json]:
        """Yield each order's part of each trade that the query asks for, newest first."""
        after, before = seconds(query.get("after")), seconds(query.get("before"))
        for trade in reversed(self._engine.trades.values()):
            if (after is not None and trade.matched_s < after) or (before is not None and trade.matched_s > before):
                continue
            rows = (_row(trade, part) for part in _parts(trade, code))
            yield from (row for row in rows if _fits(row, query))


def _code(text: str | None) -> bytes:
    if text is None or not _CODE.fullmatch(text):
        raise refusals.invalid_payload()
    return bytes.fromhex(text[2:])


def _fits(row: Json, query: Mapping[str, str]) -> bool:
    return all(query.get(name, row[name]) == row[name] for name in ("id", "market", "asset_id"))


def _parts(trade: Trade, code: bytes) -> Iterator[_Part]:
    """Yield the parts of a trade that orders with this code have: the taker's, and each maker's."""
    if trade.taker.request.order.builder == code:
        yield _Part(trade.taker, "TAKER", trade.shares, trade.collateral, trade.price, trade.fee)
    for fill in trade.fills:
        if fill.maker.request.order.builder == code:
            price = fill.maker.price
            yield _Part(fill.maker, "MAKER", fill.shares, fill.shares * price // ONE, price)


def _row(trade: Trade, part: _Part) -> Json:
    order, signed = part.order, part.order.request.order
    return {
        "id": trade.id,
        "tradeType": part.side,
        "takerOrderHash": trade.taker.id,
        "builder": "0x" + signed.builder.hex(),
        "market": order.listing.market.condition_id,
        "asset_id": str(signed.token_id),
        "side": signed.side.value,
        "size": to_text(part.shares),
        "sizeUsdc": to_text(part.collateral),
        "price": to_text(part.price),
        "status": f"TRADE_STATUS_{trade.status.value}",
        "outcome": order.listing.outcome(signed.token_id),
        "outcomeIndex": 0 if order.is_yes else 1,
        "owner": order.request.owner,
        "maker": signed.maker,
        "transactionHash": trade.transaction_hash,
        "matchTime": str(trade.matched_s),
        "bucketIndex": trade.bucket_index,
        "fee": to_text(part.fee),
        "feeUsdc": to_text(part.fee),
        "err_msg": None,
        "createdAt": str(trade.matched_s),
        "updatedAt": str(trade.updated_s),
    }
