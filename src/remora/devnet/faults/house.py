"""Faults that are decisions of the venue's own people: whose orders they refuse, and which markets they hold back."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from remora.devnet.faults.fault import Lasting
from remora.devnet.faults.occasion import Occasion

Reason = Literal["banned", "closed-only", "deposit-wallets-only", "not-ready", "stalled", "invalid-nonce"]
#: What the text of the occasion has to hold, where a reason concerns some orders only: a side, or a kind of wallet.
_CONCERNS: dict[Reason, str] = {"closed-only": "BUY", "deposit-wallets-only": "EOA"}


class RefuseOrders(Lasting):
    """Orders are refused for a reason of the venue's own, in its words; `closed-only` refuses to buy."""

    name: ClassVar[str] = "refuse-orders"

    reason: Reason = Field(
        default="banned",
        description="banned, closed-only, deposit-wallets-only, not-ready, stalled or invalid-nonce",
    )

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether the order is one that the reason concerns."""
        return _CONCERNS.get(self.reason, "") in occasion.text and super().matches(occasion)
