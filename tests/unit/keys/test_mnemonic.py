"""The signer: which wallets it derives, that its signatures equal other people's, and that it keeps its secrets."""

from __future__ import annotations

import pickle
import random
from typing import Any

import pytest
from coincurve import PublicKey
from eth_account import Account
from eth_utils.crypto import keccak
from polymarket._internal.actions.orders.typed_data import build_order_typed_data
from polymarket._internal.actions.orders.types import UnsignedOrder
from polymarket.models.types import TokenId as SdkTokenId
from polymarket.types import EvmAddress, HexString

from remora.adapters.keys.eip712 import clob_auth_digest
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.domain.contracts import Exchanges
from remora.domain.errors import OperatorError
from remora.domain.ids import Address, TokenId, address
from remora.domain.money import Wei
from remora.domain.order import OrderKind, OrderTerms
from remora.domain.signal import Side
from remora.domain.transaction import Call, GasPrice, Transaction

CHAIN_ID = 31337
EXCHANGE = Address("0x" + "e1" * 20)
NEG_RISK_EXCHANGE = Address("0x" + "e2" * 20)
EXCHANGE_V3 = Address("0x" + "e3" * 20)
STRANGER = Address("0x" + "5a" * 20)

# The public test mnemonic; its first keys are printed by every local chain at start.
MNEMONIC = "test test test test test test test test test test test junk"
FIRST_WALLETS = (
    "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
)
FIRST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def make_signer(mnemonic: str = MNEMONIC, *, fleet_size: int = 3, start_index: int = 0) -> MnemonicSigner:
    return MnemonicSigner(
        mnemonic,
        chain_id=CHAIN_ID,
        exchanges=Exchanges(standard=EXCHANGE, neg_risk=NEG_RISK_EXCHANGE, v3=EXCHANGE_V3),
        fleet_size=fleet_size,
        start_index=start_index,
    )


@pytest.fixture(scope="module")
def signer() -> MnemonicSigner:
    return make_signer()


def random_terms(rng: random.Random, wallet: Address) -> OrderTerms:
    return OrderTerms(
        salt=rng.getrandbits(rng.choice((53, 256))),
        maker=wallet,
        signer=wallet,
        token_id=TokenId(rng.getrandbits(256)),
        maker_amount=rng.randrange(1, 10**15),
        taker_amount=rng.randrange(1, 10**15),
        side=rng.choice(list(Side)),
        timestamp_ms=rng.randrange(1_700_000_000_000, 1_900_000_000_000),
        builder=f"0x{rng.randbytes(32).hex()}",
    )


def order_terms(**changes: Any) -> OrderTerms:
    terms: dict[str, Any] = {
        "salt": 1,
        "maker": Address(FIRST_WALLETS[0]),
        "signer": Address(FIRST_WALLETS[0]),
        "token_id": TokenId(7 << 60),
        "maker_amount": 520_000,
        "taker_amount": 1_000_000,
        "side": Side.BUY,
        "timestamp_ms": 1_750_000_000_000,
    }
    return OrderTerms(**(terms | changes))


def official_signature(terms: OrderTerms, exchange: Address, version: str = "2") -> str:
    order = UnsignedOrder(
        chain_id=CHAIN_ID,
        builder=HexString(terms.builder),
        exchange_address=EvmAddress(exchange),
        expiration=0,
        maker=EvmAddress(terms.maker),
        maker_amount=terms.maker_amount,
        metadata=HexString(terms.metadata),
        order_type="FAK",
        salt=terms.salt,
        side=terms.side.value,
        signature_type=0,
        signer=EvmAddress(terms.signer),
        taker_amount=terms.taker_amount,
        timestamp=terms.timestamp_ms,
        token_id=SdkTokenId(str(terms.token_id)),
    )
    signed = Account.from_key(FIRST_KEY).sign_typed_data(
        full_message=build_order_typed_data(order, protocol_version=version)
    )
    return str(signed.signature.hex())


def transfer(**changes: Any) -> Transaction:
    fields: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "wallet": Address(FIRST_WALLETS[0]),
        "nonce": 7,
        "call": Call(to=STRANGER, data=b"\x01\x02\x03", value=Wei(5), gas=90_000),
        "gas_price": GasPrice(max_fee=Wei(60 * 10**9), priority_fee=Wei(25 * 10**9)),
    }
    return Transaction(**(fields | changes))


def test_the_fleet_is_derived_by_index_and_the_treasury_from_an_account_of_its_own(signer: MnemonicSigner) -> None:
    assert signer.fleet == FIRST_WALLETS
    Account.enable_unaudited_hdwallet_features()
    treasury = Account.from_mnemonic(MNEMONIC, account_path="m/44'/60'/1'/0/0")
    assert signer.treasury == address(treasury.address)


def test_a_fleet_can_start_at_a_later_index(signer: MnemonicSigner) -> None:
    later = make_signer(fleet_size=2, start_index=1)
    assert later.fleet == signer.fleet[1:]
    assert later.treasury == signer.treasury


@pytest.mark.parametrize("neg_risk", [False, True])
def test_an_order_for_a_position_is_what_the_sdk_signs_for_exchange_v3(
    signer: MnemonicSigner, *, neg_risk: bool
) -> None:
    token_id = TokenId(int.from_bytes(b"\x01" + b"\xaa" * 16 + bytes(14) + b"\x01"))
    terms = order_terms(token_id=token_id)
    signed = signer.sign_order(terms, OrderKind.FAK, neg_risk=neg_risk)
    assert signed.signature.hex() == official_signature(terms, EXCHANGE_V3, "3")


