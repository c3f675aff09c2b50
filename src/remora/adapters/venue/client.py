"""ClobVenue: the port `Venue` over the REST API of Polymarket's central limit order book (polymarket.md 3).

Made for the moment between a signal and its orders: what does not change is made ahead, markets are remembered,
connections are kept warm, and an order costs one POST.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from remora.adapters.venue.auth import Account, DigestSigner, l1_headers, parse_api_key
from remora.adapters.venue.limits import OrderLimits
from remora.adapters.venue.markets import MarketCache
from remora.adapters.venue.outcome import acknowledgement, content
from remora.adapters.venue.reports import ListedOrder, TradePart, order_report, parse_listed_order, parse_trades
from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Request, order_body, parse_condition, parse_market, parse_quote
from remora.domain.errors import OperatorError, Refused, Retryable
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.market import MarketInfo, Quote
from remora.domain.order import Acknowledgement, OrderReport, SignedOrder
from remora.ports import Clock

_BAD_REQUEST = 400
_MOST_PAGES = 100


class ClobVenue:
    """The order book, as its accounts see it. Made inside a running event loop; an async context manager."""

    def __init__(
        self, *, clob_url: str, signer: DigestSigner, chain_id: int, clock: Clock, timeouts: Timeouts | None = None
    ) -> None:
        self._signer = signer
        self._chain_id = chain_id
        self._clock = clock
        self._transport = Transport(clob_url, timeouts or Timeouts())
        self._limits = OrderLimits(clock)
        self._markets = MarketCache(self._fetch_market, clock)
        self._accounts: dict[Address, Account] = {}

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
        headers = l1_headers(self._signer, wallet, chain_id=self._chain_id, timestamp_s=self._now_s())
        answer = await self._transport.ask(Request(method="POST", path="/auth/api-key", headers=headers))
        if answer.status == _BAD_REQUEST:
            answer = await self._transport.ask(Request(method="GET", path="/auth/derive-api-key", headers=headers))
        found = content(answer, now_s=self._now_s())
        if found is None:
            raise Refused("the venue has no API keys at this address")
        self._accounts[wallet] = Account(wallet, parse_api_key(found))

    async def market(self, token_id: TokenId) -> MarketInfo | None:
        """Return what the venue knows of the token's market, not older than ten minutes; None when it knows none."""
        return await self._markets.get(token_id)

    async def quote(self, token_id: TokenId) -> Quote | None:
        """Return the best prices as they are now; None when the venue has no book for the token."""
        raw = await self._read(Request(method="GET", path="/book", query={"token_id": str(token_id)}))
        return None if raw is None else parse_quote(raw)

    async def submit(self, order: SignedOrder) -> Acknowledgement:
        """Post an order, once, when the limits allow; the amounts acknowledged are provisional.

        Raises what `outcome.acknowledgement` raises, Retryable when no connection could be made or when the limits
        would hold the order back too long, OutcomeUnknown when the answer was lost.
        """
        account = self._account(order.terms.maker)
        await self._limits.admit(order.terms.maker)
        body = order_body(order, owner=account.owner)
        answer = await self._transport.send(account.sign("POST", "/order", body=body, timestamp_s=self._now_s()))
        return acknowledgement(answer, order, now_s=self._now_s())

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:
        """Return what listing and trades say of an order of the wallet; None when neither knows it.

        The venue does not list every order that was filled at once, so what is not listed is looked for in the
        wallet's trades. It writes both with some delay: None soon after a submit is no proof yet.
        """
        account = self._account(wallet)
        raw = await self._read(self._signed(account, f"/data/order/{order_hash}"))
        listed = parse_listed_order(raw)
        return order_report(order_hash, listed, await self._trades(account, order_hash, listed))

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

    def _account(self, wallet: Address) -> Account:
        account = self._accounts.get(wallet)
        if account is None:
            raise OperatorError(f"wallet {wallet} has no API key: authenticate it first")
        return account

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000
