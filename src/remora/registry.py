"""The registry of policies: what can be done to the rules in force, alike from the command line, the API and the start.

Texts come in, are read and checked whole against what is in force, and take effect in one transaction, or not at all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from remora.domain.errors import Malformed
from remora.domain.ids import Address, PolicyId, address
from remora.domain.policy import Policy, Rulebook
from remora.domain.rules import Imported
from remora.domain.switches import Scope
from remora.domain.usage import Subject
from remora.ports import Clock, FleetStore, LeaderStore, PolicyStore
from remora.settings.policies.reader import read_policy, read_rulebook


class Unknown(Malformed):
    """Nothing has the id or the address that was named."""


class UnknownPolicy(Unknown):
    """No policy has the id."""

    def __init__(self, policy_id: str) -> None:
        super().__init__(f"expected the id of a policy, found {policy_id!r}: remora policy list shows them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Changes the rules in force."""

    policies: PolicyStore
    leaders: LeaderStore
    fleet: FleetStore
    clock: Clock

    async def take_in(
        self, text: str, name: str, *, replace: bool = False, add_leaders: bool = False, keep_lots: bool = False
    ) -> Imported:
        """Take up a text of rules. BadRules with everything that is wrong; `name` says where the text is from.

        Rules for other pairs, wallets and the service stay, or with `replace` go: not while a policy holds shares,
        unless `keep_lots`. A leader who is not in the registry of leaders is a problem, or put there: `add_leaders`.
        Operator wallets are no parties of a policy: remora would copy itself, or settle with itself.
        """
        leaders = None if add_leaders else await self._known()
        beside = () if replace else (await self.policies.rulebook()).policies
        read = partial(read_rulebook, text, name, leaders=leaders, fleet=await self.operators(), beside=beside)
        book = await asyncio.to_thread(read)
        return await self._put(book, replace=replace, add_leaders=add_leaders, keep_lots=keep_lots)

    async def take_in_policy(self, policy_id: PolicyId, text: str, name: str) -> Imported:
        """Take up one policy, new or changed, by the id that its follower and leader make; BadRules as for a text."""
        fleet = await self.operators()
        policy = read_policy(text, name, leaders=await self._known(), fleet=fleet, called=policy_id)
        return await self._put(Rulebook(policies=(policy,)), replace=False, add_leaders=False, keep_lots=False)

    async def policy(self, policy_id: PolicyId) -> Policy:
        """Return a policy; UnknownPolicy when there is none of this id."""
        found = await self.policies.policy(policy_id)
        if found is None:
            raise UnknownPolicy(policy_id)
        return found

    async def policies_of(self, follower: str | None = None, leader: str | None = None) -> list[Policy]:
        """Return the policies in force, of a follower or for a leader if one is named; Unknown for a stranger."""
        asked = {Scope.FOLLOWER: follower, Scope.LEADER: leader}
        wanted = {scope: address(wallet) for scope, wallet in asked.items() if wallet is not None}
        for subject in wanted.items():
            await self.expect(subject)
        found = (await self.policies.rulebook()).policies
        return [each for each in found if set(wanted.items()) <= set(each.subjects)]

    async def expect(self, subject: Subject) -> None:
        """Raise Unknown for a policy, follower or leader that no policy in force names; a leader may also be heard."""
        scope, name = subject
        named = any(subject in each.subjects for each in (await self.policies.rulebook()).policies)
        if named or scope is Scope.SERVICE:
            return
        if scope is Scope.POLICY:
            raise UnknownPolicy(name)
        if scope is Scope.FOLLOWER:
            raise Unknown(f"expected the follower of a policy, found {name}: remora policy list shows them")
        if Address(name) not in await self._known():
            raise Unknown(f"expected a leader that is known, found {name}: remora leaders list shows them")

    async def operators(self) -> frozenset[Address]:
        """Return the operator wallets, as far as a supervisor on this database has told of them."""
        return frozenset(standing.wallet for standing, _ in await self.fleet.standings())

    async def remove_leader(self, wallet: Address) -> bool:
        """Remove a leader; False when it is not known. Malformed while a policy follows it."""
        followed = sum(each.leader == wallet for each in (await self.policies.rulebook()).policies)
        if followed:
            raise Malformed(
                f"expected a leader whom no policy follows, found {followed} for {wallet}, who is heard for them: "
                f"remora policy list --leader {wallet} shows them; remora pause --leader {wallet} stops entries only"
            )
        return await self.leaders.remove_leader(wallet)

    async def remove(self, policy_id: PolicyId, *, keep_lots: bool = False) -> Imported:
        """Remove a policy; UnknownPolicy, and BadRules while it holds shares, unless `keep_lots`."""
        now_us = self.clock.now_us()
        removed = await self.policies.remove(policy_id, keep_lots=keep_lots, changed_us=now_us)
        if removed is None:
            raise UnknownPolicy(policy_id)
        return removed

    async def _put(self, book: Rulebook, *, replace: bool, add_leaders: bool, keep_lots: bool) -> Imported:
        now_us = self.clock.now_us()
        return await self.policies.put(
            book, replace=replace, add_leaders=add_leaders, keep_lots=keep_lots, changed_us=now_us
        )

    async def _known(self) -> frozenset[Address]:
        return frozenset(each.wallet for each in await self.leaders.leaders())
