"""Rebalance: float goes from wallets with too much, and from retired ones, to the treasury, from there to the poor.

A wallet takes part while nothing of it is under way and the chain has what the books say, to the base unit: what is on
its way is then counted nowhere. What is drawn is held, so that no copy spends it. A wallet that just promised a copy
float is not topped up: it comes back. One rebalance is in flight at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from remora.domain.errors import RemoraError
from remora.domain.floats import BookedFloat, FloatBounds, FloatTransfer, TransferKind
from remora.domain.ids import Address
from remora.domain.money import ZERO_COLLATERAL, Collateral
from remora.execute.fleet import Fleet
from remora.execute.floats import WalletFloat, excess, served
from remora.ports import ChainReader, Clock, FloatStore

log = structlog.get_logger()

AGAIN_AFTER_S = 5.0
"""How soon it is looked again while transfers are in flight, or wallets were passed over that somebody waits for."""

REQUEST_FOR_S = 60
"""So long a request waits for wallets of which something is under way; then it is done."""

IN_HAND_FOR_S = 1.0
"""How long a wallet is waited for that is in another hand."""

TRANSFER_PATIENCE_S = 60.0
"""A transfer that no block has by then is followed to its end by the settler."""

US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceRules:
    """`bounds` for the float of each wallet, None for no rebalance by itself; looked at every `every_s` seconds.

    `reserve` stays in the treasury whatever the wallets lack.
    """

    bounds: FloatBounds | None
    reserve: Collateral
    every_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The float of wallets that can take part, those that cannot now, and the treasury's collateral.

    Of the wallets that take part, those `about_to_spend` have promised float to copies that have no order yet.
    """

    floats: Sequence[WalletFloat]
    passed_over: Sequence[Address]
    about_to_spend: Collection[Address]
    treasury: Collateral


