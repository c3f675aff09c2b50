"""Which debts' shares are sold, and on what terms: a decided signal of remora's own for each try. Pure.

Its id is made of the debt and the number of the try, so whoever makes it again, after a restart, makes the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.domain.ids import ZERO_ADDRESS, OrderHash, TxHash, intent_id, sale_id
from remora.domain.market import MarketInfo
from remora.domain.money import BPS, ZERO_COLLATERAL, Price, mul_div_ceil
from remora.domain.order import Decision, Intent
from remora.domain.records import Debt, DebtSide
from remora.domain.signal import Role, Side, Signal, Source
from remora.domain.usage import SMALLEST_LOT

US = 1_000_000

PATIENCE_S = 60
"""How long one try may take; the next one has a price of its own."""


def is_overdue(debt: Debt, now_us: int, *, after_s: int, final_before_us: int) -> bool:
    """Tell whether a debt's shares are to be sold: the follower has owed for so long, and nothing of it is on its way.

    As when a leg is divided, no block with a refusal of it may be taken back any more: the shares could be delivered.
    """
    refused_us = debt.opened_us if debt.tried_us is None else debt.tried_us
    return (
        debt.side is DebtSide.FOLLOWER
        and now_us - debt.opened_us >= after_s * US
        and refused_us < final_before_us
        and bool(debt.legs)
        and not debt.moving
    )


def is_sellable(debt: Debt) -> bool:
    """Tell whether the venue takes so few shares: it has two decimals."""
    return debt.held >= SMALLEST_LOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a try is made by; at worst it sells `slippage_bps` below the best bid."""

    chain_id: int
    now_us: int
    market: MarketInfo
    bid: Price
    slippage_bps: int

    @property
    def limit(self) -> Price:
        """The lowest price, in whole ticks."""
        return self.market.ceil_to_tick(Price(mul_div_ceil(self.bid.units, BPS - self.slippage_bps, BPS)))


def decision(debt: Debt, terms: Terms) -> Decision:
    """Return the next try to sell all that a debt's legs hold, as a decided signal."""
    signal = _signal(debt, terms)
    intent = Intent(
        intent_id=intent_id(signal.signal_id, debt.policy_id),
        signal_id=signal.signal_id,
        policy_id=debt.policy_id,
        follower=debt.follower,
        side=Side.SELL,
        token_id=debt.token_id,
        limit=terms.limit,
        budget=ZERO_COLLATERAL,
        shares=debt.held,
        deadline_us=terms.now_us + PATIENCE_S * US,
        condition_id=terms.market.condition_id,
    )
    return Decision(signal=signal, intents=(intent,), denials=())


def _signal(debt: Debt, terms: Terms) -> Signal:
    name = sale_id(f"debt {debt.debt_id}", debt.leader, debt.token_id, debt.sales)
    return Signal(
        signal_id=name,
        chain_id=terms.chain_id,
        exchange=ZERO_ADDRESS,
        order_hash=OrderHash(name),
        tx_hash=TxHash(name),
        leader=debt.leader,
        role=Role.TAKER,
        side=Side.SELL,
        token_id=debt.token_id,
        shares=debt.held,
        collateral=terms.bid.cost_floor(debt.held),
        fee=ZERO_COLLATERAL,
        block_number=None,
        log_index=None,
        heard_us=terms.now_us,
        block_us=None,
        source=Source.OPERATOR,
    )
