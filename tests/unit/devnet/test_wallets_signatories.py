"""Who may sign for a wallet, and whose signature counts; a function plays what a deposit wallet says on chain."""

from __future__ import annotations

import dataclasses

import pytest
from eth_account import Account
from polymarket._internal.wallet import wrap_deposit_wallet_session_signer_signature
from polymarket.types import EvmAddress, HexString

from remora.devnet.clob.orders import Side, SignatureType, SignedOrder
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.sessions import Scope, Session, Sessions
from remora.devnet.clob.signatories import Signatories, View
from remora.devnet.wallet_factories import wallet_factories
from remora.domain.errors import Refused
from remora.domain.ids import Address
from remora.domain.wallets import WalletKind
from tests.unit.devnet.scene import CONTRACTS, Clock

OWNER, STRANGER, KEY = (Account.from_key(bytes([number]) * 32) for number in (1, 2, 3))
ADDRESSES = wallet_factories(CONTRACTS)
DIGEST = b"\x77" * 32
MAGIC = bytes.fromhex("1626ba7e") + bytes(28)
WALLETS = {
    SignatureType.EOA: OWNER.address.lower(),
    SignatureType.PROXY: ADDRESSES.of(OWNER.address, WalletKind.PROXY),
    SignatureType.SAFE: ADDRESSES.of(OWNER.address, WalletKind.SAFE),
    SignatureType.DEPOSIT_WALLET: ADDRESSES.of(OWNER.address, WalletKind.DEPOSIT),
}
RECOVERED = [SignatureType.EOA, SignatureType.PROXY, SignatureType.SAFE]


async def accepting(wallet: Address, question: bytes) -> bytes:
    assert wallet == WALLETS[SignatureType.DEPOSIT_WALLET]
    assert question[4:36] == DIGEST
    return MAGIC


async def answering_nothing(*_: object) -> bytes:
    return b""


async def reverting(*_: object) -> bytes:
    raise Refused("execution reverted")


def order_of(
    kind: SignatureType, *, maker: str = "", signer: str = "", signature: bytes = b"\x1b" * 317
) -> SignedOrder:
    maker = maker or WALLETS[kind]
    signs_itself = kind is SignatureType.DEPOSIT_WALLET
    return SignedOrder(
        salt=1,
        maker=maker,
        signer=signer or (maker if signs_itself else OWNER.address.lower()),
        token_id=1,
        maker_amount=1,
        taker_amount=1,
        side=Side.BUY,
        signature_type=kind,
        timestamp_ms=1,
        metadata=bytes(32),
        builder=bytes(32),
        signature=signature if signs_itself else bytes(OWNER.unsafe_sign_hash(DIGEST).signature),
    )


def by_session(key: str) -> SignedOrder:
    inner = HexString("0x" + "1b" * 317)
    wrapped = wrap_deposit_wallet_session_signer_signature(EvmAddress(key), inner)
    return order_of(SignatureType.DEPOSIT_WALLET, signature=bytes.fromhex(wrapped[2:]))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    held = Sessions()
    wallet, scopes = WALLETS[SignatureType.DEPOSIT_WALLET], frozenset((Scope.CLOB,))
    held.authorize(Session(wallet=wallet, signer=KEY.address.lower(), scopes=scopes, valid_until_s=clock.now_s + 10))
    return held


@pytest.fixture
def signatories(sessions: Sessions, clock: Clock) -> Signatories:
    return Signatories(accepting, ADDRESSES, sessions, clock)


@pytest.mark.parametrize("kind", SignatureType)
async def test_an_owner_trades_with_every_wallet_of_its_own(signatories: Signatories, kind: SignatureType) -> None:
    assert signatories.wallet_of(OWNER.address.lower(), kind) == WALLETS[kind]
    signatories.check_caller(order_of(kind), OWNER.address.lower())
    await signatories.check_signature(order_of(kind), DIGEST)


@pytest.mark.parametrize("kind", SignatureType)
def test_nobody_else_does(signatories: Signatories, kind: SignatureType) -> None:
    with pytest.raises(Refusal, match="signer address has to be the address of the API KEY"):
        signatories.check_caller(order_of(kind), STRANGER.address.lower())


@pytest.mark.parametrize("kind", RECOVERED)
async def test_a_good_signature_is_worth_nothing_for_another_wallet(
    signatories: Signatories, kind: SignatureType
) -> None:
    with pytest.raises(Refusal, match="invalid signature"):
        await signatories.check_signature(order_of(kind, maker="0x" + "ee" * 20), DIGEST)


@pytest.mark.parametrize("kind", RECOVERED)
async def test_a_signature_of_something_else_is_refused(signatories: Signatories, kind: SignatureType) -> None:
    with pytest.raises(Refusal, match="invalid signature"):
        await signatories.check_signature(order_of(kind), bytes(32))


@pytest.mark.parametrize("view", [answering_nothing, reverting])
async def test_a_deposit_wallet_has_the_last_word(sessions: Sessions, clock: Clock, view: View) -> None:
    with pytest.raises(Refusal, match="invalid signature"):
        await Signatories(view, ADDRESSES, sessions, clock).check_signature(
            order_of(SignatureType.DEPOSIT_WALLET), DIGEST
        )


def test_a_session_key_trades_under_its_own_name_while_it_may(signatories: Signatories, clock: Clock) -> None:
    key = KEY.address.lower()
    assert signatories.wallet_of(key, SignatureType.DEPOSIT_WALLET) == WALLETS[SignatureType.DEPOSIT_WALLET]
    signatories.check_caller(by_session(KEY.address), key)
    for order, caller in (
        (by_session(KEY.address), OWNER.address.lower()),
        (by_session(STRANGER.address), key),
        (by_session(STRANGER.address), STRANGER.address.lower()),
        (order_of(SignatureType.DEPOSIT_WALLET), key),
        (dataclasses.replace(by_session(KEY.address), maker="0x" + "ee" * 20), key),
    ):
        with pytest.raises(Refusal):
            signatories.check_caller(order, caller)
    clock.now_s += 10
    with pytest.raises(Refusal):
        signatories.check_caller(by_session(KEY.address), key)
