"""Proxies and safes are where the official SDK says, with the venue's factories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth_account import Account
from polymarket._internal.wallet import derive_proxy_wallet_address, derive_safe_wallet_address
from polymarket.environments import PRODUCTION

from remora.devnet.artifacts import ROOT

VENUE = PRODUCTION._config.wallet_derivation
# The hash of the SDK's template of a proxy's creation code, filled in with the venue's factory and implementation.
PROXY_INIT_CODE_HASH = "d21df8dc65880a8606f09fe0ce3df9b8869287ab0b058be05aa9e8af6330a00b"


@pytest.fixture
def wallets() -> Iterator[Any]:
    with boa.env.anchor():
        yield boa.load(
            ROOT / "contracts" / "devnet" / "WalletDerivation.vy",
            VENUE.proxy_factory,
            bytes.fromhex(PROXY_INIT_CODE_HASH),
            VENUE.safe_factory,
            bytes.fromhex(VENUE.safe_init_code_hash[2:]),
        )


@pytest.mark.parametrize("key", [b"\x01" * 32, b"\xa5" * 32])
def test_wallets_are_where_the_sdk_derives_them(wallets: Any, key: bytes) -> None:
    signer = Account.from_key(key).address
    assert wallets.proxy_wallet(signer) == derive_proxy_wallet_address(signer, VENUE)
    assert wallets.safe_wallet(signer) == derive_safe_wallet_address(signer, VENUE)
