"""Gamma, the venue's catalogue: how a market is described to people (polymarket.md 3.2), remembered for a while.

Tokens that are asked for at the same time share one request, and so do all who ask for one of them. What is known is
served while it is fetched anew in the background, until it is too old to be true.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Self

import structlog

from remora.adapters.venue.outcome import content
from remora.adapters.venue.transport import Timeouts, Transport
from remora.adapters.venue.wire import Request, mapping, number, sequence, text_of
from remora.domain.contracts import is_position_id
from remora.domain.errors import Malformed, Refused, Retryable
from remora.domain.ids import TokenId
from remora.domain.ignored import Ignored
from remora.domain.market import Listing
from remora.domain.money import Collateral
from remora.ports import Clock

log = structlog.get_logger()

_MOST_TOKENS = 25
"""Tokens of one request: ids have 77 digits, and URLs of more than a few thousand characters are refused."""

_CAPACITY = 10_000
_US = 1_000_000
_IGNORED = "listing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long what Gamma said is used: `fresh_s` as it is, then while it is fetched anew, and not beyond `known_s`.

    That it has no market of a token is remembered for `unknown_s`: it may list one a moment later.
    """

    fresh_s: int = 300
    known_s: int = 3_600
    unknown_s: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    listing: Listing | None
    fetched_us: int


