"""Our digests against everybody else's: the official SDK, eth-account, and orders that were settled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coincurve import PublicKey
from eth_abi.abi import decode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.typed_data import build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket._internal.l1_auth import build_api_key_auth_typed_data, sign_api_key_auth
from polymarket.models.types import TokenId as SdkTokenId
from polymarket.types import EvmAddress, HexString

from remora.adapters.keys.eip712 import clob_auth_digest
from remora.domain.contracts import Generation
from remora.domain.errors import Malformed
from remora.domain.ids import Address, TokenId, address
from remora.domain.order import OrderTerms
from remora.domain.order_hash import exchange_domain, order_digest
from remora.domain.signal import Side

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = json.loads((FIXTURES / "exchange_v2" / "cases.json").read_text())
ORDER_TYPE = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"

uint256 = st.integers(min_value=0, max_value=2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: Address(f"0x{raw.hex()}"))
words = st.binary(min_size=32, max_size=32).map(lambda raw: f"0x{raw.hex()}")

order_terms = st.builds(
    OrderTerms,
    salt=uint256,
    maker=addresses,
    signer=addresses,
    token_id=uint256.map(TokenId),
    maker_amount=uint256,
    taker_amount=uint256,
    side=st.sampled_from(Side),
    timestamp_ms=st.integers(min_value=0, max_value=2**63),
    signature_type=st.integers(min_value=0, max_value=2),
    metadata=words,
    builder=words,
)


def sdk_order(terms: OrderTerms, chain_id: int, exchange: Address) -> UnsignedOrder:
    return UnsignedOrder(
        chain_id=chain_id,
        builder=HexString(terms.builder),
        exchange_address=EvmAddress(exchange),
        expiration=0,
        maker=EvmAddress(terms.maker),
        maker_amount=terms.maker_amount,
        metadata=HexString(terms.metadata),
        order_type="FAK",
        salt=terms.salt,
        side=terms.side.value,
        signature_type=terms.signature_type,
        signer=EvmAddress(terms.signer),
        taker_amount=terms.taker_amount,
        timestamp=terms.timestamp_ms,
        token_id=SdkTokenId(str(terms.token_id)),
    )


def reference_digest(typed_data: dict[str, Any]) -> bytes:
    message = encode_typed_data(full_message=typed_data)
    return keccak(b"\x19" + message.version + message.header + message.body)


def settled_orders() -> list[Any]:
    """Return (case, exchange, its fills' hashes, the calldata's orders) of every recorded match."""
    cases = []
    for case in CASES:
        order, rest = ORDER_TYPE, "uint256,uint256[],uint256,uint256[]"
        packed = bytes.fromhex(case["calldata"][10:])
        _, taker, makers, *_ = decode(["bytes32", order, f"{order}[]", *rest.split(",")], packed)
        fills = {fill["order_hash"] for fill in case["expected_fills"]}
        cases.append(pytest.param(address(case["to"]), fills, [taker, *makers], id=case["name"]))
    return cases


def terms_of(order: tuple[Any, ...]) -> OrderTerms:
    salt, maker, signer, token_id, making, taking, side, signature_type, timestamp, metadata, builder, _ = order
    return OrderTerms(
        salt=salt,
        maker=address(maker),
        signer=address(signer),
        token_id=TokenId(token_id),
        maker_amount=making,
        taker_amount=taking,
        side=[Side.BUY, Side.SELL][side],
        timestamp_ms=timestamp,
        signature_type=signature_type,
        metadata=f"0x{metadata.hex()}",
        builder=f"0x{builder.hex()}",
    )


@given(terms=order_terms, chain_id=st.integers(min_value=1, max_value=2**63), exchange=addresses)
def test_an_order_hashes_as_the_official_sdk_hashes_it(terms: OrderTerms, chain_id: int, exchange: Address) -> None:
    typed_data = build_order_typed_data(sdk_order(terms, chain_id, exchange))
    assert order_digest(exchange_domain(chain_id, exchange), terms) == reference_digest(typed_data)


@given(terms=order_terms, exchange=addresses)
def test_version_3_hashes_as_the_official_sdk_hashes_it(terms: OrderTerms, exchange: Address) -> None:
    typed_data = build_order_typed_data(sdk_order(terms, 137, exchange), protocol_version="3")
    assert order_digest(exchange_domain(137, exchange, Generation.V3), terms) == reference_digest(typed_data)


@pytest.mark.parametrize(("exchange", "fills", "orders"), settled_orders())
def test_a_settled_order_hashes_to_the_hash_in_its_fill(
    exchange: Address, fills: set[str], orders: list[tuple[Any, ...]]
) -> None:
    domain = exchange_domain(137, exchange)
    assert {f"0x{order_digest(domain, terms_of(order)).hex()}" for order in orders} == fills


def test_an_order_settled_on_polygon_recovers_its_signer() -> None:
    logs = json.loads((FIXTURES / "polygon" / "polygon_logs.json").read_text())
    (case,) = [case for case in logs if case["name"] == "signed_order_v3_combo_3a0b"]
    order, expected = case["order"], case["expected"]
    terms = OrderTerms(
        salt=int(order["salt"]),
        maker=order["maker"],
        signer=order["signer"],
        token_id=TokenId(int(order["tokenId"])),
        maker_amount=int(order["makerAmount"]),
        taker_amount=int(order["takerAmount"]),
        side=Side.BUY,
        timestamp_ms=int(order["timestamp"]),
        signature_type=order["signatureType"],
    )
    digest = order_digest(exchange_domain(expected["chain_id"], expected["exchange"], Generation.V3), terms)
    signature = bytes.fromhex(order["signature"][2:])
    recoverable = signature[:64] + bytes((signature[64] - 27,))
    public_key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    signer = keccak(public_key.format(compressed=False)[1:])[12:]
    assert f"0x{signer.hex()}" == expected["recovered_signer"]


@given(
    wallet=addresses,
    chain_id=st.integers(min_value=1, max_value=2**63),
    timestamp=st.integers(min_value=0, max_value=2**40),
    nonce=st.integers(min_value=0, max_value=2**64),
)
def test_a_log_in_hashes_as_the_official_sdk_hashes_it(
    wallet: Address, chain_id: int, timestamp: int, nonce: int
) -> None:
    typed_data = build_api_key_auth_typed_data(address=wallet, chain_id=chain_id, timestamp=timestamp, nonce=nonce)
    assert clob_auth_digest(chain_id, wallet, timestamp, nonce) == reference_digest(typed_data)


def test_a_log_in_of_the_official_sdk_recovers_from_our_digest() -> None:
    account = Account.from_key(keccak(text="a trader"))
    theirs = sign_api_key_auth(account, chain_id=137, timestamp=1_750_000_000, nonce=3)
    digest = clob_auth_digest(137, address(account.address), 1_750_000_000, 3)
    signed = Account.unsafe_sign_hash(digest, account.key)
    assert theirs.signature == f"0x{signed.signature.hex()}"


@pytest.mark.parametrize(
    "wrong", [{"salt": 2**256}, {"maker_amount": -1}, {"metadata": "0x00"}, {"builder": "0x" + "zz" * 32}]
)
def test_an_order_that_is_not_made_of_words_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "salt": 1, "maker": "0x" + "11" * 20, "signer": "0x" + "11" * 20, "token_id": TokenId(7),
        "maker_amount": 1, "taker_amount": 2, "side": Side.BUY, "timestamp_ms": 1,
    }  # fmt: skip
    domain = exchange_domain(137, Address("0x" + "22" * 20))
    order_digest(domain, OrderTerms(**right))
    with pytest.raises(Malformed, match="expected an order of"):
        order_digest(domain, OrderTerms(**(right | wrong)))
