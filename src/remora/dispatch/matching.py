"""Which policies a signal concerns: an index by leader, so that no decision searches all followers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from remora.domain.ids import Address
from remora.domain.parties import Policy

PoliciesByLeader = Mapping[Address, tuple[Policy, ...]]


def by_leader(policies: Iterable[Policy]) -> PoliciesByLeader:
    """Index policies by the leader that they follow, in the order given."""
    index: defaultdict[Address, list[Policy]] = defaultdict(list)
    for policy in policies:
        index[policy.leader].append(policy)
    return {leader: tuple(followed) for leader, followed in index.items()}
