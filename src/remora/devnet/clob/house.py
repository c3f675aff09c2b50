"""What the venue's own people decide by hand: who may trade, and which markets take orders (polymarket.md 3.5, 5).

Nothing here follows from orders or the chain; whoever runs the devnet changes it, here or by a fault, to see how
clients take it.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import assert_never

from remora.devnet.clob import refusals
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.orders import Side, SignatureType, SignedOrder
from remora.devnet.clob.units import ONE
from remora.devnet.faults.board import Board
from remora.devnet.faults.house import Reason, RefuseOrders
from remora.devnet.faults.occasion import Occasion
from remora.devnet.remembering import Remembering


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


class House(Remembering):
    """Standings by lower-case address, phases by condition id; what is not named is good and open.

    Where `refuses_plain_accounts`, only wallets trade, as new accounts do on the live venue.
    """

    remembered = ("standings", "phases", "payouts", "refuses_plain_accounts")

    def __init__(self, faults: Board) -> None:
        self._faults = faults
        self.standings: dict[str, Standing] = {}
        self.phases: dict[str, Phase] = {}
        #: What resolved conditions pay per outcome, in relation to their sum.
        self.payouts: dict[str, tuple[int, ...]] = {}
        self.refuses_plain_accounts = False

    def is_resolved(self, condition_id: str) -> bool:
        """Tell whether a market has ended."""
        return self.phases.get(condition_id) is Phase.RESOLVED

    def payout_of(self, listing: Listing, token_id: int) -> int:
        """Return what a share of a resolved market pays, in base units rounded down; zero before."""
        payouts = self.payouts.get(listing.market.condition_id)
        return payouts[listing.tokens.index(token_id)] * ONE // sum(payouts) if payouts else 0

    def is_closed_only(self, address: str) -> bool:
        """Tell whether an address may only close positions."""
        by_fault = any(
            isinstance(active.fault, RefuseOrders)
            and active.fault.reason == "closed-only"
            and active.fault.wallet in (None, address)
            for active in self._faults.active()
        )
        return by_fault or self.standings.get(address) is Standing.CLOSED_ONLY

    def check(self, order: SignedOrder, condition_id: str) -> None:
        """Refuse an order that its maker may not make, or that its market does not take now."""
        if (fault := self._faults.take(RefuseOrders, _occasion(order))) is not None:
            raise _refusal(fault.reason, order)
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


def _occasion(order: SignedOrder) -> Occasion:
    return Occasion(
        endpoint="POST /order",
        text=f"{order.side} {order.signature_type.name}",
        wallets=frozenset((order.maker,)),
        tokens=frozenset((str(order.token_id),)),
    )


def _refusal(reason: Reason, order: SignedOrder) -> refusals.Refusal:
    match reason:
        case "banned":
            return refusals.banned(order.maker)
        case "closed-only":
            return refusals.closed_only(order.maker)
        case "deposit-wallets-only":
            return refusals.maker_not_allowed()
        case "not-ready":
            return refusals.market_not_ready()
        case "stalled":
            return refusals.match_delayed()
        case "invalid-nonce":
            return refusals.invalid_nonce()
        case _:
            assert_never(reason)
