"""Safes and proxy wallets obey their owners only, once per signature, and are where the SDK derives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from polymarket._internal.actions.relayer.calls import (
    TransactionCall,
    encode_proxy_call,
    encode_safe_multisend_call,
    erc20_transfer_call,
)
from polymarket._internal.actions.relayer.signing.proxy import build_proxy_transaction_hash, sign_proxy_message
from polymarket._internal.actions.relayer.signing.safe import sign_safe_transaction
from polymarket.types import EvmAddress

from remora.devnet.artifacts import ROOT
from remora.devnet.wallet_factories import safe_code_hash
from remora.domain.wallets import proxy_code_hash

# Titanoboa takes a minimal proxy for the contract behind it, and wonders at its code.
pytestmark = pytest.mark.filterwarnings("ignore:casted bytecode does not match:UserWarning")

DEVNET = ROOT / "contracts" / "devnet"
OWNER, THIEF = Account.from_key(b"\x01" * 32), Account.from_key(b"\x02" * 32)
ZERO = "0x" + "00" * 20
SOMEBODY = EvmAddress("0x" + "ab" * 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What makes and commands wallets, and a token of which each of the owner's wallets has 100."""

    token: Any
    hub: Any
    proxies: Any
    safe: Any
    multisend: Any

    def transfer(self, amount: int) -> TransactionCall:
        return erc20_transfer_call(token_address=EvmAddress(self.token.address), recipient=SOMEBODY, amount=amount)

    def got(self) -> int:
        return int(self.token.balanceOf(SOMEBODY))

    def execute(self, call: TransactionCall, *, operation: int = 0, nonce: int = 0, signer: Any = OWNER) -> None:
        """Have the safe do what was signed with the SDK."""
        signature = sign_safe_transaction(
            signer,
            safe_address=EvmAddress(self.safe.address),
            to=call.to,
            data=call.data,
            value=0,
            operation=operation,
            nonce=str(nonce),
            chain_id=boa.env.evm.patch.chain_id,
        )
        data, packed = bytes.fromhex(call.data[2:]), bytes.fromhex(signature[2:])
        self.safe.execTransaction(call.to, 0, data, operation, 0, 0, 0, ZERO, ZERO, packed)

    def relay(
        self, *calls: TransactionCall, nonce: int = 0, signer: Any = OWNER, relay: EvmAddress | None = None
    ) -> None:
        """Have the relay hub call the factory with what was signed with the SDK, for the owner."""
        data, gas = encode_proxy_call([*calls]), 500_000
        digest = build_proxy_transaction_hash(
            from_address=EvmAddress(OWNER.address),
            to=EvmAddress(self.proxies.address),
            data=data,
            relayer_fee="0",
            gas_price="0",
            gas_limit=str(gas),
            nonce=str(nonce),
            relay_hub=EvmAddress(self.hub.address),
            relay=relay or EvmAddress(boa.env.eoa),
        )
        signature = bytes.fromhex(sign_proxy_message(signer, digest)[2:])
        call = (OWNER.address, self.proxies.address, bytes.fromhex(data[2:]), 0, 0, gas, nonce, signature, b"")
        self.hub.relayCall(*call)


@pytest.fixture(scope="module")
def deployed() -> Iterator[World]:
    with boa.env.anchor():
        hub, singleton = boa.load(DEVNET / "RelayHub.vy"), boa.load(DEVNET / "Safe.vy")
        implementation = boa.load(DEVNET / "ProxyWallet.vy")
        proxies = boa.load(DEVNET / "ProxyWalletFactory.vy", implementation.address, hub.address)
        safes = boa.load(DEVNET / "SafeFactory.vy", singleton.address)
        safes.make(OWNER.address)
        safe = boa.load_partial(DEVNET / "Safe.vy").at(safes.computeProxyAddress(OWNER.address))
        token = boa.load(DEVNET / "Collateral.vy", "Token", "T")
        for wallet in (safe.address, proxies.wallet_of(OWNER.address)):
            token.mint(wallet, 100)
        yield World(token=token, hub=hub, proxies=proxies, safe=safe, multisend=boa.load(DEVNET / "MultiSend.vy"))


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    with boa.env.anchor():
        yield deployed


