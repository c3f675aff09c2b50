"""Turns captured trades into deeds on markets that stand for theirs, as near as the venue's ticks and decimals allow.

Every market's tick is the coarsest on which its captured prices lie. Shares come in hundredths; a purchase can name
its collateral in cents instead, which often comes nearer. What had to be rounded is told, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from remora.devnet.markets import MarketTerms
from remora.devnet.scenario.captured import Capture, Captured, Note
from remora.devnet.scenario.deeds import Step, Trade
from remora.devnet.scenario.format import ReplayEntry
from remora.devnet.traders.outcome import Outcome
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Price, Shares
from remora.domain.signal import Side

_TICKS = (Decimal("0.01"), Decimal("0.001"), Decimal("0.0001"))
_UNIT, _CENT = Decimal("0.000001"), Decimal("0.01")
_LEAST_RESTING = 5
"""The shares that an order needs to name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMarket:
    """A devnet market that stands for a captured one; `tokens` says which captured token is which outcome."""

    terms: MarketTerms
    tick: int
    tokens: dict[str, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Captured trades, ready to be played; `wallets` are whom the leaders from `first_leader` on stand for."""

    entry: ReplayEntry
    first_leader: int
    wallets: tuple[Address, ...]
    markets: dict[str, ReplayMarket]
    steps: tuple[Step, ...]
    notes: tuple[Note, ...]


def replay_of(entry: ReplayEntry, capture: Capture, *, first_leader: int, first_market: int) -> Replay:
    """Return the trades of a capture as steps of leaders and markets numbered from these on."""
    notes = list(capture.left_out)
    chosen = [trade for trade in capture.trades if entry.wallets is None or trade.wallet in entry.wallets]
    if entry.identical_rows == "drop":
        chosen = _distinct(chosen, notes)
    names = {key: f"replay-{n}" for n, key in enumerate(dict.fromkeys(t.market for t in chosen), start=first_market)}
    markets = {names[key]: _market(names[key], [t for t in chosen if t.market == key]) for key in names}
    wallets = tuple(dict.fromkeys(trade.wallet for trade in chosen))
    timed = sorted(chosen, key=lambda trade: trade.at_ms)
    steps = []
    for trade in timed:
        leader, name = first_leader + wallets.index(trade.wallet), names[trade.market]
        deed = _fitted(trade, leader, name, markets[name], notes)
        if deed is not None:
            steps.append(Step(at_ms=_moment(entry, trade, timed[0]), deed=deed))
    return Replay(
        entry=entry,
        first_leader=first_leader,
        wallets=wallets,
        markets=markets,
        steps=tuple(steps),
        notes=tuple(sorted(notes, key=lambda note: note.row)),
    )


def _distinct(trades: Iterable[Captured], notes: list[Note]) -> list[Captured]:
    """Leave out trades that are like an earlier one in all but their row."""
    seen: dict[tuple[object, ...], int] = {}
    kept = []
    for trade in trades:
        key = (trade.wallet, trade.token, trade.side, trade.price, trade.size, trade.at_ms)
        if key in seen:
            notes.append(Note(row=trade.row, text=f"left out, it is identical to row {seen[key]}"))
        else:
            kept.append(trade)
            seen[key] = trade.row
    return kept


def _market(name: str, trades: Sequence[Captured]) -> ReplayMarket:
    tick = next((tick for tick in _TICKS if all(_lies_on(tick, trade.price) for trade in trades)), _TICKS[-1])
    tokens: dict[str, Outcome] = {}
    for trade in trades:
        if trade.token not in tokens:
            hint = trade.outcome or Outcome.YES
            tokens[trade.token] = _other(hint) if hint in tokens.values() else hint
    title = trades[0].title or f"token {trades[0].token[:12]}"
    return ReplayMarket(
        terms=MarketTerms(question=f"{title} ({name})", tick_size=str(tick)),
        tick=int(tick / _UNIT),
        tokens=tokens,
    )


def _lies_on(tick: Decimal, price: Decimal) -> bool:
    """Tell whether a price is on a tick; captured ones are quotients, rounded at the sixth decimal or later."""
    return price.quantize(_UNIT, ROUND_HALF_EVEN) % tick == 0


def _other(outcome: Outcome) -> Outcome:
    return Outcome.NO if outcome is Outcome.YES else Outcome.YES


def _fitted(trade: Captured, leader: int, name: str, market: ReplayMarket, notes: list[Note]) -> Trade | None:
    tick = Decimal(market.tick) * _UNIT
    price = min(max((trade.price / tick).to_integral_value(ROUND_HALF_EVEN) * tick, tick), 1 - tick)
    shares, spend = _sized(trade, price)
    takes = trade.side is Side.SELL or spend is not None or (shares >= _LEAST_RESTING and shares * price >= 1)
    if not shares:
        notes.append(Note(row=trade.row, text=f"left out, {trade.size} shares are less than an order can have"))
        return None
    if price != trade.price.quantize(_UNIT, ROUND_HALF_EVEN):
        notes.append(Note(row=trade.row, text=f"price {trade.price} becomes {price.normalize():f}"))
    if shares != trade.size:
        notes.append(Note(row=trade.row, text=f"size {trade.size} becomes {shares.normalize():f}"))
    return Trade(
        leader=leader,
        market=name,
        outcome=market.tokens[trade.token],
        side=trade.side,
        price=Price(int(price / _UNIT)),
        shares=Shares(int(shares / _UNIT)),
        spend=None if spend is None else Collateral(int(spend / _UNIT)),
        rests=not takes,
    )


def _sized(trade: Captured, price: Decimal) -> tuple[Decimal, Decimal | None]:
    """Return the shares nearest to the captured ones that an order can be for, and what it names to spend, if so."""
    hundredths = trade.size.quantize(_CENT, ROUND_HALF_EVEN)
    if trade.side is Side.SELL:
        return hundredths, None
    spend = (price * trade.size).quantize(_CENT, ROUND_HALF_EVEN)
    bought = (spend / price).quantize(_UNIT, ROUND_FLOOR)
    if spend < 1 or abs(hundredths - trade.size) <= abs(bought - trade.size):
        return hundredths, None
    return bought, spend


def _moment(entry: ReplayEntry, trade: Captured, first: Captured) -> int:
    if entry.speed is None:
        return entry.start_ms
    return entry.start_ms + int((trade.at_ms - first.at_ms) / entry.speed)


def largest_order(steps: Iterable[Step]) -> Shares:
    """Return the largest trade among steps."""
    sizes = [step.deed.shares.units for step in steps if isinstance(step.deed, Trade)]
    return Shares(max(sizes, default=ONE))
