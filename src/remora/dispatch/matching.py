"""Which policies a signal concerns: an index by leader, so that no decision searches all followers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from remora.domain.ids import Address, PolicyId
from remora.domain.policy import Bounds, Policy, Rulebook
from remora.domain.rules import RuleChanges
from remora.domain.switches import Scope
from remora.domain.usage import SERVICE, Subject

PoliciesByLeader = Mapping[Address, tuple[Policy, ...]]


def by_leader(policies: Iterable[Policy]) -> PoliciesByLeader:
    """Index policies by the leader that they follow, in the order given."""
    index: defaultdict[Address, list[Policy]] = defaultdict(list)
    for policy in policies:
        index[policy.leader].append(policy)
    return {leader: tuple(followed) for leader, followed in index.items()}


class RulesInForce(Mapping[Address, tuple[Policy, ...]]):
    """The policies by leader, while they change. Who has looked a leader up keeps what was in force then."""

    def __init__(self) -> None:
        self._index: dict[Address, tuple[Policy, ...]] = {}
        self._policies: dict[PolicyId, Policy] = {}
        self.rulebook = Rulebook()
        """All of the rules, as they are now."""
        self.revision = 0
        """Up to which changes of the stored rules are known here."""

    def take_up(self, changes: RuleChanges) -> bool:
        """Put changes in force, touching their leaders only; False for those that are known."""
        if changes.revision <= self.revision:
            return False
        self.revision = changes.revision
        new = by_leader(changes.policies)
        ids = changes.removed.union(policy.policy_id for policy in changes.policies)
        for leader in {self._policies[each].leader for each in ids if each in self._policies}.union(new):
            kept = (policy for policy in self._index.get(leader, ()) if policy.policy_id not in ids)
            self._follow(leader, [*kept, *new.get(leader, ())])
        for policy_id in changes.removed:
            self._policies.pop(policy_id, None)
        self._policies.update((policy.policy_id, policy) for policy in changes.policies)
        self.rulebook = self._rulebook(changes.bounds)
        return True

    def policy(self, policy_id: PolicyId) -> Policy | None:
        """Return a policy in force."""
        return self._policies.get(policy_id)

    def _rulebook(self, changed: Mapping[Subject, Bounds]) -> Rulebook:
        return Rulebook(
            policies=tuple(self._policies.values()),
            followers=_bounds(self.rulebook.followers, Scope.FOLLOWER, changed),
            leaders=_bounds(self.rulebook.leaders, Scope.LEADER, changed),
            service=changed.get(SERVICE, self.rulebook.service),
        )

    def _follow(self, leader: Address, policies: list[Policy]) -> None:
        if policies:
            self._index[leader] = tuple(sorted(policies, key=lambda policy: policy.policy_id))
        else:
            self._index.pop(leader, None)

    def __getitem__(self, leader: Address) -> tuple[Policy, ...]:
        return self._index[leader]

    def __iter__(self) -> Iterator[Address]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def _bounds(known: Mapping[Address, Bounds], scope: Scope, changed: Mapping[Subject, Bounds]) -> dict[Address, Bounds]:
    mine = {Address(wallet): bounds for (whose, wallet), bounds in changed.items() if whose is scope}
    return {wallet: bounds for wallet, bounds in {**known, **mine}.items() if bounds != Bounds()}
