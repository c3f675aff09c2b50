"""Resolved markets: what is held in them takes nothing of a limit any more, and counts as what it pays.

The chain is asked for the payouts of what is held, as nobody redeems what lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from remora.domain.errors import OperatorError, Retryable
from remora.domain.usage import HeldToken
from remora.ports import ChainReader, Clock, SwitchStore

log = structlog.get_logger()

LOOK_EVERY_S = 120.0

ASKED_TOGETHER = 100
"""So many tokens are asked about, and noted, at once: a node that refuses the rest loses nobody what it told before."""


class Resolutions:
    """Notes which held shares are of a market that is resolved, and what they pay."""

    def __init__(self, *, chain: ChainReader, store: SwitchStore, clock: Clock) -> None:
        self._chain = chain
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Look every two minutes, for ever; the first look is part of the start."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Ask the chain about everything that is held, once."""
        held = await self._store.held_tokens()
        try:
            for first in range(0, len(held), ASKED_TOGETHER):
                await self._ask(held[first : first + ASKED_TOGETHER])
        except (Retryable, OperatorError) as trouble:
            log.warning("resolutions_not_read", error=str(trouble))

    async def _ask(self, held: Sequence[HeldToken]) -> None:
        payouts = await self._chain.payouts(held)
        if payouts and await self._store.resolve(payouts):
            paid = {str(token_id): "unknown" if payout is None else str(payout) for token_id, payout in payouts.items()}
            log.info("markets_resolved", payouts=paid)
