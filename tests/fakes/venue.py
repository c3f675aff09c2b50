"""An order book in memory that answers as it is told, and fills everything when it is told nothing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from remora.domain.errors import RemoraError
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.market import MarketInfo, Quote
from remora.domain.order import Acknowledgement, OrderReport, SignedOrder

Answer = RemoraError | str | tuple[int, int]
"""An error to raise, a status, or the making and taking of a match."""


class FakeVenue:
    """A Venue. `answers` are given once each, in order, to `submit`; after them every order is matched in full."""

    def __init__(self) -> None:
        self.markets: dict[TokenId, MarketInfo] = {}
        self.quotes: dict[TokenId, Quote] = {}
        self.reports: dict[OrderHash, OrderReport] = {}
        self.answers: deque[Answer] = deque()
        self.troubles: defaultdict[str, deque[RemoraError]] = defaultdict(deque)
        self.asked: list[str] = []
        self.submitted: list[SignedOrder] = []
        self.authenticated: list[Address] = []
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

    async def quote(self, token_id: TokenId) -> Quote | None:
        self._ask("quote")
        return self.quotes.get(token_id)

    async def submit(self, order: SignedOrder) -> Acknowledgement:
        self.submitted.append(order)
        if self.before_answer:
            await self.before_answer(order)
        answer = self.answers.popleft() if self.answers else (order.terms.maker_amount, order.terms.taker_amount)
        if isinstance(answer, RemoraError):
            raise answer
        status = answer if isinstance(answer, str) else "matched"
        making, taking = (0, 0) if isinstance(answer, str) else answer
        return Acknowledgement(order_hash=order.order_hash, status=status, making=making, taking=taking)

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:  # noqa: ARG002  the port's
        self._ask("report")
        return self.reports.get(order_hash)
