"""What the relayer carries to the chain: batches of calls that a wallet's owner signed, and the making of wallets.

However a kind of wallet wants its calls packed and signed, a batch here tells which calls they are, and what the
relayer's own transaction has to be. The wallet's contract verifies the signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from remora.devnet.abi import calldata

_NONCE = bytes.fromhex("affed0e0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that a wallet makes; `value` in wei."""

    target: str
    value: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Who counts a wallet's batches on chain, and how to ask for the nonce that the next one needs."""

    contract: str
    question: bytes

    @classmethod
    def of_wallet(cls, wallet: str) -> Counter:
        """Return the counter of a deposit wallet or a safe, which is the wallet itself."""
        return cls(contract=wallet, question=_NONCE)

    @classmethod
    def of_hub(cls, hub: str, owner: str) -> Counter:
        """Return the counter of a proxy wallet, which is the relay hub, by owner."""
        return cls(contract=hub, question=calldata("getNonce(address)", owner))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls of one wallet, in order, good for one nonce; `to` and `data` are the transaction that has them made.

    `makes_wallet`: the transaction makes the wallet where there is none.
    """

    wallet: str
    nonce: int
    calls: tuple[Call, ...]
    counter: Counter
    to: str
    data: bytes = field(repr=False)
    by_session: bool = False
    makes_wallet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """The wish of an account to have its wallet: the transaction that makes it."""

    to: str
    data: bytes = field(repr=False)
