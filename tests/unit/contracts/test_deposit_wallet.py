"""Deposit wallets are where the official SDK derives them, and execute the batches that it signs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_account import Account
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket._internal.actions.relayer.signing.deposit_wallet import sign_deposit_wallet_batch
from polymarket._internal.wallet import (
    derive_beacon_deposit_wallet_address,
    wrap_deposit_wallet_session_signer_signature,
)
from polymarket.environments import PRODUCTION
from polymarket.types import EvmAddress, HexString

from remora.devnet.artifacts import ROOT

DEVNET = ROOT / "contracts" / "devnet"
OWNER = Account.from_key(b"\x0a" * 32)
SESSION = Account.from_key(b"\x0b" * 32)
FOREVER = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """A factory with one wallet, and what its owner can ask of it."""

    factory: Any
    wallet: Any
    collateral: Any
    operator: str

    def batch(self, *calls: tuple[Any, bytes], signer: Any = OWNER, **changes: Any) -> tuple[Any, bytes]:
        """A batch of (target, calldata) with the SDK's signature of it."""
        nonce, deadline = changes.get("nonce", self.wallet.nonce()), changes.get("deadline", FOREVER)
        signature = sign_deposit_wallet_batch(
            signer,
            wallet=EvmAddress(self.wallet.address),
            calls=[
                TransactionCall(to=EvmAddress(str(target.address)), data=HexString("0x" + data.hex()))
                for target, data in calls
            ],
            nonce=str(nonce),
            deadline=str(deadline),
            chain_id=boa.env.evm.patch.chain_id,
        )
        asked = [(target.address, 0, data) for target, data in calls]
        return (self.wallet.address, nonce, deadline, asked), bytes.fromhex(signature[2:])

    def session_batch(self, *calls: tuple[Any, bytes]) -> tuple[Any, bytes]:
        batch, signature = self.batch(*calls, signer=SESSION)
        wrapped = wrap_deposit_wallet_session_signer_signature(
            EvmAddress(SESSION.address), HexString("0x" + signature.hex())
        )
        return batch, bytes.fromhex(wrapped[2:])

    def run(self, batch: Any, signature: bytes) -> None:
        self.factory.proxy([batch], [signature], sender=self.operator)

    def approval(self, amount: int) -> tuple[Any, bytes]:
        return self.collateral, self.collateral.approve.prepare_calldata(SESSION.address, amount)

    def allowance(self) -> int:
        allowed: int = self.collateral.allowance(self.wallet, SESSION.address)
        return allowed

    def authorization(self, until: int) -> tuple[Any, bytes]:
        return self.wallet, self.wallet.authorizeSessionSigner.prepare_calldata(SESSION.address, until)


@pytest.fixture
def works() -> Iterator[Works]:
    with boa.env.anchor():
        operator = boa.env.generate_address()
        implementation = boa.load(DEVNET / "DepositWallet.vy", operator)
        factory = boa.load(DEVNET / "DepositWalletFactory.vy", implementation, operator)
        deploy(factory, OWNER.address, operator)
        yield Works(
            factory=factory,
            wallet=proxied(implementation, derived(factory, OWNER.address)),
            collateral=boa.load(DEVNET / "Collateral.vy", "Collateral", "C"),
            operator=operator,
        )


def proxied(implementation: Any, address: str) -> Any:
    """The code at a wallet's address is a proxy's: only the ABI is the implementation's."""
    return boa.loads_abi(json.dumps(implementation.abi), name="DepositWallet").at(address)


def deploy(factory: Any, owner: str, sender: str) -> None:
    factory.deploy([owner], [bytes.fromhex(owner[2:]).rjust(32, b"\0")], sender=sender)


def derived(factory: Any, owner: str) -> str:
    config = dataclasses.replace(
        PRODUCTION._config.wallet_derivation,
        deposit_wallet_factory=factory.address,
        deposit_wallet_beacon=factory.BEACON(),
    )
    return derive_beacon_deposit_wallet_address(owner, config)


def test_a_wallet_is_where_the_sdk_derives_it_and_its_owners(works: Works) -> None:
    assert works.wallet.owner() == OWNER.address
    assert works.wallet.factory() == works.factory.address
    assert works.wallet.onERC1155Received(works.operator, works.operator, 1, 1, b"").hex() == "f23a6e61"
    deploy(works.factory, SESSION.address, works.operator)
    assert boa.env.get_code(derived(works.factory, SESSION.address))


def test_a_wallet_is_made_once_and_initialized_once(works: Works) -> None:
    with pytest.raises(boa.BoaError):
        deploy(works.factory, OWNER.address, works.operator)
    for address in (works.wallet.address, works.factory.implementation()):
        with boa.reverts("initialized"):
            proxied(works.wallet, address).initialize(SESSION.address)


def test_only_the_operator_makes_wallets_and_hands_in_batches(works: Works) -> None:
    with boa.reverts("not the operator"):
        deploy(works.factory, SESSION.address, SESSION.address)
    batch, signature = works.batch(works.approval(7))
    with boa.reverts("not the operator"):
        works.factory.proxy([batch], [signature], sender=OWNER.address)
    with boa.reverts("not the factory"):
        works.wallet.execute(batch, signature, sender=OWNER.address)


def test_a_wallet_has_the_id_of_its_owner(works: Works) -> None:
    with boa.reverts("not the owner's id"):
        works.factory.deploy([SESSION.address], [b"\x01" * 32], sender=works.operator)


def test_the_sdks_batch_is_executed_once_and_in_order(works: Works) -> None:
    batch, signature = works.batch(works.approval(7), works.approval(8))
    works.run(batch, signature)
    assert (works.allowance(), works.wallet.nonce()) == (8, 1)
    with boa.reverts("wrong nonce"):
        works.run(batch, signature)


def test_a_batch_is_executed_whole_or_not_at_all(works: Works) -> None:
    mint = works.collateral.mint.prepare_calldata(SESSION.address, 1)
    with pytest.raises(boa.BoaError):
        works.run(*works.batch(works.approval(7), (works.collateral, mint)))
    assert (works.allowance(), works.wallet.nonce()) == (0, 0)


def test_a_batch_is_worth_nothing_changed_late_or_signed_by_another(works: Works) -> None:
    (wallet, nonce, deadline, _), signature = works.batch(works.approval(7))
    target, data = works.approval(8)
    with boa.reverts("not signed"):
        works.run((wallet, nonce, deadline, [(target.address, 0, data)]), signature)
    with boa.reverts("not signed"):
        works.run(*works.batch(works.approval(7), signer=SESSION))
    with boa.reverts("too late"):
        works.run(*works.batch(works.approval(7), deadline=boa.env.timestamp - 1))
    with boa.reverts("not for this wallet"):
        works.run((wallet, nonce, deadline, []), signature)


def test_a_session_signer_acts_for_the_wallet_but_not_upon_it(works: Works) -> None:
    with boa.reverts("not signed"):
        works.run(*works.session_batch(works.approval(7)))
    works.run(*works.batch(works.authorization(boa.env.timestamp + 100)))
    works.run(*works.session_batch(works.approval(7)))
    assert works.allowance() == 7
    with boa.reverts("not the owner"):
        works.run(*works.session_batch(works.authorization(FOREVER)))
    boa.env.timestamp += 100
    with boa.reverts("not signed"):
        works.run(*works.session_batch(works.approval(8)))
