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

from remora.devnet.wallet_addresses import WalletAddresses, WalletKind

FACTORY = "0x" + "d0" * 20
DERIVATION = dataclasses.replace(
    PRODUCTION._config.wallet_derivation, deposit_wallet_factory=FACTORY, deposit_wallet_beacon=FACTORY
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
    ours = WalletAddresses(deposit_wallet_factory=FACTORY).of(owner.lower(), kind)
    assert ours == ours.lower()
    assert to_checksum_address(ours) == BY_THE_SDK[kind](owner, DERIVATION)
