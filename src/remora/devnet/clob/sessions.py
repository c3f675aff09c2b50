"""Session keys as the venue knows them: who may trade for which deposit wallet, in which scopes, until when.

The relayer writes here what owners ask for; the chain has the last word, since a wallet accepts the signatures of its
own session signers only (polymarket.md 5). Addresses are lower-case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remora.devnet.remembering import Remembering


class Scope(StrEnum):
    """What a session key may do; ALL is given alone."""

    ALL = "ALL"
    CLOB = "CLOB"
    COMBOSRFQ = "COMBOSRFQ"


_ORDER_BOOK_SCOPES = frozenset((Scope.ALL, Scope.CLOB))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A key that may act for a deposit wallet until a unix time."""

    wallet: str
    signer: str
    scopes: frozenset[Scope]
    valid_until_s: int


class Sessions(Remembering):
    """The sessions of all wallets."""

    remembered = ("_sessions", "_revoked")

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}
        self._revoked: list[Session] = []

    def authorize(self, session: Session) -> None:
        """Let a key act for a wallet, on these terms instead of older ones."""
        self._sessions[session.wallet, session.signer] = session

    def revoke(self, wallet: str, signer: str) -> None:
        """End a session at once, if there is one."""
        if session := self._sessions.pop((wallet, signer), None):
            self._revoked.append(session)

    def of_wallet(self, wallet: str, now_s: int) -> list[Session]:
        """Return a wallet's sessions that are not over."""
        return [each for each in self._sessions.values() if each.wallet == wallet and now_s < each.valid_until_s]

    def wallet_of(self, signer: str, now_s: int) -> str | None:
        """Return the wallet that a key acts for; the last authorized one of several."""
        wallets = [
            each.wallet for each in self._sessions.values() if each.signer == signer and now_s < each.valid_until_s
        ]
        return wallets[-1] if wallets else None

    def may_trade(self, signer: str, wallet: str, now_s: int) -> bool:
        """Tell whether a key may place orders for a wallet."""
        session = self._sessions.get((wallet, signer))
        return session is not None and now_s < session.valid_until_s and bool(session.scopes & _ORDER_BOOK_SCOPES)

    def ended(self, now_s: int) -> list[Session]:
        """Return, once each, the sessions that were revoked or are over, and forget them."""
        over = [session for session in self._sessions.values() if session.valid_until_s <= now_s]
        for session in over:
            del self._sessions[session.wallet, session.signer]
        revoked, self._revoked = self._revoked, []
        return [*revoked, *over]
