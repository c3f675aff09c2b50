"""The devnet's accounts, derived from public seeds: whoever reads this file owns them, on every devnet.

A scripted account is keccak-256("remora devnet <role> <seed> <index>"), one on demand
keccak-256("remora devnet on demand <purpose> <seed> <index>"). The fleet and its treasury come from the
public test mnemonic, as a supervisor derives them from its own: m/44'/60'/0'/0/i and m/44'/60'/1'/0/0.
None of these keys may ever hold value. The devnet's chain id keeps their signatures invalid on Polygon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_utils.crypto import keccak

from remora.domain.ids import Address, address

MNEMONIC = "test test test test test test test test test test test junk"


class Role(StrEnum):
    """What a scripted account is for."""

    OWNER = "owner"
    EXCHANGE_OPERATOR = "exchange operator"
    RELAYER = "relayer"
    FEE_RECEIVER = "fee receiver"
    ORACLE = "oracle"
    MARKET_MAKER = "market maker"
    LEADER = "leader"
    FOLLOWER = "follower"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetAccount:
    """An account with a private key (hex with 0x) that the whole world knows."""

    address: Address
    private_key: str = field(repr=False)


def scripted(role: Role, index: int = 0, *, seed: int = 0) -> DevnetAccount:
    """Return account `index` of a role; another `seed` gives an unrelated set of accounts."""
    return _account(keccak(text=f"remora devnet {role} {seed} {index}"))


def on_demand(purpose: str, index: int, *, seed: int) -> DevnetAccount:
    """Return account `index` of those that are made when somebody asks for them; it plays no role of the devnet's."""
    return _account(keccak(text=f"remora devnet on demand {purpose} {seed} {index}"))


def scripted_range(role: Role, count: int, *, seed: int = 0) -> tuple[DevnetAccount, ...]:
    """Return the first `count` accounts of a role."""
    return tuple(scripted(role, index, seed=seed) for index in range(count))


def fleet(count: int, *, start: int = 0) -> tuple[DevnetAccount, ...]:
    """Return `count` operator wallets of the public test mnemonic, from derivation index `start` on."""
    return tuple(_derived(f"m/44'/60'/0'/0/{index}") for index in range(start, start + count))


def treasury() -> DevnetAccount:
    """Return the treasury of the public test mnemonic, the wallet that refuels the fleet."""
    return _derived("m/44'/60'/1'/0/0")


def _derived(path: str) -> DevnetAccount:
    return _account(key_from_seed(seed_from_mnemonic(MNEMONIC, passphrase=""), path))


def _account(private_key: bytes) -> DevnetAccount:
    return DevnetAccount(address=address(Account.from_key(private_key).address), private_key=f"0x{private_key.hex()}")
