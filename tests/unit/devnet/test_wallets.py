"""Wallets of every kind are where the official SDK derives them."""

from __future__ import annotations

import dataclasses

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
)
from polymarket.environments import PRODUCTION

from remora.devnet.wallet_factories import safe_code_hash, wallet_factories
from remora.domain.wallets import WalletKind
from tests.unit.devnet.scene import CONTRACTS

DERIVATION = dataclasses.replace(
    PRODUCTION._config.wallet_derivation,
    deposit_wallet_factory=CONTRACTS.deposit_wallet_factory,
    deposit_wallet_beacon=CONTRACTS.deposit_wallet_factory,
    proxy_factory=CONTRACTS.proxy_factory,
    proxy_implementation=CONTRACTS.proxy_implementation,
    safe_factory=CONTRACTS.safe_factory,
    safe_init_code_hash="0x" + safe_code_hash(CONTRACTS.safe_singleton).hex(),
)
BY_THE_SDK = {
    WalletKind.PROXY: derive_proxy_wallet_address,
    WalletKind.SAFE: derive_safe_wallet_address,
    WalletKind.DEPOSIT: derive_beacon_deposit_wallet_address,
}


@pytest.mark.parametrize("kind", WalletKind)
@pytest.mark.parametrize("key", [b"\x01" * 32, b"\xa5" * 32])
def test_an_owners_wallet_is_where_the_sdk_derives_it(kind: WalletKind, key: bytes) -> None:
    owner = Account.from_key(key).address
    ours = wallet_factories(CONTRACTS).of(owner.lower(), kind)
    assert ours == ours.lower()
    assert to_checksum_address(ours) == BY_THE_SDK[kind](owner, DERIVATION)
