"""The run report and the verdict: everything copied that should have been, and books that equal the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remora.adapters.store.figures import Figures, percentile
from remora.devnet.demo.books import Holdings
from remora.devnet.demo.cast import Cast
from remora.devnet.demo.performance import Audit
from remora.domain import ledger
from remora.domain.order import IntentState

US_PER_MS = 1000


def run_report(
    figures: Figures, cast: Cast, found: Holdings, fleet: Mapping[str, int], *, books_balanced: bool
) -> dict[str, Any]:
    """Return the report; amounts are base units as decimal strings, times milliseconds."""
    return {
        "signals": figures.signals,
        "intents": figures.intents.total(),
        "denials": dict(sorted(figures.denials.items())),
        "orders": figures.orders,
        "fills": figures.fills,
        "settled": figures.settled,
        "debts": {
            "opened": figures.debts_opened,
            "recovered": figures.debts_recovered,
            "outstanding": figures.debts_opened - figures.debts_recovered,
        },
        "fleet": dict(fleet),
        "gas_per_leg": figures.gas_per_leg,
        "latency_ms": {stage: _percentiles(samples) for stage, samples in figures.latency_us.items()},
        "books_balanced": books_balanced,
        "followers": [_follower(follower.wallet, found) for follower in cast.followers],
    }


def shortcomings(figures: Figures, *, trades: int, expected: int, audit: Audit) -> list[str]:
    """Return what went wrong, in words: nothing, if all is well.

    `trades` leader trades must be as many signals, and `expected` copies must all be settled with nothing owed.
    """
    wrong = []
    if figures.signals != trades:
        wrong.append(f"expected {trades} signals, found {figures.signals}")
    settled = figures.intents[IntentState.SETTLED]
    if settled != expected or figures.intents.total() != expected:
        wrong.append(f"expected {expected} copies, all settled, found {dict(figures.intents)}")
    if figures.debts_opened != figures.debts_recovered:
        wrong.append(f"expected all {figures.debts_opened} debts recovered, found {figures.debts_recovered}")
    if not audit.sums_to_zero:
        wrong.append("expected the ledger to sum to zero, found that it does not")
    wrong += [f"{d.wallet} {d.asset}: the books say {d.expected}, the chain {d.found}" for d in audit.differences]
    return wrong


def _percentiles(samples: Sequence[int]) -> dict[str, float]:
    return {f"p{p}": round(percentile(samples, p) / US_PER_MS, 1) for p in (50, 95, 99)}


def _follower(wallet: Any, found: Holdings) -> dict[str, Any]:
    shares = {asset: str(units) for asset, units in found[wallet].items() if asset != ledger.COLLATERAL and units}
    return {"wallet": wallet, "policies": 1, "collateral": str(found[wallet][ledger.COLLATERAL]), "shares": shares}