@pytest.mark.parametrize(("neg_risk", "exchange"), [(False, EXCHANGE), (True, NEG_RISK_EXCHANGE)])
def test_orders_are_signed_as_the_official_sdk_signs_them(
    signer: MnemonicSigner, *, neg_risk: bool, exchange: Address
) -> None:
    rng = random.Random(f"orders for {exchange}")
    for _ in range(50):
        terms = random_terms(rng, signer.fleet[0])
        signed = signer.sign_order(terms, OrderKind.FAK, neg_risk=neg_risk)
        assert signed.signature.hex() == official_signature(terms, exchange)
        assert (signed.terms, signed.kind) == (terms, OrderKind.FAK)


def test_an_order_of_the_other_exchange_has_another_hash(signer: MnemonicSigner) -> None:
    standard, neg_risk = (signer.sign_order(order_terms(), OrderKind.FAK, neg_risk=which) for which in (False, True))
    assert standard.order_hash != neg_risk.order_hash


def test_digests_are_signed_with_low_s_and_v_27_or_28_and_recover_the_wallet(signer: MnemonicSigner) -> None:
    for number in range(100):
        digest = keccak(text=f"digest {number}")
        signature = signer.sign_digest(signer.fleet[1], digest)
        assert len(signature) == 65
        assert signature[64] in {27, 28}
        assert int.from_bytes(signature[32:64]) <= HALF_ORDER
        recoverable = signature[:64] + bytes((signature[64] - 27,))
        public_key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
        assert f"0x{keccak(public_key.format(compressed=False)[1:])[12:].hex()}" == signer.fleet[1]


def test_a_log_in_is_signed_as_eth_account_signs_it(signer: MnemonicSigner) -> None:
    digest = clob_auth_digest(CHAIN_ID, signer.fleet[0], 1_750_000_000, 0)
    expected = Account.unsafe_sign_hash(digest, FIRST_KEY)
    assert signer.sign_digest(signer.fleet[0], digest) == expected.signature


def test_a_transaction_is_what_it_says_and_hashes_the_same_every_time(signer: MnemonicSigner) -> None:
    signed = signer.sign_transaction(transfer())
    assert signed.raw[0] == 2
    assert signed.tx_hash == f"0x{keccak(signed.raw).hex()}"
    assert address(Account.recover_transaction(signed.raw)) == FIRST_WALLETS[0]
    again = make_signer().sign_transaction(transfer())
    assert (again.tx_hash, again.raw) == (signed.tx_hash, signed.raw)


def test_a_transaction_with_another_nonce_is_another(signer: MnemonicSigner) -> None:
    assert signer.sign_transaction(transfer(nonce=8)).tx_hash != signer.sign_transaction(transfer()).tx_hash


def test_the_treasury_signs_transactions(signer: MnemonicSigner) -> None:
    signed = signer.sign_transaction(transfer(wallet=signer.treasury))
    assert address(Account.recover_transaction(signed.raw)) == signer.treasury


def test_nothing_is_signed_for_another_chain(signer: MnemonicSigner) -> None:
    with pytest.raises(OperatorError, match="for chain 31337, asked for chain 137"):
        signer.sign_transaction(transfer(chain_id=137))


def test_nothing_is_signed_for_a_wallet_without_a_key(signer: MnemonicSigner) -> None:
    with pytest.raises(OperatorError, match=f"no key for wallet {STRANGER}"):
        signer.sign_transaction(transfer(wallet=STRANGER))
    with pytest.raises(OperatorError, match=f"no key for wallet {STRANGER}"):
        signer.sign_order(order_terms(maker=STRANGER, signer=STRANGER), OrderKind.FAK, neg_risk=False)


@pytest.mark.parametrize("changes", [{"signature_type": 3}, {"maker": STRANGER}])
def test_an_order_that_is_not_of_a_plain_account_is_refused(signer: MnemonicSigner, changes: dict[str, Any]) -> None:
    with pytest.raises(OperatorError, match="plain accounts"):
        signer.sign_order(order_terms(**changes), OrderKind.FAK, neg_risk=False)


@pytest.mark.parametrize(
    "mnemonic",
    [
        "test test test test test test test test test test test test",
        "test test test test test test test test test test test zebrafish",
        "test junk",
        FIRST_KEY,
        "",
    ],
    ids=["checksum", "unknown word", "too short", "a key", "nothing"],
)
def test_a_wrong_mnemonic_is_named_without_its_words(mnemonic: str) -> None:
    with pytest.raises(OperatorError, match="mnemonic is not valid") as caught:
        make_signer(mnemonic)
    error: BaseException | None = caught.value
    while error:
        assert not any(word in str(error).split() for word in mnemonic.split())
        error = error.__cause__ or error.__context__


def test_neither_repr_nor_pickle_shows_a_key(signer: MnemonicSigner) -> None:
    order = signer.sign_order(order_terms(), OrderKind.FAK, neg_risk=False)
    shown = repr(signer) + str(signer) + repr(order)
    assert FIRST_KEY[2:] not in shown
    assert "junk" not in shown
    assert "signature=" not in shown
    assert repr(order.signature) not in shown
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(signer)
