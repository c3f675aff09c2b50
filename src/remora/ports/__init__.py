"""The seams to the outside world. Adapters implement them, stages use them, tests fake them.

Every call that crosses one fails only with the errors of `domain.errors`: Retryable when nothing happened,
OutcomeUnknown when something may have, Refused when the other side proved that it did not accept.
"""

from __future__ import annotations

from remora.ports.books import AuditStore, DebtStore, FleetStore, FloatStore, SettlementStore
from remora.ports.outside import ChainReader, Clock, Custody, Mempool, Signer, TxSender
from remora.ports.stores import LeaderStore, OrderStore, PolicyStore, SignalStore, SwitchStore
from remora.ports.venue import Listings, LiveBooks, PublicHistory, Venue

__all__ = [
    "AuditStore",
    "ChainReader",
    "Clock",
    "Custody",
    "DebtStore",
    "FleetStore",
    "FloatStore",
    "LeaderStore",
    "Listings",
    "LiveBooks",
    "Mempool",
    "OrderStore",
    "PolicyStore",
    "PublicHistory",
    "SettlementStore",
    "SignalStore",
    "Signer",
    "SwitchStore",
    "TxSender",
    "Venue",
]