def test_addresses_follow_from_the_codes_that_are_told_to_the_sdk(world: World) -> None:
    code_hash = proxy_code_hash(world.proxies.address, world.proxies.eval("IMPLEMENTATION"))
    salt = keccak(bytes.fromhex(OWNER.address[2:]))
    expected = keccak(b"\xff" + bytes.fromhex(world.proxies.address[2:]) + salt + code_hash)[-20:]
    assert bytes.fromhex(world.proxies.wallet_of(OWNER.address)[2:]) == expected
    assert len(safe_code_hash(world.safe.address)) == 32


def test_a_safe_makes_one_call_or_many_once(world: World) -> None:
    world.execute(world.transfer(1))
    both = encode_safe_multisend_call([world.transfer(2), world.transfer(3)])
    world.execute(TransactionCall(to=EvmAddress(world.multisend.address), data=both), operation=1, nonce=1)
    assert (world.got(), world.safe.nonce()) == (6, 2)
    with boa.reverts("GS026"):
        world.execute(world.transfer(1))


@pytest.mark.parametrize("attempt", [{"signer": THIEF}, {"nonce": 1}])
def test_a_safe_does_nothing_that_its_owner_did_not_sign_for_now(world: World, attempt: dict[str, Any]) -> None:
    with boa.reverts("GS026"):
        world.execute(world.transfer(1), **attempt)
    assert (world.got(), world.safe.nonce()) == (0, 0)


def test_a_safe_reverts_with_its_call(world: World) -> None:
    with boa.reverts("GS013"):
        world.execute(world.transfer(101))
    packed = encode_safe_multisend_call([world.transfer(1), world.transfer(101)])
    with boa.reverts("GS013"):
        world.execute(TransactionCall(to=EvmAddress(world.multisend.address), data=packed), operation=1)
    assert world.got() == 0


def test_a_plain_signature_over_the_digest_counts_too(world: World) -> None:
    call = world.transfer(1)
    data = bytes.fromhex(call.data[2:])
    digest = world.safe.getTransactionHash(call.to, 0, data, 0, 0, 0, 0, ZERO, ZERO, 0)
    signature = bytes(Account.unsafe_sign_hash(digest, OWNER.key).signature)
    world.safe.execTransaction(call.to, 0, data, 0, 0, 0, 0, ZERO, ZERO, signature)
    assert world.got() == 1


def test_nobody_takes_over_a_safe_or_runs_multisend_directly(world: World) -> None:
    with boa.reverts("GS200"):
        world.safe.initialize(THIEF.address)
    with boa.reverts("only by delegate call"):
        world.multisend.multiSend(b"")


def test_a_proxy_wallet_is_made_and_makes_calls_once(world: World) -> None:
    world.relay(world.transfer(1), world.transfer(2))
    assert (world.got(), world.hub.getNonce(OWNER.address)) == (3, 1)
    with boa.reverts("wrong nonce"):
        world.relay(world.transfer(1))


def test_the_hub_believes_no_other_signature_and_no_other_relay(world: World) -> None:
    with boa.reverts("wrong signature"):
        world.relay(world.transfer(1), signer=THIEF)
    relay = boa.env.generate_address()
    with boa.env.prank(relay), boa.reverts("wrong signature"):
        world.relay(world.transfer(1), relay=EvmAddress(OWNER.address))
    assert world.got() == 0


def test_a_call_that_fails_spends_the_nonce_and_says_so(world: World) -> None:
    world.relay(world.transfer(1), world.transfer(100))
    (told,) = (event for event in world.hub.get_logs() if type(event).__name__ == "TransactionRelayed")
    assert (told.status, world.got(), world.hub.getNonce(OWNER.address)) == (1, 0, 1)


def test_only_the_factory_commands_a_proxy_wallet(world: World) -> None:
    world.proxies.make(OWNER.address)
    wallet = boa.load_partial(DEVNET / "ProxyWallet.vy").at(world.proxies.wallet_of(OWNER.address))
    with boa.reverts("must be called by owner"), boa.env.prank(OWNER.address):
        wallet.proxy([])
    # who calls the factory commands the own wallet, not another's
    with boa.env.prank(THIEF.address), boa.reverts():
        data = bytes.fromhex(world.transfer(1).data[2:])
        world.proxies.proxy([(1, world.token.address, 0, data)])
    assert world.got() == 0
