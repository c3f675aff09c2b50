"""Digests and signatures against the official SDK, eth-account, and orders that the real exchange settled."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket._internal.actions.orders.typed_data import build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.l1_auth import sign_api_key_auth

from remora.devnet.clob.orders import Side, SignedOrder
from remora.devnet.clob.signing import auth_digest, exchange_domain, order_digest, signed_by
from tests.unit.devnet.settled import settled_matches

KEY = "0x" + "11" * 32
TRADER = Account.from_key(KEY)
EXCHANGE = "0x" + "e0" * 20


def order_of(maker: str, **changes: Any) -> SignedOrder:
    fields: dict[str, Any] = {
        "salt": 2**53 - 1,
        "maker": maker.lower(),
        "signer": maker.lower(),
        "token_id": 2**255 + 7,
        "maker_amount": 5_000_000,
        "taker_amount": 10_000_000,
        "side": Side.BUY,
        "signature_type": 0,
        "timestamp_ms": 1_795_368_118_133,
        "metadata": bytes(32),
        "builder": bytes.fromhex("ab" * 32),
        "signature": bytes(65),
    }
    return SignedOrder(**{**fields, **changes})


def as_the_sdk_has_it(order: SignedOrder) -> UnsignedOrder:
    fields: dict[str, Any] = {
        "chain_id": 31337,
        "builder": "0x" + order.builder.hex(),
        "exchange_address": to_checksum_address(EXCHANGE),
        "expiration": 0,
        "maker": TRADER.address,
        "maker_amount": order.maker_amount,
        "metadata": "0x" + order.metadata.hex(),
        "order_type": "GTC",
        "salt": order.salt,
        "side": order.side.value,
        "signature_type": 0,
        "signer": TRADER.address,
        "taker_amount": order.taker_amount,
        "timestamp": order.timestamp_ms,
        "token_id": str(order.token_id),
    }
    return UnsignedOrder(**fields)


@pytest.mark.parametrize("side", Side)
def test_the_sdks_signature_is_the_makers(side: Side) -> None:
    order = order_of(TRADER.address, side=side)
    signed = TRADER.sign_typed_data(full_message=build_order_typed_data(as_the_sdk_has_it(order)))
    digest = order_digest(order, exchange_domain(31337, EXCHANGE, "2"))
    assert digest == signed.message_hash
    assert signed_by(digest, bytes(signed.signature), TRADER.address.lower())


def test_every_order_that_the_real_exchange_settled_has_the_id_of_its_log() -> None:
    matches = settled_matches()
    assert len(matches) == 36
    for match in matches:
        domain = exchange_domain(match.chain_id, match.exchange, "2")
        digests = ["0x" + order_digest(order, domain).hex() for order in match.orders]
        assert digests == match.order_hashes


def test_plain_signatures_that_the_real_exchange_took_are_taken_here() -> None:
    taken = [
        signed_by(
            order_digest(order, exchange_domain(match.chain_id, match.exchange, "2")),
            order.signature,
            order.signer,
        )
        for match in settled_matches()
        for order in match.orders
        if order.signature_type == 0
    ]
    assert len(taken) > 50
    assert all(taken)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(65), b"\xff" * 65, bytes(64) + b"\x1b", b"\x01" * 64 + b"\x05", b"\x01" * 66],
)
def test_what_is_no_signature_is_nobodys(signature: bytes) -> None:
    assert not signed_by(bytes(32), signature, TRADER.address.lower())


def test_the_sdks_log_in_is_the_wallets() -> None:
    log_in = sign_api_key_auth(TRADER, chain_id=31337, timestamp=1_800_000_000, nonce=7)
    digest = auth_digest(31337, log_in.address, "1800000000", 7)
    assert signed_by(digest, bytes.fromhex(log_in.signature[2:]), TRADER.address.lower())
    assert not signed_by(digest, bytes.fromhex(log_in.signature[2:]), EXCHANGE)
