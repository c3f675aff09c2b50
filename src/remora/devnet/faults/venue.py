"""Faults of the order-book server's HTTP API (polymarket.md 3.4, 3.5)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from remora.devnet.faults.fault import Lasting
from remora.devnet.faults.occasion import Occasion

PLACEMENTS = frozenset({"POST /order", "POST /orders"})
_BOOKS = frozenset({"GET /book", "POST /books"})
_ORDER = '"orderType"'
_POST_ONLY_ORDER = '"postOnly":true'


class ErrorBefore(Lasting):
    """The venue answers 500 and has done nothing."""

    name: ClassVar[str] = "error-before"


class ErrorAfter(Lasting):
    """The venue does what was asked, then answers 500."""

    name: ClassVar[str] = "error-after"


class DropBefore(Lasting):
    """The connection breaks before the venue has done anything."""

    name: ClassVar[str] = "drop-before"


class DropAfter(Lasting):
    """The venue does what was asked, then the connection breaks without an answer."""

    name: ClassVar[str] = "drop-after"


class TimeoutAfter(Lasting):
    """The venue does what was asked, then is silent until the client gives up."""

    name: ClassVar[str] = "timeout-after"

    hold_s: float = Field(default=60, gt=0, le=600, description="the connection breaks after so many seconds")


class Restarting(Lasting):
    """The matching engine restarts: 425 with Retry-After."""

    name: ClassVar[str] = "restarting"

    retry_after_s: int = Field(default=1, ge=0, le=3600, description="what Retry-After says")


class RateLimited(Lasting):
    """Too many requests: 429 with Retry-After."""

    name: ClassVar[str] = "rate-limited"

    retry_after_s: int = Field(default=1, ge=0, le=3600, description="what Retry-After says")


class PostOnly(Lasting):
    """Orders that are not post-only are refused with 503."""

    name: ClassVar[str] = "post-only"

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether an order that is not post-only would be placed."""
        text = occasion.text.replace(" ", "")
        return (
            occasion.endpoint in PLACEMENTS
            and text.count(_POST_ONLY_ORDER) < text.count(_ORDER)
            and super().matches(occasion)
        )


class CancelOnly(Lasting):
    """All orders are refused with 503; cancels pass."""

    name: ClassVar[str] = "cancel-only"

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether an order would be placed."""
        return occasion.endpoint in PLACEMENTS and super().matches(occasion)


class NullHashes(Lasting):
    """An accepted order is answered with `transactionsHashes: null`, at which the official SDK fails."""

    name: ClassVar[str] = "null-hashes"

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether an order is placed."""
        return occasion.endpoint in PLACEMENTS and super().matches(occasion)


class StaleBook(Lasting):
    """Books stay as they were first asked for, over HTTP; over WebSocket their changes are not sent."""

    name: ClassVar[str] = "stale-book"

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether a book is asked for, or a change of one is sent."""
        is_change = occasion.endpoint == "/ws/market" and '"price_changes"' in occasion.text
        return (is_change or occasion.endpoint in _BOOKS) and super().matches(occasion)
