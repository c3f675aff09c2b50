"""Muster: brings each operator wallet to readiness, all at once: API key, approvals, float. One that fails is out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from remora.domain.errors import OperatorError, Refused, RemoraError
from remora.domain.ids import Address
from remora.domain.ledger import COLLATERAL, OPENING, Posting, operator_account, transfer
from remora.domain.money import Collateral
from remora.domain.transaction import Call
from remora.execute.fleet import Fleet
from remora.ports import ChainReader, Clock, Custody, SettlementStore, Venue

log = structlog.get_logger()

AGAIN_AFTER_S = 60.0
"""How often wallets that are out are tried again."""

ENOUGH_ALLOWANCE = Collateral(2**128)
"""Approvals are unlimited; tokens that count them down take ages to get below this."""


class Muster:
    """Makes the fleet ready."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        clearinghouse: Address,
        spenders: tuple[Address, ...],
        clock: Clock,
        venue: Venue,
        chain: ChainReader,
        custody: Custody,
        store: SettlementStore,
        send: Callable[[Address, Call], Coroutine[None, None, bool]],
    ) -> None:
        self._fleet = fleet
        self._clearinghouse = clearinghouse
        self._spenders = spenders
        self._clock = clock
        self._venue = venue
        self._chain = chain
        self._custody = custody
        self._store = store
        self._send = send

    async def run(self) -> None:
        """Try for ever to get back the wallets that are out."""
        while True:
            await self._clock.sleep(AGAIN_AFTER_S)
            await self.muster()

    async def muster(self) -> None:
        """Make all wallets ready that can be and are not."""
        ready = set(self._fleet.ready)
        async with asyncio.TaskGroup() as wallets:
            for wallet in self._fleet.wallets:
                if wallet not in ready:
                    wallets.create_task(self._enlist(wallet))

    async def _enlist(self, wallet: Address) -> None:
        try:
            # First, so that the books hold what a wallet has that turns out to be out.
            await self._store.post([_opening(wallet, await self._collateral(wallet))])
            await self._venue.authenticate(wallet)
            await self._check_admitted(wallet)
            await self._approve(wallet)
            balance = await self._collateral(wallet)
        except* RemoraError as failed:
            log.error("wallet_out", wallet=wallet, errors=[str(error) for error in failed.exceptions])
            self._fleet.dismiss(wallet)
        else:
            await self._fleet.enlist(wallet, balance)

    async def _collateral(self, wallet: Address) -> Collateral:
        return (await self._chain.collateral_of([wallet]))[0]

    async def _check_admitted(self, wallet: Address) -> None:
        """Keep out a wallet that could buy but not deliver."""
        if not await self._chain.is_operator(wallet, self._clearinghouse):
            raise OperatorError(f"expected {wallet} to be an operator of the Clearinghouse; its owner must add it")

    async def _approve(self, wallet: Address) -> None:
        async with asyncio.TaskGroup() as approvals:
            for call, given in zip(self._custody.approvals(), await self._given(wallet), strict=True):
                if not given:
                    approvals.create_task(self._give(wallet, call))

    async def _give(self, wallet: Address, call: Call) -> None:
        if not await self._send(wallet, call):
            raise Refused(f"an approval of wallet {wallet} was reverted")

    async def _given(self, wallet: Address) -> list[bool]:
        """Tell which of the custody's approvals stand: collateral for each spender, then shares for each."""
        allowances = [(await self._chain.collateral_allowances([wallet], each))[0] for each in self._spenders]
        shares = [(await self._chain.shares_approved([wallet], each))[0] for each in self._spenders]
        return [allowance >= ENOUGH_ALLOWANCE for allowance in allowances] + shares


def _opening(wallet: Address, balance: Collateral) -> Posting:
    """Return what the books say a wallet had when it was first seen; written once."""
    entries = transfer(OPENING, operator_account(wallet), COLLATERAL, balance.units)
    return Posting(posting_id=f"opening:{wallet}", entries=entries)
