"""ClobVenue: the port `Venue` over the REST API of Polymarket's central limit order book (polymarket.md 3).

Made for the moment between a signal and its orders: what does not change is made ahead, markets are remembered,
connections are kept warm, and an order costs one POST.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any, Self

from remora.adapters.venue.accounts import Accounts
from remora.adapters.venue.auth import Account, DigestSigner
from remora.adapters.venue.books import books_request, parse_book, parse_books
from remora.adapters.venue.limits import OrderLimits
from remora.adapters.venue.markets import MarketCache
from remora.adapters.venue.outcome import acknowledgement, content, retry_delay_s
from remora.adapters.venue.reports import (
    ListedOrder,
    TradePart,
    order_report,
    parse_listed_order,
    parse_open_orders,
    parse_trades,
)
from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Request, cancel_body, order_body, parse_condition, parse_market, sequence
from remora.domain.errors import OutcomeUnknown, Retryable
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.market import Book, MarketInfo
from remora.domain.order import Acknowledgement, OrderReport, SignedOrder
from remora.domain.signal import Side
from remora.ports import Clock

_TOO_MANY_REQUESTS = 429
_MOST_PAGES = 100
_MOST_BOOKS = 100


class ClobVenue:
    """The order book, as its accounts see it. Made inside a running event loop; an async context manager."""

    def __init__(
        self, *, clob_url: str, signer: DigestSigner, chain_id: int, clock: Clock, timeouts: Timeouts | None = None
    ) -> None:
        self._clock = clock
        self._transport = Transport(clob_url, timeouts or Timeouts())
        self._limits = OrderLimits(clock)
        self._markets = MarketCache(self._fetch_market, clock)
        self._accounts = Accounts(signer=signer, chain_id=chain_id, clock=clock, ask=self._transport.ask)
        self._unproven: dict[OrderHash, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; what is still on its way fails."""
        await self._transport.close()

    async def warm(self, connections: int) -> None:
        """Open so many connections ahead of a burst; they stay open for half a minute of silence."""
        await self._transport.warm(connections, Request(method="GET", path="/time"))

    async def authenticate(self, wallet: Address) -> None:
        """Make the wallet's API key, or derive the one it has already; the key stays in memory.

        Raises Refused with the venue's words, Retryable when the venue cannot be reached or is busy.
        """
        await self._accounts.authenticate(wallet)

    async def market(self, token_id: TokenId) -> MarketInfo | None:
        """Return what the venue knows of the token's market, not older than ten minutes; None when it knows none."""
        return await self._markets.get(token_id)

    def forget_market(self, token_id: TokenId) -> None:
        """Ask for the token's market anew when it is needed next: its tick has changed."""
        self._markets.forget(token_id)

    async def book(self, token_id: TokenId) -> Book | None:
        """Return the book as it is now, best prices first; None when the venue has none for the token."""
        raw = await self._read(Request(method="GET", path="/book", query={"token_id": str(token_id)}))
        return None if raw is None else parse_book(raw)

    async def books(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        """Return the books of many tokens as they are now; those that the venue has none of are left out."""
        wanted, found = sorted(token_ids), dict[TokenId, Book]()
        for start in range(0, len(wanted), _MOST_BOOKS):
            raw = await self._read(books_request(wanted[start : start + _MOST_BOOKS]))
            found |= {} if raw is None else parse_books(raw)
        return found

    async def submit(self, order: SignedOrder, *, wanted: Callable[[], bool] | None = None) -> Acknowledgement:
        """Post an order, once, when the limits allow, exits before entries; the amounts acknowledged are provisional.

        Raises what `outcome.acknowledgement` raises, Retryable when no connection could be made, when the limits
        would hold the order back too long, when it is not `wanted` any more, or when the wallet's API key had to be
        made anew, OutcomeUnknown when the answer was lost.
        """
        async with self._accounts.lent(order.terms.maker) as account:
            await self._limits.admit(order.terms.maker, urgent=order.terms.side is Side.SELL)
            if wanted is not None and not wanted():
                raise Retryable("the order was not wanted any more when its turn came", 0)
            try:
                return await self._post(order, account)
            except OutcomeUnknown:
                self._unproven[order.order_hash] = account.owner
                raise

    async def _post(self, order: SignedOrder, account: Account) -> Acknowledgement:
        body = order_body(order, owner=account.owner)
        answer = await self._transport.send(account.sign("POST", "/order", body=body, timestamp_s=self._now_s()))
        if answer.status == _TOO_MANY_REQUESTS:
            self._limits.back_off(order.terms.maker, retry_delay_s(answer, now_s=self._now_s()))
        return acknowledgement(answer, order, now_s=self._now_s())

    async def cancel(self, order_hash: OrderHash, wallet: Address) -> bool:
        """Take an order out of the book; False when it is not in there. It does no harm to ask again."""
        body = cancel_body(order_hash)
        async with self._accounts.lent(wallet) as account:
            answer = await self._read(account.sign("DELETE", "/order", body=body, timestamp_s=self._now_s()))
        return answer is not None and order_hash in sequence(answer, "canceled")

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:
        """Return what listing and trades say of an order of the wallet; None when neither knows it.

        The venue does not list every order that was filled at once, so what is not listed is looked for in the
        wallet's trades. It writes both with some delay: None soon after a submit is no proof yet. Retryable when
        neither knows one that was sent under an earlier API key: the venue may show it to that key only.
        """
        async with self._accounts.lent(wallet) as account:
            raw = await self._read(self._signed(account, f"/data/order/{order_hash}"))
            listed = parse_listed_order(raw)
            report = order_report(order_hash, listed, await self._trades(account, order_hash, listed))
        if report is None and self._unproven.get(order_hash, account.owner) != account.owner:
            raise Retryable("the order was sent under an earlier API key, and may be shown to that only")
        if report is not None:
            self._unproven.pop(order_hash, None)
        return report

    async def open_orders(self, wallet: Address) -> list[OrderHash]:
        async with self._accounts.lent(wallet) as account:
            return await self._open_orders(account)

    async def _open_orders(self, account: Account) -> list[OrderHash]:
        query, found = dict[str, str](), list[OrderHash]()
        for _ in range(_MOST_PAGES):
            orders, cursor = parse_open_orders(await self._read(self._signed(account, "/data/orders", query)))
            found += orders
            if cursor is None:
                return found
            query = {"next_cursor": cursor}
        raise Retryable(f"the wallet's open orders fill more than {_MOST_PAGES} pages")

    async def _trades(self, account: Account, order_hash: OrderHash, listed: ListedOrder | None) -> list[TradePart]:
        if listed is not None and listed.trade_ids:
            pages = [await self._pages(account, order_hash, {"id": trade_id}) for trade_id in listed.trade_ids]
            return [part for page in pages for part in page]
        if listed is not None and not listed.matched:
            return []
        return await self._pages(account, order_hash, {})

    async def _pages(self, account: Account, order_hash: OrderHash, query: dict[str, str]) -> list[TradePart]:
        found: list[TradePart] = []
        for _ in range(_MOST_PAGES):
            raw = await self._read(self._signed(account, "/data/trades", query))
            parts, cursor = parse_trades(raw, order_hash)
            found += parts
            if cursor is None:
                return found
            query = {**query, "next_cursor": cursor}
        raise Retryable(f"the wallet's trades fill more than {_MOST_PAGES} pages")

    async def _fetch_market(self, token_id: TokenId) -> MarketInfo | None:
        found = await self._read(Request(method="GET", path=f"/markets-by-token/{token_id}"))
        if found is None:
            return None
        condition_id = parse_condition(found)
        raw = await self._read(Request(method="GET", path=f"/clob-markets/{condition_id}"))
        return None if raw is None else parse_market(raw, condition_id=condition_id, token_id=token_id)

    async def _read(self, request: Request) -> Any | None:
        return content(await self._transport.ask(request), now_s=self._now_s())

    def _signed(self, account: Account, path: str, query: dict[str, str] | None = None) -> Request:
        return account.sign("GET", path, query=query, timestamp_s=self._now_s())

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000
