"""Who may trade for a wallet, and whether an order is signed: by recovery, or by asking a deposit wallet on chain.

The caller is the account of an API key. It trades for itself, for its own proxy wallet, safe or deposit wallet, and
with a session key for somebody else's deposit wallet (polymarket.md 5).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, assert_never

from eth_abi.abi import encode

from remora.devnet.clob import refusals
from remora.devnet.clob.orders import SignatureType, SignedOrder
from remora.devnet.clob.sessions import Session, Sessions
from remora.devnet.clob.signing import address_word, signed_by
from remora.domain.errors import Refused
from remora.domain.ids import Address
from remora.domain.wallets import WalletFactories, WalletKind

#: What a contract answers to calldata; `Refused` when it reverts.
View: TypeAlias = Callable[[Address, bytes], Awaitable[bytes]]
#: isValidSignature(bytes32,bytes), which is also what it answers to a valid one (ERC-1271).
_IS_VALID_SIGNATURE = bytes.fromhex("1626ba7e")
#: sessionSignerAuthorizedUntil(address)
_AUTHORIZED_UNTIL = bytes.fromhex("b9ac71d6")
#: A signature that ends like this is a session signer's, and starts with the signer as a word.
_SESSION_MARK = bytes.fromhex("6492" * 16)


class Signatories:
    """Tells whose wallets are whose, and what they have signed."""

    def __init__(self, view: View, addresses: WalletFactories, sessions: Sessions, now_s: Callable[[], int]) -> None:
        self._view = view
        self._addresses = addresses
        self._sessions = sessions
        self._now_s = now_s

    def wallet_of(self, caller: str, kind: SignatureType) -> str:
        """Return the wallet that a caller trades with; for a session key the one that it was authorized for."""
        match kind:
            case SignatureType.EOA:
                return caller
            case SignatureType.PROXY:
                return self._addresses.of(caller, WalletKind.PROXY)
            case SignatureType.SAFE:
                return self._addresses.of(caller, WalletKind.SAFE)
            case SignatureType.DEPOSIT_WALLET:
                session = self._sessions.wallet_of(caller, self._now_s())
                return session or self._addresses.of(caller, WalletKind.DEPOSIT)
            case _:
                assert_never(kind)

    def check_caller(self, order: SignedOrder, caller: str) -> None:
        """Refuse an order whose signer the caller may not be."""
        if order.signature_type is not SignatureType.DEPOSIT_WALLET:
            may_sign = order.signer == caller
        elif (session_signer := _session_signer(order.signature)) is not None:
            may_sign = session_signer == caller and self._sessions.may_trade(caller, order.maker, self._now_s())
        else:
            may_sign = order.maker == self._addresses.of(caller, WalletKind.DEPOSIT)
        if not may_sign:
            raise refusals.foreign_signer()

    async def check_signature(self, order: SignedOrder, digest: bytes) -> None:
        """Refuse an order that the exchange would not find signed for its maker."""
        if order.signature_type is SignatureType.DEPOSIT_WALLET:
            is_signed = await self._is_accepted(order.maker, digest, order.signature)
        else:
            is_signers = order.maker == self.wallet_of(order.signer, order.signature_type)
            is_signed = is_signers and signed_by(digest, order.signature, order.signer)
        if not is_signed:
            raise refusals.invalid_signature()

    async def sessions_of(self, wallet: str) -> list[Session]:
        """Return a wallet's sessions that the wallet itself knows: an authorization counts from its block on."""
        sessions = self._sessions.of_wallet(wallet, self._now_s())
        questions = [_AUTHORIZED_UNTIL + address_word(session.signer) for session in sessions]
        answers = [await self._view(Address(wallet), question) for question in questions]
        return [
            session
            for session, answer in zip(sessions, answers, strict=True)
            if int.from_bytes(answer) == session.valid_until_s
        ]

    async def _is_accepted(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        question = _IS_VALID_SIGNATURE + encode(["bytes32", "bytes"], [digest, signature])
        try:
            answer = await self._view(Address(wallet), question)
        except Refused:
            return False
        return answer[:4] == _IS_VALID_SIGNATURE


def _session_signer(signature: bytes) -> str | None:
    return "0x" + signature[12:32].hex() if signature.endswith(_SESSION_MARK) else None
