"""The API keys of our wallets: made, or derived, when a wallet is mustered, and anew when the venue knows one no more.

A key is deleted by whoever has it, or by the venue. A request under such a key is refused without being looked at, so
it may be made again under another one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from remora.adapters.venue.auth import Account, DigestSigner, l1_headers, parse_api_key
from remora.adapters.venue.outcome import content
from remora.adapters.venue.wire import Answer, Request
from remora.domain.errors import Malformed, OperatorError, Refused, Retryable
from remora.domain.ids import Address
from remora.ports import Clock

log = structlog.get_logger()

RENEWED_EVERY_S = 300
"""How often at most a wallet's key is made anew: a venue that takes no key at all is not asked for ever more."""

_BAD_REQUEST = 400
_UNKNOWN_KEY = "invalid api key"
"""The venue's words (polymarket.md 3.5), also for a signature or a time that it does not accept."""


class Accounts:
    """Wallets with their API keys, in memory only. `ask` makes a request without effect."""

    def __init__(
        self, *, signer: DigestSigner, chain_id: int, clock: Clock, ask: Callable[[Request], Awaitable[Answer]]
    ) -> None:
        self._signer = signer
        self._chain_id = chain_id
        self._clock = clock
        self._ask = ask
        self._accounts: dict[Address, Account] = {}
        self._renewed_s: dict[Address, int] = {}
        self._turns: defaultdict[Address, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def authenticate(self, wallet: Address) -> None:
        """Make the wallet's API key, or derive the one it has already.

        Raises Refused with the venue's words, Retryable when the venue cannot be reached or is busy.
        """
        headers = l1_headers(self._signer, wallet, chain_id=self._chain_id, timestamp_s=self._now_s())
        answer = await self._ask(Request(method="POST", path="/auth/api-key", headers=headers))
        if answer.status == _BAD_REQUEST:
            answer = await self._ask(Request(method="GET", path="/auth/derive-api-key", headers=headers))
        found = content(answer, now_s=self._now_s())
        if found is None:
            raise Refused("the venue has no API keys at this address")
        self._accounts[wallet] = Account(wallet, parse_api_key(found))

    @asynccontextmanager
    async def lent(self, wallet: Address) -> AsyncIterator[Account]:
        """Lend a wallet's account to one request, which the block makes.

        When the venue refuses that because it does not know the key, the wallet gets another one, once in five minutes,
        and Retryable is raised: nothing happened. OperatorError for a wallet that was never authenticated.
        """
        account = self._accounts.get(wallet)
        if account is None:
            raise OperatorError(f"wallet {wallet} has no API key: authenticate it first")
        try:
            yield account
        except Refused as refusal:
            if _UNKNOWN_KEY not in refusal.reason.lower() or not await self._renewed(wallet, account):
                raise
            raise Retryable("the wallet's API key was not known, and is another one now", 0) from None

    async def _renewed(self, wallet: Address, refused: Account) -> bool:
        """Tell whether a wallet has another key than the one that was refused, after making one if that is due."""
        async with self._turns[wallet]:
            if self._accounts[wallet] is not refused:
                return True
            now_s = self._now_s()
            if now_s - self._renewed_s.get(wallet, now_s - RENEWED_EVERY_S) < RENEWED_EVERY_S:
                return False
            try:
                await self.authenticate(wallet)
            except (Refused, Malformed) as trouble:
                log.error("api_key_not_renewed", wallet=wallet, error=str(trouble))
            self._renewed_s[wallet] = now_s
            return self._accounts[wallet] is not refused

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000
