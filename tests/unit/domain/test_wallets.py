"""The wallets that belong to a login key are where the official SDK derives them, on Polygon too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
    derive_uups_deposit_wallet_address,
)
from polymarket.environments import PRODUCTION

from remora.domain.ids import address
from remora.domain.wallets import POLYGON_FACTORIES, WalletKind

VENUE = PRODUCTION._config.wallet_derivation
BY_THE_SDK = {
    "deposit wallet": derive_beacon_deposit_wallet_address,
    "older deposit wallet": derive_uups_deposit_wallet_address,
    "proxy wallet": derive_proxy_wallet_address,
    "safe": derive_safe_wallet_address,
}


@pytest.mark.parametrize("key", [b"\x01" * 32, b"\xa5" * 32])
def test_polygons_wallets_are_where_the_sdk_derives_them(key: bytes) -> None:
    owner = Account.from_key(key).address
    found = {each.name: to_checksum_address(each.wallet) for each in POLYGON_FACTORIES.wallets_of(address(owner))}
    assert found == {name: derive(owner, VENUE) for name, derive in BY_THE_SDK.items()}


def test_a_network_without_older_deposit_wallets_has_one_of_each_kind() -> None:
    owner = address(Account.from_key(b"\x01" * 32).address)
    factories = replace(POLYGON_FACTORIES, deposit_wallet_implementation=None)
    assert [each.wallet for each in factories.wallets_of(owner)] == [factories.of(owner, kind) for kind in WalletKind]
