"""What the venue's own people decide by hand: who may trade, and which markets take orders (polymarket.md 3.5, 5).

Nothing here follows from orders or the chain; whoever runs the devnet changes it to see how clients take it.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import assert_never

from remora.devnet.clob import refusals
from remora.devnet.clob.orders import Side, SignatureType, SignedOrder


class Standing(StrEnum):
    """How far an address is allowed to trade."""

    GOOD = "good"
    #: It may only sell what it has.
    CLOSED_ONLY = "closed only"
    BANNED = "banned"


class Phase(Enum):
    """Whether a market takes orders."""

    OPEN = auto()
    NOT_READY = auto()
    #: It takes orders in, and then cannot match them in time.
    STALLED = auto()
    #: Its condition is resolved: its book is gone.
    RESOLVED = auto()


class House:
    """Standings by lower-case address, phases by condition id; what is not named is good and open.

    Where `refuses_plain_accounts`, only wallets trade, as new accounts do on the live venue.
    """

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.phases: dict[str, Phase] = {}
        self.refuses_plain_accounts = False

    def is_resolved(self, condition_id: str) -> bool:
        """Tell whether a market has ended."""
        return self.phases.get(condition_id) is Phase.RESOLVED

    def is_closed_only(self, address: str) -> bool:
        """Tell whether an address may only close positions."""
        return self.standings.get(address) is Standing.CLOSED_ONLY

    def check(self, order: SignedOrder, condition_id: str) -> None:
        """Refuse an order that its maker may not make, or that its market does not take now."""
        self._check_maker(order)
        match self.phases.get(condition_id, Phase.OPEN):
            case Phase.OPEN:
                return
            case Phase.NOT_READY:
                raise refusals.market_not_ready()
            case Phase.STALLED:
                raise refusals.match_delayed()
            case Phase.RESOLVED:
                raise refusals.unknown_token()
            case phase:
                assert_never(phase)

    def _check_maker(self, order: SignedOrder) -> None:
        match self.standings.get(order.maker, Standing.GOOD):
            case Standing.BANNED:
                raise refusals.banned(order.maker)
            case Standing.CLOSED_ONLY if order.side is Side.BUY:
                raise refusals.closed_only(order.maker)
            case _:
                pass
        if self.refuses_plain_accounts and order.signature_type is SignatureType.EOA:
            raise refusals.maker_not_allowed()
