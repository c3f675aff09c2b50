"""The inspector: how wallets and treasury stand, stored for whoever asks, and which cannot pay for a settlement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from remora.domain.errors import RemoraError
from remora.domain.fleet import WalletStanding
from remora.domain.floats import TreasuryStanding
from remora.domain.ids import Address
from remora.domain.money import Wei
from remora.domain.transaction import Approval
from remora.execute.fleet import Fleet
from remora.execute.muster import ENOUGH_ALLOWANCE
from remora.ports import ChainReader, Clock, Custody, FleetStore

LOOK_EVERY_S = 2.0
"""How often what the fleet knows is looked at; it is stored when it has changed."""

LOOKS_PER_READING = 15
"""How many looks share one reading of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionRules:
    """The derivation index of the first wallet, and the most that a transaction offers per gas."""

    start_index: int
    most_per_gas: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the chain says of a wallet."""

    native: Wei
    nonce: int
    missing: int


class Inspector:
    """Looks at the fleet."""

    def __init__(
        self,
        *,
        rules: InspectionRules,
        fleet: Fleet,
        treasury: Address,
        chain: ChainReader,
        custody: Custody,
        store: FleetStore,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._fleet = fleet
        self._treasury = treasury
        self._chain = chain
        self._custody = custody
        self._store = store
        self._clock = clock
        self._facts: Mapping[Address, _Facts] = {}
        self._stored: Sequence[WalletStanding] = ()

    async def run(self) -> None:
        """Look at the fleet for ever."""
        while True:
            with suppress(RemoraError):  # a node that does not answer is asked again
                await self.read_chain()
            for _ in range(LOOKS_PER_READING):
                await self.look()
                await self._clock.sleep(LOOK_EVERY_S)
            self._stored = ()  # so that what is stored is seen to be new

    async def read_chain(self) -> None:
        """Read what the chain says of all wallets, and tell the fleet which cannot pay for one settlement."""
        wallets = self._fleet.wallets
        natives = await self._chain.native_of(wallets)
        per_gas = min((await self._chain.gas_price()).max_fee, self._rules.most_per_gas)
        missing = await self._missing(wallets)
        self._facts = {
            wallet: _Facts(native=native, nonce=await self._chain.account_nonce(wallet), missing=missing[wallet])
            for wallet, native in zip(wallets, natives, strict=True)
        }
        needed = Wei(self._custody.settlement_gas(1) * per_gas.units)
        self._fleet.note_low_gas([wallet for wallet, facts in self._facts.items() if facts.native < needed])
        (held,) = await self._chain.collateral_of([self._treasury])
        seen_us = self._clock.now_us()
        await self._store.record_treasury(TreasuryStanding(wallet=self._treasury, balance=held, seen_us=seen_us))

    async def look(self) -> None:
        """Store how the wallets stand, if that has changed."""
        standings = [self._standing(*each) for each in enumerate(self._fleet.wallets, self._rules.start_index)]
        if standings != self._stored:
            await self._store.record(standings, seen_us=self._clock.now_us())
            self._stored = standings

    def _standing(self, index: int, wallet: Address) -> WalletStanding:
        state, why = self._fleet.state(wallet)
        facts = self._facts.get(wallet)
        return WalletStanding(
            index=index,
            wallet=wallet,
            state=state,
            why=why,
            balance=self._fleet.balance(wallet),
            promised=self._fleet.promised(wallet),
            native=facts.native if facts else None,
            nonce=facts.nonce if facts else None,
            missing=facts.missing if facts else None,
        )

    async def _missing(self, wallets: Sequence[Address]) -> Counter[Address]:
        """Count the approvals that each wallet has not given."""
        missing: Counter[Address] = Counter()
        for approval in self._custody.approvals():
            given = await self._given(wallets, approval)
            missing.update(wallet for wallet, is_given in zip(wallets, given, strict=True) if not is_given)
        return missing

    async def _given(self, wallets: Sequence[Address], approval: Approval) -> list[bool]:
        if approval.ledger is not None:
            return await self._chain.shares_approved(wallets, approval.spender, approval.ledger)
        allowances = await self._chain.collateral_allowances(wallets, approval.spender)
        return [allowance >= ENOUGH_ALLOWANCE for allowance in allowances]
