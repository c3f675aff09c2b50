"""The fleet as a person sees it: what each operator wallet has, which state it is in and why, and what was asked of it.

A wallet that is retired finishes what it has and is given nothing new. So is one that the fleet has been made too small
for: it is known by its index, and stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.domain.ids import Address
from remora.domain.money import Collateral, Wei

BY_HAND = "retired by hand"


class WalletState(StrEnum):
    """What an operator wallet can be given: anything, nothing for now, or nothing until a person has acted."""

    READY = "ready"
    BUSY = "busy"
    LOW_FLOAT = "low float"
    LOW_GAS = "low gas"
    UNHEALTHY = "unhealthy"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletStanding:
    """An operator wallet at one moment. `balance` is its float, of which `promised` is spoken for.

    `why` is the reason of a state that is not ready. `nonce` is its account nonce, `missing` counts approvals that it
    has not given. What the chain has not told yet is None.
    """

    index: int
    wallet: Address
    state: WalletState
    why: str = ""
    balance: Collateral
    promised: Collateral
    native: Wei | None = None
    nonce: int | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """What a person asked of the fleet. `known` is how many wallets there have been, which may be more than `size`."""

    size: int
    known: int
    retired: frozenset[Address]

    def out(self, wallets: tuple[Address, ...]) -> dict[Address, str]:
        """Return which of the wallets, given in derivation order, are given nothing new, and why."""
        beyond = dict.fromkeys(wallets[self.size :], f"the fleet has {self.size} wallets now")
        return beyond | {wallet: BY_HAND for wallet in wallets if wallet in self.retired}
