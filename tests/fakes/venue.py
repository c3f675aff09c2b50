"""An order book in memory that answers as it is told, and fills everything when it is told nothing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from remora.domain.errors import RemoraError, Retryable
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.market import Book, MarketInfo
from remora.domain.order import Acknowledgement, OrderReport, SignedOrder

Answer = RemoraError | str | tuple[int, int]
"""An error to raise, a status, or the making and taking of a match."""


class FakeVenue:
    """A Venue. `answers` are given once each, in order, to `submit`; after them every order is matched in full."""

    def __init__(self) -> None:
        self.markets: dict[TokenId, MarketInfo] = {}
        self.order_books: dict[TokenId, Book] = {}
        self.reports: dict[OrderHash, OrderReport] = {}
        self.resting: dict[Address, list[OrderHash]] = {}
        self.answers: deque[Answer] = deque()
        self.troubles: defaultdict[str, deque[RemoraError]] = defaultdict(deque)
        self.asked: list[str] = []
        self.submitted: list[SignedOrder] = []
        self.authenticated: list[Address] = []
        self.in_line: Callable[[SignedOrder], Awaitable[None]] | None = None
        self.before_answer: Callable[[SignedOrder], Awaitable[None]] | None = None

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.troubles[method]:
            raise self.troubles[method].popleft()

    async def authenticate(self, wallet: Address) -> None:
        self._ask("authenticate")
        self.authenticated.append(wallet)

    async def market(self, token_id: TokenId) -> MarketInfo | None:
        self._ask("market")
        return self.markets.get(token_id)

    async def book(self, token_id: TokenId) -> Book | None:
        self._ask("book")
        return self.order_books.get(token_id)

    async def books(self, token_ids: Collection[TokenId]) -> Mapping[TokenId, Book]:
        self._ask("books")
        return {token_id: self.order_books[token_id] for token_id in token_ids if token_id in self.order_books}

    async def submit(self, order: SignedOrder, *, wanted: Callable[[], bool] | None = None) -> Acknowledgement:
        if self.in_line:
            await self.in_line(order)
        if wanted is not None and not wanted():
            raise Retryable("not wanted any more", 0)
        self.submitted.append(order)
        if self.before_answer:
            await self.before_answer(order)
        answer = self.answers.popleft() if self.answers else (order.terms.maker_amount, order.terms.taker_amount)
        if isinstance(answer, RemoraError):
            raise answer
        status = answer if isinstance(answer, str) else "matched"
        making, taking = (0, 0) if isinstance(answer, str) else answer
        return Acknowledgement(order_hash=order.order_hash, status=status, making=making, taking=taking)

    async def open_orders(self, wallet: Address) -> list[OrderHash]:
        self._ask("open_orders")
        return self.resting.get(wallet, [])

    async def cancel(self, order_hash: OrderHash, wallet: Address) -> bool:  # noqa: ARG002  the port's
        self._ask("cancel")
        report = self.reports.get(order_hash)
        if report is None or report.status != "LIVE":
            return False
        self.reports[order_hash] = replace(report, status="CANCELED", pending=False)
        return True

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:  # noqa: ARG002  the port's
        self._ask("report")
        return self.reports.get(order_hash)