class Gamma:
    """Implements Listings. Made inside a running event loop; an async context manager."""

    def __init__(
        self,
        *,
        gamma_url: str,
        clock: Clock,
        ignored: Ignored,
        lifetimes: Lifetimes | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._clock = clock
        self._ignored = ignored
        self._lifetimes = lifetimes or Lifetimes()
        self._transport = Transport(gamma_url, timeouts or Timeouts())
        self._known: OrderedDict[TokenId, _Known] = OrderedDict()
        self._flights: dict[TokenId, asyncio.Future[Listing | None]] = {}
        self._waiting: dict[TokenId, asyncio.Future[Listing | None]] = {}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()
        # Without the body's error: it is not a request's, and would come out wrapped in a group.
        await self._tasks.__aexit__(None, None, None)

    async def listing(self, token_id: TokenId) -> Listing | None:
        """Return how the token's market is described; None when Gamma knows none or cannot tell it now."""
        known = self._known.get(token_id)
        if known is None or self._age_us(known) >= self._lasts_us(known):
            return await asyncio.shield(self._fetch(token_id))
        self._known.move_to_end(token_id)
        if self._age_us(known) >= self._lifetimes.fresh_s * _US:
            self._fetch(token_id)
        return known.listing

    def _age_us(self, known: _Known) -> int:
        return self._clock.now_us() - known.fetched_us

    def _lasts_us(self, known: _Known) -> int:
        return (self._lifetimes.unknown_s if known.listing is None else self._lifetimes.known_s) * _US

    def _fetch(self, token_id: TokenId) -> asyncio.Future[Listing | None]:
        flight = self._flights.get(token_id)
        if flight is None:
            flight = self._flights[token_id] = asyncio.get_running_loop().create_future()
            if not self._waiting:
                self._tasks.create_task(self._answer_waiting(), name="ask Gamma")
            self._waiting[token_id] = flight
        return flight

    async def _answer_waiting(self) -> None:
        """Ask for all tokens that are waiting by now."""
        waiting, self._waiting = self._waiting, {}
        for positions in (False, True):
            tokens = [token_id for token_id in waiting if is_position_id(token_id) is positions]
            for start in range(0, len(tokens), _MOST_TOKENS):
                chunk = tokens[start : start + _MOST_TOKENS]
                found = await self._ask(chunk, "position_ids" if positions else "clob_token_ids")
                for token_id in chunk:
                    self._answer(token_id, waiting[token_id], found)

    def _answer(
        self, token_id: TokenId, flight: asyncio.Future[Listing | None], found: Mapping[TokenId, Listing] | None
    ) -> None:
        """Remember and tell what was found; without an answer what is known stays known."""
        del self._flights[token_id]
        listing = None if found is None else found.get(token_id)
        if found is not None:
            self._known[token_id] = _Known(listing=listing, fetched_us=self._clock.now_us())
            self._known.move_to_end(token_id)
            while len(self._known) > _CAPACITY:
                self._known.popitem(last=False)
        flight.set_result(listing)

    async def _ask(self, tokens: Sequence[TokenId], name: str) -> Mapping[TokenId, Listing] | None:
        query: dict[str, str | tuple[str, ...]] = {
            name: tuple(map(str, tokens)),
            "include_tag": "true",
            "limit": str(2 * _MOST_TOKENS),
        }
        try:
            answer = await self._transport.ask(Request(method="GET", path="/markets/keyset", query=query))
            document = content(answer, now_s=self._clock.now_us() // _US)
            return {} if document is None else self._read(sequence(document, "markets"))
        except (Retryable, Refused, Malformed) as trouble:
            self._ignore(trouble)
            return None

    def _read(self, markets: Sequence[Any]) -> Mapping[TokenId, Listing]:
        found: dict[TokenId, Listing] = {}
        for market in markets:
            try:
                found |= parse_listings(market)
            except Malformed as error:
                self._ignore(error)
        return found

    def _ignore(self, trouble: Exception) -> None:
        if self._ignored.add(_IGNORED):
            log.warning("ignored", what=_IGNORED, error=str(trouble), times=self._ignored.counts()[_IGNORED])


def parse_listings(raw: Any) -> Mapping[TokenId, Listing]:
    """Read one market of Gamma's: its description, for the token of each outcome.

    Raises Malformed for a market that has not two outcomes with a token each, and for fields that are not as
    documented. Amounts are rounded down.
    """
    market = mapping(raw)
    outcomes = _texts(market, "outcomes")
    tokens = [_token(text) for text in _texts(market, "clobTokenIds") or _texts(market, "positionIds")]
    if len(tokens) != len(_PAIR) or len(outcomes) != len(_PAIR):
        raise Malformed(f"expected two outcomes with a token each, found {len(outcomes)} and {len(tokens)}")
    event = mapping((market.get("events") or [{}])[0])
    category = market.get("category") or event.get("category")
    return {
        token: Listing(
            question=text_of(market, "question"),
            outcome=outcome,
            slug=text_of(market, "slug"),
            event_slug=str(event.get("slug") or ""),
            category=str(category).lower() if category else None,
            tags=_tags(market),
            liquidity=_amount(market, "liquidityNum", "liquidity"),
            volume_24h=_amount(market, "volume24hr"),
            ends_us=_time_us(market.get("endDate")),
            opposite=tokens[1 - place],
        )
        for place, token, outcome in zip(_PAIR, tokens, outcomes, strict=True)
    }


_PAIR = (0, 1)


def _texts(market: Mapping[str, Any], key: str) -> list[str]:
    """Read a list of texts, which Gamma writes as JSON within JSON; none is an empty one."""
    found = market.get(key) or []
    try:
        texts = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        raise Malformed(f"expected a list {key!r}, found {found!r:.80}") from None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Malformed(f"expected a list of texts {key!r}, found {found!r:.80}")
    return texts


def _token(text: str) -> TokenId:
    if not text.isdecimal():
        raise Malformed(f"expected a token id, found {text!r}")
    return TokenId(int(text))


def _tags(market: Mapping[str, Any]) -> frozenset[str]:
    """Return the tags by their labels and by their slugs."""
    tags = [mapping(tag) for tag in market.get("tags") or []]
    return frozenset(str(tag[key]).lower() for tag in tags for key in ("label", "slug") if tag.get(key))


def _amount(market: Mapping[str, Any], *keys: str) -> Collateral | None:
    """Return the first of some figures that is there; Gamma's come from floats and have any number of decimals."""
    told = next((market[key] for key in keys if market.get(key) is not None), None)
    if told is None:
        return None
    try:
        return Collateral(int(Decimal(number(told)).scaleb(Collateral.decimals).to_integral_value(ROUND_FLOOR)))
    except (InvalidOperation, ValueError, OverflowError):
        raise Malformed(f"expected an amount {keys[0]!r}, found {told!r}") from None


def _time_us(told: Any) -> int | None:
    if not told:
        return None
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        raise Malformed(f"expected a time 'endDate', found {told!r}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * _US