class Rebalancer:
    """Keeps the fleet's float between bounds, and takes the float of retired wallets back."""

    def __init__(
        self,
        *,
        rules: RebalanceRules,
        fleet: Fleet,
        treasury: Address,
        chain: ChainReader,
        store: FloatStore,
        clock: Clock,
        send: Callable[[FloatTransfer], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._fleet = fleet
        self._treasury = treasury
        self._chain = chain
        self._store = store
        self._clock = clock
        self._send = send
        self._held: set[Address] = set()
        self._one_at_a_time = asyncio.Lock()
        self._asked = asyncio.Event()

    def look_soon(self) -> None:
        """Look beside the timer: somebody asked for a rebalance, or retired a wallet."""
        self._asked.set()

    async def run(self) -> None:
        """Look after the fleet's float for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_when_asked())
            while True:
                await self._clock.sleep(self._rules.every_s)
                await self.look()

    async def look(self) -> bool:
        """Rebalance once; tell whether to look again soon. Trouble with a neighbour is for the next time."""
        async with self._one_at_a_time:
            try:
                return await self._look()
            except RemoraError as trouble:
                log.warning("rebalance_postponed", error=str(trouble))
                return False

    async def restore(self) -> bool:
        """Hold what draws without an end take, release what others took; tell whether a transfer is in flight."""
        in_flight = await self._store.in_flight()
        draws = {each.wallet: each.amount for each in in_flight if each.kind is TransferKind.DRAW}
        for wallet, amount in draws.items():
            self._hold(wallet, amount)
        if ended := sorted(self._held.difference(draws)):
            await self._let_go(ended)
        return bool(in_flight)

    async def _let_go(self, wallets: Sequence[Address]) -> None:
        """End the promises of draws that have an end, with what the wallets have now."""
        for wallet, balance in zip(wallets, await self._chain.collateral_of(wallets), strict=True):
            await self._fleet.drawn(_key(wallet), balance)
            self._held.discard(wallet)

    async def _look_when_asked(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            while await self.look():
                await self._clock.sleep(AGAIN_AFTER_S)

    async def _look(self) -> bool:
        if await self.restore():
            return True
        request = await self._store.request()
        bounds = request.bounds if request else self._rules.bounds
        wallets = self._wallets(bounds)
        passed_over = await self._rebalance(wallets, bounds) if wallets else []
        if await self.restore():
            return True
        if request is None:
            return any(wallet in self._fleet.retired for wallet in passed_over)
        passed_over += self._fleet.missing
        is_done = not passed_over or self._clock.now_us() - request.asked_us >= REQUEST_FOR_S * US
        if is_done:
            await self._store.answered(request)
            log.info("rebalanced", passed_over=passed_over)
        return not is_done

    def _wallets(self, bounds: FloatBounds | None) -> list[Address]:
        """Return the wallets that work, those alone that are retired where there are no bounds."""
        out = {*self._fleet.missing}
        return [each for each in self._fleet.wallets if each not in out and (bounds or each in self._fleet.retired)]

    async def _rebalance(self, wallets: Sequence[Address], bounds: FloatBounds | None) -> list[Address]:
        """Make the draws, and then the top-ups from what the treasury has; return who was passed over."""
        if await self._chain.collateral_paused():
            log.warning("rebalance_postponed", error="the collateral is paused")
            return list(wallets)
        reading = await self._read(wallets)
        rich = _above(reading, bounds)
        if rich:
            async with asyncio.TaskGroup() as draws:
                for wallet in rich:
                    draws.create_task(self._draw(wallet, bounds))
            if await self.restore():
                return list(wallets)  # the top-ups need what is still on its way
            reading = await self._read(wallets)
        await self._top_up(reading, bounds)
        left = {*reading.passed_over, *reading.about_to_spend, *_above(reading, bounds)}
        return [wallet for wallet in wallets if wallet in left]

    async def _draw(self, wallet: Address, bounds: FloatBounds | None) -> None:
        """Take a wallet's excess. It is in hand while that is reckoned, so that no order is begun with it."""
        try:
            async with self._fleet.checkout(f"reckon:{wallet}", ZERO_COLLATERAL, only=wallet, wait_s=IN_HAND_FOR_S):
                reading = await self._read([wallet])
                amount = Collateral(sum(excess(each, bounds).units for each in reading.floats))
                if amount:
                    self._hold(wallet, amount)
        except RemoraError as trouble:  # it is in another hand, or the node does not answer
            log.info("wallet_passed_over", wallet=wallet, why=str(trouble))
            return
        if amount:
            await self._transfer(FloatTransfer(wallet=wallet, kind=TransferKind.DRAW, amount=amount))

    async def _top_up(self, reading: _Reading, bounds: FloatBounds | None) -> None:
        """Serve the wallets in order; their transactions leave one after another, without waiting for blocks."""
        floats = [each for each in reading.floats if each.wallet not in reading.about_to_spend]
        top_ups, missing = served(floats, reading.treasury - self._rules.reserve, bounds)
        if missing:
            balance = str(reading.treasury)
            log.error("treasury_short", treasury=self._treasury, balance=balance, missing=str(missing))
        async with asyncio.TaskGroup() as transfers:
            for each in top_ups:
                transfers.create_task(self._transfer(each))

    async def _transfer(self, transfer: FloatTransfer) -> None:
        named = {"kind": transfer.kind, "wallet": transfer.wallet, "amount": str(transfer.amount)}
        try:
            async with asyncio.timeout(TRANSFER_PATIENCE_S):
                await self._send(transfer)
        except TimeoutError:
            log.warning("float_on_its_way", **named)
        except RemoraError as trouble:
            log.warning("float_not_moved", **named, error=str(trouble))
        else:
            log.info("float_moved", **named)

    async def _read(self, wallets: Sequence[Address]) -> _Reading:
        """Read the books before the chain: what begins in between makes them differ, or is promised by now."""
        booked = await self._store.floats(wallets)
        *balances, treasury = await self._chain.collateral_of([*wallets, self._treasury])
        found = dict(zip(wallets, balances, strict=True))
        still = [each for each in booked if not each.moving and each.booked == found[each.wallet]]
        known = {each.wallet for each in still}
        return _Reading(
            floats=[self._float(each) for each in still],
            passed_over=[wallet for wallet in wallets if wallet not in known],
            about_to_spend=frozenset(each.wallet for each in still if self._is_about_to_spend(each)),
            treasury=treasury,
        )

    def _float(self, booked: BookedFloat) -> WalletFloat:
        return WalletFloat(
            wallet=booked.wallet,
            balance=booked.booked,
            reserved=max(self._fleet.promised(booked.wallet), booked.owed),
            retired=booked.wallet in self._fleet.retired,
        )

    def _is_about_to_spend(self, booked: BookedFloat) -> bool:
        return booked.wallet not in self._fleet.retired and self._fleet.promised(booked.wallet) > booked.owed

    def _hold(self, wallet: Address, amount: Collateral) -> None:
        self._fleet.hold(_key(wallet), wallet, amount)
        self._held.add(wallet)


def _above(reading: _Reading, bounds: FloatBounds | None) -> list[Address]:
    """Return the wallets that have to send something."""
    return [each.wallet for each in reading.floats if excess(each, bounds)]


def _key(wallet: Address) -> str:
    """Return the key of the promise of what is drawn from a wallet."""
    return f"draw:{wallet}"
