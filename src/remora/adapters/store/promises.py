"""What is taken of what followers can pay, read inside the transaction that stores the decision.

An entry is promised from its decision until it is settled or ends, and what a late fill adds to one that is owed until
that is settled, or owed too. What was settled while the chain was being asked for
a balance, or since, is not in that balance for certain, and counts on: at worst for twice, never for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from remora.adapters.store import schema
from remora.adapters.store.debts import owed_by_followers
from remora.adapters.store.usage import usage
from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.order import IntentState, LegState, SettlementStep
from remora.domain.signal import Side
from remora.domain.usage import Taken, UsageQuestion

MOVING = (IntentState.PENDING, IntentState.ORDERED, IntentState.FILLED)
"""Entries in these states may still become a lot."""


def taken(connection: Connection, question: UsageQuestion) -> Taken:
    """Return what is taken of the limits that the question is about, and of payers' collateral."""
    used = usage(connection, question)
    if question.means_as_of is None:
        return Taken(usage=used)
    promised = _entering(connection) + _added(connection) + _paid(connection, question.means_as_of)
    return Taken(
        usage=used,
        promised={Address(follower): Collateral(units) for follower, units in promised.items()},
        debts=owed_by_followers(connection),
    )


def _entering(connection: Connection) -> Counter[str]:
    """Sum what entries under way may cost, by follower."""
    i = schema.intents.c
    cost = func.sum(i.budget + i.fee_bound).label("cost")
    query = select(i.follower, cost).where(i.state.in_(MOVING), i.side == Side.BUY).group_by(i.follower)
    return Counter({row.follower: row.cost for row in connection.execute(query)})


def _added(connection: Connection) -> Counter[str]:
    """Sum what is being delivered beside what is owed of the same entries, by follower; debts count for themselves."""
    i, leg, part = schema.intents.c, schema.legs.c, schema.debt_legs.c
    under_way = (leg.step == SettlementStep.DELIVER) & leg.state.in_([LegState.PENDING, LegState.SENT])
    of_debt = select(part.settlement_id).where(part.settlement_id == leg.settlement_id).exists()
    query = (
        select(leg.follower, func.sum(leg.collateral).label("cost"))
        .join(schema.intents, i.intent_id == leg.intent_id)
        .where(i.state == IntentState.OWED, under_way, ~of_debt)
        .group_by(leg.follower)
    )
    return Counter({row.follower: row.cost for row in connection.execute(query)})


def _paid(connection: Connection, as_of: Mapping[Address, int]) -> Counter[str]:
    """Sum what followers paid for deliveries, each from its own moment on."""
    leg, paid = schema.legs.c, Counter[str]()
    delivered = (leg.step == SettlementStep.DELIVER) & (leg.state == LegState.SETTLED)
    lately = leg.settled_us >= min(as_of.values(), default=0)
    query = select(leg.follower, leg.collateral, leg.settled_us).where(lately, delivered)
    for row in connection.execute(query) if as_of else ():
        if row.settled_us >= as_of.get(Address(row.follower), row.settled_us + 1):
            paid[row.follower] += row.collateral
    return paid
