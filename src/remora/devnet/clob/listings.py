"""The markets that the server lists, with their terms in base units, found by token, condition, slug or number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from remora.devnet.clob import refusals
from remora.devnet.clob.precision import BY_TICK, Precision
from remora.devnet.clob.units import from_text
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.generations import exchange_of
from remora.devnet.markets import slug_of
from remora.devnet.remembering import Remembering


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A market and its terms; `fee_rate` in 10^-6, `number` is Gamma's id, `listed_s` when it was opened."""

    number: int
    market: Market
    exchange: str
    tick: int
    min_shares: int
    fee_rate: int
    precision: Precision
    listed_s: int = 0

    @classmethod
    def of(cls, number: int, market: Market, contracts: Contracts, *, listed_s: int = 0) -> Listing:
        """Read a market's terms; ValueError when its tick size is none of the venue's."""
        tick = from_text(market.tick_size)
        if tick not in BY_TICK:
            raise ValueError(f"market {market.slug}: the venue has no tick size {market.tick_size}")
        return cls(
            number=number,
            market=market,
            exchange=exchange_of(contracts, market),
            tick=tick,
            min_shares=from_text(market.min_order_size),
            fee_rate=from_text(market.fee_rate),
            precision=BY_TICK[tick],
            listed_s=listed_s,
        )

    @property
    def tokens(self) -> tuple[int, int]:
        """The token ids, YES first."""
        return self.market.yes_token_id, self.market.no_token_id

    @property
    def event_title(self) -> str:
        """The title of the event that the market belongs to: its own question if it names none."""
        return self.market.event or self.market.question

    @property
    def event_slug(self) -> str:
        """The event's title as it stands in a URL."""
        return slug_of(self.event_title)

    def is_yes(self, token_id: int) -> bool:
        return token_id == self.market.yes_token_id

    def outcome(self, token_id: int) -> str:
        return "Yes" if self.is_yes(token_id) else "No"


class Listings(Remembering):
    """All listed markets."""

    remembered = ("_by_condition", "_by_token")

    def __init__(self, contracts: Contracts, now_s: Callable[[], int]) -> None:
        self._contracts = contracts
        self._now_s = now_s
        self._watchers: list[Callable[[Listing], None]] = []
        self._by_condition: dict[str, Listing] = {}
        self._by_token: dict[int, Listing] = {}

    def add(self, market: Market) -> Listing:
        """List a market; listing it again changes nothing."""
        condition = market.condition_id.lower()
        listing = self._by_condition.get(condition)
        if listing is None:
            listing = Listing.of(len(self._by_condition) + 1, market, self._contracts, listed_s=self._now_s())
            self._by_condition[condition] = listing
            self._by_token.update(dict.fromkeys(listing.tokens, listing))
            for tell in self._watchers:
                tell(listing)
        return listing

    def watch(self, tell: Callable[[Listing], None]) -> None:
        """Tell of every market that is listed from now on."""
        self._watchers.append(tell)

    def __iter__(self) -> Iterator[Listing]:
        return iter(self._by_condition.values())

    def find(self, subject: str) -> Listing | None:
        """Return the market of a condition, or the first one of a neg-risk market, if it is listed."""
        of_condition = self._by_condition.get(subject.lower())
        return of_condition or next((each for each in self if each.market.neg_risk_market_id == subject.lower()), None)

    def find_token(self, token_id: int) -> Listing | None:
        """Return the market of a token, if it is listed."""
        return self._by_token.get(token_id)

    def of_token(self, token_id: int) -> Listing:
        """Return the market of a token; refuse with 404 when there is none."""
        if (listing := self.find_token(token_id)) is None:
            raise refusals.unknown_token()
        return listing

    def of_condition(self, condition_id: str) -> Listing:
        """Return the market of a condition; refuse with 404 when there is none."""
        if (listing := self._by_condition.get(condition_id.lower())) is None:
            raise refusals.unknown_market()
        return listing
