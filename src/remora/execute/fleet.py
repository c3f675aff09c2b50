"""The fleet: which operator wallet is free, which is out, and how much of its float is promised.

Checkout gives a wallet to one caller at a time, the least recently used first. Exits are served before entries, and
within each whoever waits longest. Float is held under a key (an order, a settlement leg) before it is used and released
when its end is known, so that no two copies spend the same money.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from remora.domain.errors import Retryable
from remora.domain.fleet import WalletState
from remora.domain.ids import Address
from remora.domain.money import ZERO_COLLATERAL, Collateral


class NoneFree(Retryable):
    """No operator wallet could promise the float in time; nothing happened."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """Somebody who waits for a wallet."""

    key: str
    amount: Collateral
    only: Address | None
    urgent: bool
    given: asyncio.Future[Address] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Fleet:
    """Operator wallets that are well, idle or in one hand, with the float that each has left."""

    def __init__(self, wallets: Iterable[Address], *, low_float: Collateral = ZERO_COLLATERAL) -> None:
        self._wallets = tuple(wallets)
        self._low_float = low_float
        self._idle: OrderedDict[Address, None] = OrderedDict()
        self._suspended: frozenset[Address] = frozenset()
        self._well: set[Address] = set()
        self._out: set[Address] = set()
        self._unwell: dict[Address, str] = {}
        self._retired: Mapping[Address, str] = {}
        self._low_gas: frozenset[Address] = frozenset()
        self._balance: dict[Address, Collateral] = {}
        self._most: dict[Address, Collateral] = {}
        self._holds: dict[str, tuple[Address, Collateral]] = {}
        self._held: Counter[Address] = Counter()
        self._queue: dict[_Waiting, None] = {}

    @property
    def wallets(self) -> tuple[Address, ...]:
        """All wallets, in derivation order."""
        return self._wallets

    @property
    def ready(self) -> tuple[Address, ...]:
        """The wallets that work and are not retired, in derivation order."""
        return tuple(wallet for wallet in self._wallets if wallet in self._well and wallet not in self._retired)

    @property
    def seen(self) -> tuple[Address, ...]:
        """The wallets that were looked at, whatever came of it, in derivation order: the books know these."""
        return tuple(wallet for wallet in self._wallets if wallet in self._well or wallet in self._unwell)

    @property
    def retired(self) -> Mapping[Address, str]:
        """The wallets that are given nothing new, and why."""
        return self._retired

    @property
    def missing(self) -> tuple[Address, ...]:
        """The wallets that do not work, or have not been looked at, in derivation order."""
        return tuple(wallet for wallet in self._wallets if wallet not in self._well)

    def assign(self, wallets: Iterable[Address], retired: Mapping[Address, str]) -> None:
        """Make these the fleet's wallets, more than before or the same, of which some are retired, each for a reason.

        Who is retired finishes what it has: it sells what it collected, and is given nothing new.
        """
        self._wallets = tuple(wallets)
        self._retired = dict(retired)
        self._serve()

    def note_low_gas(self, wallets: Collection[Address]) -> None:
        """Give nothing new to wallets that cannot pay for its settlement, until they are none of these any more."""
        self._low_gas = frozenset(wallets)
        self._serve()

    def state(self, wallet: Address) -> tuple[WalletState, str]:
        """Return a wallet's state, and why it is not ready."""
        if wallet in self._retired:
            return WalletState.RETIRED, self._retired[wallet]
        if wallet not in self._well:
            return WalletState.UNHEALTHY, self._unwell.get(wallet, "not looked at yet")
        if wallet in self._low_gas:
            return WalletState.LOW_GAS, "its native balance does not pay for a settlement"
        if wallet in self._out:
            return WalletState.BUSY, "checked out"
        if self.free_float(wallet) < self._low_float:
            return WalletState.LOW_FLOAT, f"less than {self._low_float} of free float"
        return WalletState.READY, ""

    async def enlist(self, wallet: Address, balance: Collateral) -> None:
        """Put a wallet that works into the fleet, unless it is suspended."""
        if wallet not in self._well and wallet not in self._suspended:
            self._well.add(wallet)
            self._unwell.pop(wallet, None)
            self._most[wallet] = balance
            if wallet not in self._out:
                self._idle[wallet] = None
        await self.update(wallet, balance)

    def dismiss(self, wallet: Address, why: str = "") -> None:
        """Take a wallet that fails out of the fleet; the others go on."""
        self._well.discard(wallet)
        self._unwell[wallet] = why
        self._idle.pop(wallet, None)

    def suspend(self, wallets: Collection[Address]) -> bool:
        """Keep these wallets out until they are suspended no more; tell whether one of the others was."""
        lifted = self._suspended.difference(wallets)
        self._suspended = frozenset(wallets)
        for wallet in wallets:
            self.dismiss(wallet, "suspended, since it does not add up: remora reconcile")
        return bool(lifted)

    def balance(self, wallet: Address) -> Collateral:
        """Return the wallet's collateral, promised or not, as it was last read."""
        return self._balance.get(wallet, ZERO_COLLATERAL)

    def promised(self, wallet: Address) -> Collateral:
        """Return how much of the wallet's collateral is promised."""
        return Collateral(self._held[wallet])

    def free_float(self, wallet: Address) -> Collateral:
        """Return the wallet's collateral that is promised to nobody."""
        return self.balance(wallet) - self.promised(wallet)

    def unpromised(self) -> tuple[Address, ...]:
        """Return the wallets that work and of which nothing is promised, in derivation order."""
        return tuple(wallet for wallet in self._wallets if wallet in self._well and not self._held[wallet])

    def could_promise(self, amount: Collateral) -> bool:
        """Tell whether a wallet that works, in hand or not, has so much float that is promised to nobody."""
        return any(self.free_float(wallet) >= amount for wallet in self.ready)

    @property
    def waiting(self) -> tuple[int, int]:
        """How many exits and how many entries wait for a wallet."""
        exits = sum(waiting.urgent for waiting in self._queue)
        return exits, len(self._queue) - exits

    def largest_balance(self) -> Collateral:
        """Return what the richest ready wallet has, promised or not: no order can spend more at once."""
        return max((self._balance[wallet] for wallet in self.ready), default=ZERO_COLLATERAL)

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
            self._note(wallet, balance)
        self._serve()

    async def drawn(self, key: str, balance: Collateral) -> None:
        """End a promise whose float has left the fleet: no claim counts on the wallet to have as much again."""
        wallet = self._drop(key)
        if wallet is not None:
            self._balance[wallet] = self._most[wallet] = balance
        self._serve()

    async def update(self, wallet: Address, balance: Collateral) -> None:
        """Note a wallet's balance as it is now on chain."""
        self._note(wallet, balance)
        self._serve()

    @asynccontextmanager
    async def checkout(
        self,
        key: str,
        amount: Collateral,
        *,
        only: Address | None = None,
        wait_s: float | None = None,
        urgent: bool = False,
    ) -> AsyncIterator[Address]:
        """Wait for a wallet that can promise `amount` and hand it out until the block is left.

        The promise is made under `key` and ends with the block, unless `rekey` gave it another key. `only` asks for one
        wallet, because it already holds what is to be sold. Who is `urgent` is served before all who are not. Raises
        NoneFree when there is none within `wait_s`.
        """
        wallet = await self._take(_Waiting(key=key, amount=amount, only=only, urgent=urgent), wait_s)
        try:
            yield wallet
        finally:
            self._drop(key)
            self._checkin(wallet)

    async def _take(self, waiting: _Waiting, wait_s: float | None) -> Address:
        self._queue[waiting] = None
        self._serve()
        taken = False
        try:
            async with asyncio.timeout(wait_s):
                wallet = await waiting.given
            taken = True
        except TimeoutError:
            raise NoneFree(f"no operator wallet had {waiting.amount} of free float within {wait_s} s") from None
        finally:
            if not taken:
                self._leave(waiting)
        return wallet

    def _leave(self, waiting: _Waiting) -> None:
        """Let somebody stop waiting, whom a wallet may have been given at the same moment."""
        self._queue.pop(waiting, None)
        if waiting.given.done() and not waiting.given.cancelled():
            self._drop(waiting.key)
            self._checkin(waiting.given.result())
        self._serve()

    def _checkin(self, wallet: Address) -> None:
        self._out.discard(wallet)
        if wallet in self._well:
            self._idle[wallet] = None
        self._serve()

    def _serve(self) -> None:
        """Give idle wallets to those who wait, the longest first.

        Whoever cannot be served yet claims one wallet, so that those who came later, and want less, do not use up its
        float again and again. Exits need no float, so no claim of an entry holds them up.
        """
        claimed: set[Address] = set()
        for waiting in sorted(self._queue, key=lambda each: not each.urgent):
            if not self._idle:
                return
            if waiting.given.done() or (waiting.amount and self._idle.keys() <= claimed):
                continue
            wallet = self._candidate(waiting, claimed)
            if wallet is not None:
                self._give(wallet, waiting)
            elif (claim := self._claim(waiting, claimed)) is not None:
                claimed.add(claim)

    def _give(self, wallet: Address, waiting: _Waiting) -> None:
        del self._queue[waiting]
        del self._idle[wallet]
        self._out.add(wallet)
        self.hold(waiting.key, wallet, waiting.amount)
        waiting.given.set_result(wallet)

    def _candidate(self, waiting: _Waiting, claimed: Collection[Address]) -> Address | None:
        """Return the wallet that was checked in longest ago among those that can promise the amount."""
        if waiting.only is not None:
            return waiting.only if waiting.only in self._idle and self._affords(waiting.only, waiting) else None
        free = (wallet for wallet in self._idle if self._is_open(wallet) and self._affords(wallet, waiting))
        return next((wallet for wallet in free if wallet not in claimed or not waiting.amount), None)

    def _claim(self, waiting: _Waiting, claimed: Collection[Address]) -> Address | None:
        """Return the wallet that will be able to promise the amount soonest, as far as one can tell.

        It must have had as much once: a claim for more than any wallet ever has would keep it from everybody.
        """
        if not waiting.amount or waiting.only is not None:
            return None
        able = (wallet for wallet in self.ready if self._is_open(wallet) and self._most[wallet] >= waiting.amount)
        return max((wallet for wallet in able if wallet not in claimed), key=self.free_float, default=None)

    def _is_open(self, wallet: Address) -> bool:
        return wallet not in self._retired and wallet not in self._low_gas

    def _affords(self, wallet: Address, waiting: _Waiting) -> bool:
        return not waiting.amount or self.free_float(wallet) >= waiting.amount

    def _note(self, wallet: Address, balance: Collateral) -> None:
        self._balance[wallet] = balance
        self._most[wallet] = max(self._most.get(wallet, ZERO_COLLATERAL), balance)

    def _drop(self, key: str) -> Address | None:
        if key not in self._holds:
            return None
        wallet, amount = self._holds.pop(key)
        self._held[wallet] -= amount.units
        return wallet
