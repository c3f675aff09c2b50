"""Selling out: the exits of a panic, of everything held through some policies in one token. Pure.

Each try is a signal of remora's own, whose id is made of the switch, leader, token and the number of the try: whoever
makes it again, after a restart, finds it stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remora.dispatch.halts import Halts, halt_of
from remora.domain.ids import ZERO_ADDRESS, Address, OrderHash, PolicyId, TokenId, TxHash, intent_id, sale_id
from remora.domain.market import MarketInfo
from remora.domain.money import BPS, ZERO_COLLATERAL, ZERO_SHARES, Price, Shares, mul_div_ceil
from remora.domain.order import Decision, Intent
from remora.domain.signal import Role, Side, Signal, Source
from remora.domain.switches import Halt, Switch
from remora.domain.usage import SMALLEST_LOT, Lot, Subject

SaleKey = tuple[Subject, int, Address, TokenId]

US = 1_000_000

PATIENCE_S = 60
"""How long one try may take; the next one has a price of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What a switch says to sell of one token, held through one leader."""

    switch: Switch
    leader: Address
    token_id: TokenId
    lots: tuple[Lot, ...]

    @property
    def subject(self) -> Subject:
        """Whom it concerns."""
        return self.switch.scope, self.switch.subject

    @property
    def key(self) -> SaleKey:
        """What makes it the same sale, however much of it is left."""
        return self.subject, self.switch.set_us, self.leader, self.token_id


def sales(lots: Iterable[Lot], halts: Halts) -> list[Sale]:
    """Return what is to be sold of what is held."""
    groups: defaultdict[tuple[Subject, Address, TokenId], list[Lot]] = defaultdict(list)
    for lot in lots:
        if not lot.is_sellable:
            continue
        switch = halt_of(lot.policy_id, lot.follower, lot.leader, halts)
        if switch is not None and switch.halt is Halt.PANIC:
            groups[(switch.scope, switch.subject), lot.leader, lot.token_id].append(lot)
    return [
        Sale(switch=halts[subject], leader=leader, token_id=token_id, lots=tuple(held))
        for (subject, leader, token_id), held in groups.items()
    ]


def sellable(sale: Sale, lots: Mapping[PolicyId, Shares], balances: Mapping[Address, Shares]) -> dict[PolicyId, Shares]:
    """Return what can be sold through each policy: delivered, not being sold, still there, and no dust."""
    left = dict(balances)
    chosen = {}
    for lot in sale.lots:
        here = left.get(lot.follower, ZERO_SHARES)
        shares = min(lots.get(lot.policy_id, ZERO_SHARES), here)
        if shares >= SMALLEST_LOT:
            chosen[lot.policy_id] = shares
            left[lot.follower] = here - shares
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a try is made by. `slippage_bps` is how far below the best bid each policy sells, at worst."""

    chain_id: int
    now_us: int
    market: MarketInfo
    bid: Price
    slippage_bps: Mapping[PolicyId, int]


def decision(sale: Sale, shares: Mapping[PolicyId, Shares], terms: Terms, number: int) -> Decision:
    """Return a try to sell, as a decided signal."""
    signal = _signal(sale, Shares(sum(each.units for each in shares.values())), terms, number)
    intents = tuple(
        Intent(
            intent_id=intent_id(signal.signal_id, lot.policy_id),
            signal_id=signal.signal_id,
            policy_id=lot.policy_id,
            follower=lot.follower,
            side=Side.SELL,
            token_id=sale.token_id,
            limit=_limit(terms, terms.slippage_bps[lot.policy_id]),
            budget=ZERO_COLLATERAL,
            shares=shares[lot.policy_id],
            deadline_us=terms.now_us + PATIENCE_S * US,
            condition_id=terms.market.condition_id,
        )
        for lot in sale.lots
        if lot.policy_id in shares
    )
    return Decision(signal=signal, intents=intents, denials=())


def _limit(terms: Terms, slippage_bps: int) -> Price:
    return terms.market.ceil_to_tick(Price(mul_div_ceil(terms.bid.units, BPS - slippage_bps, BPS)))


def _signal(sale: Sale, shares: Shares, terms: Terms, number: int) -> Signal:
    switch = sale.switch
    name = sale_id(f"{switch.scope} {switch.subject} {switch.set_us}", sale.leader, sale.token_id, number)
    return Signal(
        signal_id=name,
        chain_id=terms.chain_id,
        exchange=ZERO_ADDRESS,
        order_hash=OrderHash(name),
        tx_hash=TxHash(name),
        leader=sale.leader,
        role=Role.TAKER,
        side=Side.SELL,
        token_id=sale.token_id,
        shares=shares,
        collateral=terms.bid.cost_floor(shares),
        fee=ZERO_COLLATERAL,
        block_number=None,
        log_index=None,
        heard_us=terms.now_us,
        block_us=None,
        source=Source.OPERATOR,
    )
