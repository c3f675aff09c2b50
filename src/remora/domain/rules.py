"""How the rules in force change: what an import did, and what is new since a revision.

Every change of the stored rules has a revision, one above the last; who has read up to one asks for what came after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from remora.domain.ids import Address, PolicyId
from remora.domain.policy import Bounds, Policy
from remora.domain.usage import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChanges:
    """What came after a revision, up to `revision`: policies that are new or different, or gone, and bounds.

    Bounds that are gone are told as empty ones.
    """

    revision: int
    policies: tuple[Policy, ...] = ()
    removed: frozenset[PolicyId] = frozenset()
    bounds: Mapping[Subject, Bounds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did: how many policies it added, changed, removed and found as they were, and whom it registered.

    `unbound` are the wallets whose bounds went, because no policy names them any more.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    leaders: Sequence[Address] = ()
    unbound: Sequence[Address] = ()
