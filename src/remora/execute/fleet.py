"""The fleet: which operator wallet is free, which is out, and how much of its float is promised.

Checkout gives a wallet to one caller at a time, the least recently used first. Float is held under a key (an order, a
settlement leg) before it is used and released when its end is known, so that no two copies spend the same money.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from remora.domain.errors import Retryable
from remora.domain.ids import Address
from remora.domain.money import ZERO_COLLATERAL, Collateral


class NoneFree(Retryable):
    """No operator wallet could promise the float in time; nothing happened."""


class Fleet:
    """Operator wallets that are ready, idle or in one hand, with the float that each has left."""

    def __init__(self, wallets: Iterable[Address]) -> None:
        self._wallets = tuple(wallets)
        self._idle: OrderedDict[Address, None] = OrderedDict()
        self._ready: set[Address] = set()
        self._balance: dict[Address, Collateral] = {}
        self._holds: dict[str, tuple[Address, Collateral]] = {}
        self._held: Counter[Address] = Counter()
        self._changed = asyncio.Condition()

    @property
    def wallets(self) -> tuple[Address, ...]:
        """All wallets, in derivation order."""
        return self._wallets

    @property
    def ready(self) -> tuple[Address, ...]:
        """The wallets that work, in derivation order."""
        return tuple(wallet for wallet in self._wallets if wallet in self._ready)

    async def enlist(self, wallet: Address, balance: Collateral) -> None:
        """Put a wallet that works into the fleet."""
        if wallet not in self._ready:
            self._ready.add(wallet)
            self._idle[wallet] = None
        await self.update(wallet, balance)

    def dismiss(self, wallet: Address) -> None:
        """Take a wallet that fails out of the fleet; the others go on."""
        self._ready.discard(wallet)
        self._idle.pop(wallet, None)

    def free_float(self, wallet: Address) -> Collateral:
        """Return the wallet's collateral that is promised to nobody."""
        return self._balance.get(wallet, ZERO_COLLATERAL) - Collateral(self._held[wallet])

    def largest_balance(self) -> Collateral:
        """Return what the richest ready wallet has, promised or not: no order can spend more at once."""
        return max((self._balance[wallet] for wallet in self._ready), default=ZERO_COLLATERAL)

    def hold(self, key: str, wallet: Address, amount: Collateral) -> None:
        """Promise float under a key; holding the same key again replaces the promise."""
        self._drop(key)
        self._holds[key] = (wallet, amount)
        self._held[wallet] += amount.units

    def rekey(self, key: str, new: str) -> None:
        """Move a promise to another key."""
        wallet, amount = self._holds[key]
        self._drop(key)
        self.hold(new, wallet, amount)

    async def release(self, key: str, balance: Collateral | None = None) -> None:
        """End a promise, with the wallet's balance as it is now on chain if that was read."""
        wallet = self._drop(key)
        if wallet is not None and balance is not None:
            self._balance[wallet] = balance
        async with self._changed:
            self._changed.notify_all()

    async def update(self, wallet: Address, balance: Collateral) -> None:
        """Note a wallet's balance as it is now on chain."""
        self._balance[wallet] = balance
        async with self._changed:
            self._changed.notify_all()

    @asynccontextmanager
    async def checkout(
        self, key: str, amount: Collateral, *, only: Address | None = None, wait_s: float | None = None
    ) -> AsyncIterator[Address]:
        """Wait for a wallet that can promise `amount` and hand it out until the block is left.

        The promise is made under `key` and ends with the block, unless `rekey` gave it another key. `only` asks for one
        wallet, because it already holds what is to be sold. Raises NoneFree when there is none within `wait_s`.
        """
        wallet = await self._take(key, amount, only, wait_s)
        try:
            yield wallet
        finally:
            self._drop(key)
            await self._checkin(wallet)

    async def _take(self, key: str, amount: Collateral, only: Address | None, wait_s: float | None) -> Address:
        try:
            async with asyncio.timeout(wait_s), self._changed:
                wallet = self._candidate(amount, only)
                while wallet is None:
                    await self._changed.wait()
                    wallet = self._candidate(amount, only)
                del self._idle[wallet]
                self.hold(key, wallet, amount)
                return wallet
        except TimeoutError:
            raise NoneFree(f"no operator wallet had {amount} of free float within {wait_s} s") from None

    def _drop(self, key: str) -> Address | None:
        if key not in self._holds:
            return None
        wallet, amount = self._holds.pop(key)
        self._held[wallet] -= amount.units
        return wallet

    async def _checkin(self, wallet: Address) -> None:
        if wallet in self._ready:
            self._idle[wallet] = None
        async with self._changed:
            self._changed.notify_all()

    def _candidate(self, amount: Collateral, only: Address | None) -> Address | None:
        """Return the wallet that was checked in longest ago among those that can promise the amount."""
        wanted = self._idle if only is None else [only] if only in self._idle else []
        return next((wallet for wallet in wanted if self.free_float(wallet) >= amount), None)
