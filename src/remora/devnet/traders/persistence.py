"""Deals with a venue that breaks, stalls or loses its answers, and still places every order just once.

The order is signed once and posted until there is an answer: the venue takes the same order only once, and says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from polymarket import AcceptedOrder, AsyncSecureClient, PolymarketError, SignedOrder
from polymarket.errors import RateLimitError, RequestRejectedError, TransportError, UnexpectedResponseError

from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.money import Shares

T = TypeVar("T")

PATIENCE_S = 30.0
_PAUSE_S = 0.1
#: The venue's answer to an order that it has already (devnet/clob/refusals.py has the words of polymarket.md 3.5).
_HAD_BEFORE = re.compile(r"order (0x[0-9a-f]{64}) is invalid\. Duplicated", re.IGNORECASE)
_PASSING = frozenset({425, 429})
_UNFINISHED = frozenset({"LIVE", "DELAYED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that the venue has, and whether it was matched in full at once."""

    order_id: str
    is_matched: bool


async def insist(call: Callable[[], Awaitable[T]], *, patience_s: float = PATIENCE_S) -> T:
    """Call the venue until it answers; raise Refused when it will not, OutcomeUnknown when patience ends.

    The call must be one that may be made again.
    """
    last = "no answer"
    try:
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    return await call()
                except (TransportError, UnexpectedResponseError, RateLimitError, RequestRejectedError) as error:
                    last = _worth_another_try(error)
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise OutcomeUnknown(f"the venue did not answer within {patience_s:g} s: {last}") from None


async def post(client: AsyncSecureClient, order: SignedOrder) -> Placed:
    """Post an order until the venue has it; errors are those of `insist`."""
    return await insist(lambda: _posted(client, order))


async def matched(client: AsyncSecureClient, placed: Placed, *, patience_s: float = PATIENCE_S) -> Shares | None:
    """Wait for the end of an order that is to match at once; return its shares if it was not filled in full.

    What is left of it in the book is cancelled.
    """
    if placed.is_matched:
        return None
    try:
        async with asyncio.timeout(patience_s):
            return await _ended(client, placed)
    except TimeoutError:
        raise OutcomeUnknown(f"the venue did not tell the end of {placed.order_id} within {patience_s:g} s") from None


async def _ended(client: AsyncSecureClient, placed: Placed) -> Shares | None:
    while True:
        # A venue that does not answer now is asked again until patience ends.
        with suppress(PolymarketError):
            order = await client.get_order(order_id=placed.order_id)
            if order.status == "MATCHED":
                return None
            if order.status not in _UNFINISHED:
                return Shares.parse(str(order.size_matched))
            if order.status == "LIVE":
                await client.cancel_order(order_id=placed.order_id)
        await asyncio.sleep(_PAUSE_S)


async def _posted(client: AsyncSecureClient, order: SignedOrder) -> Placed:
    try:
        response = await client.post_order(order)
    except RequestRejectedError as error:
        if had := _had_before(str(error)):
            return had
        raise
    if isinstance(response, AcceptedOrder):
        return Placed(order_id=response.order_id, is_matched=response.status == "matched")
    if had := _had_before(response.message):
        return had
    raise Refused(f"{response.code}: {response.message}")


def _had_before(message: str) -> Placed | None:
    found = _HAD_BEFORE.search(message)
    return Placed(order_id=found[1].lower(), is_matched=False) if found else None


def _worth_another_try(error: PolymarketError) -> str:
    """Return what the error says if the same call may succeed later; raise Refused otherwise."""
    if isinstance(error, RequestRejectedError) and error.status not in _PASSING and error.status < 500:  # noqa: PLR2004 - HTTP
        raise Refused(str(error))
    return str(error) or type(error).__name__
