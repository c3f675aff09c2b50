"""The contracts on an in-process chain, which forgets after each test what the test did."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from boa.contracts.vyper.vyper_contract import VyperContract
from eth_utils.crypto import keccak

from remora.devnet.artifacts import CONDITIONAL_TOKENS, ROOT, load_artifact

DEVNET = ROOT / "contracts" / "devnet"
SHARES_SLOT = 1  # of ConditionalTokens
PLENTY = 10**18


@dataclass(frozen=True, slots=True)
class ConditionalTokens:
    """The real contract. What it holds can be set at will: to split sets for it would take most of the time."""

    deployer: Any

    def deploy(self, where: Any = None) -> Any:
        """Deploy it, at an address if one is given."""
        code = load_artifact(CONDITIONAL_TOKENS).bytecode
        address, _ = boa.env.deploy_code(bytecode=code, override_address=where)
        return self.deployer.at(address)

    @staticmethod
    def set_shares(tokens: Any, wallet: str, token_id: int, amount: int) -> None:
        """Write a balance where the contract keeps it."""
        by_token = keccak(token_id.to_bytes(32, "big") + SHARES_SLOT.to_bytes(32, "big"))
        by_owner = keccak(bytes.fromhex(wallet[2:]).rjust(32, b"\0") + by_token)
        boa.env.set_storage(tokens.address, int.from_bytes(by_owner, "big"), amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """Collateral and shares: the contracts, and one condition's two token ids."""

    collateral: Any
    asset: Any
    tokens: Any
    positions: Any
    adapter: Any
    condition_id: bytes
    yes: int
    no: int

    def fund(self, wallet: str, *, collateral: int = 0, shares: int = 0) -> None:
        """Give a wallet collateral, and set its shares of both outcomes."""
        self.collateral.mint(wallet, collateral)
        for token_id in (self.yes, self.no):
            ConditionalTokens.set_shares(self.tokens, wallet, token_id, shares)

    def approve(self, wallet: str, spender: Any) -> None:
        """Let a contract move everything of a wallet."""
        self.collateral.approve(spender, 2**256 - 1, sender=wallet)
        self.tokens.setApprovalForAll(spender, True, sender=wallet)


@pytest.fixture(scope="session", autouse=True)
def _contracts_without_pictures() -> Iterator[None]:
    """Keep titanoboa from printing a contract's storage at each revert: it fails on keys that are hashes of hashes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VyperContract, "__repr__", object.__repr__)
        yield


@pytest.fixture(scope="session")
def conditional_tokens() -> ConditionalTokens:
    abi = json.dumps(load_artifact(CONDITIONAL_TOKENS).abi)
    return ConditionalTokens(boa.loads_abi(abi, name=CONDITIONAL_TOKENS))


@pytest.fixture(scope="session")
def deployed_ledgers(conditional_tokens: ConditionalTokens) -> Ledgers:
    tokens = conditional_tokens.deploy()
    collateral = boa.load(DEVNET / "Collateral.vy", "Collateral", "C")
    asset = boa.load(DEVNET / "Collateral.vy", "Asset", "A")
    collateral.add_asset(asset)
    for holder in (collateral, tokens):  # behind the collateral, and behind the shares
        asset.mint(holder, PLENTY)
    oracle, question = boa.env.generate_address(), b"\x01" * 32
    tokens.prepareCondition(oracle, question, 2, sender=oracle)
    condition_id = tokens.getConditionId(oracle, question, 2)
    yes, no = (
        tokens.getPositionId(asset, tokens.getCollectionId(bytes(32), condition_id, index_set)) for index_set in (1, 2)
    )
    return Ledgers(
        collateral=collateral,
        asset=asset,
        tokens=tokens,
        positions=boa.load(DEVNET / "PositionManager.vy", boa.env.eoa, collateral),
        adapter=boa.load(DEVNET / "CollateralAdapter.vy", collateral, asset, tokens),
        condition_id=condition_id,
        yes=yes,
        no=no,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A Clearinghouse with one operator, and followers on demand. Failed legs are (id, reason)."""

    ledgers: Any
    contract: Any
    operator: str
    numbers: Iterator[int]

    def new_id(self) -> bytes:
        return next(self.numbers).to_bytes(32, "big")

    def new_operator(self, *, collateral: int = PLENTY, shares: int = PLENTY) -> str:
        """An operator wallet with means, that lets the Clearinghouse move them."""
        wallet = boa.env.generate_address()
        self.contract.add_operator(wallet)
        self.ledgers.fund(wallet, collateral=collateral, shares=shares)
        self.ledgers.approve(wallet, self.contract)
        return str(wallet)

    def new_follower(self, *, daily_limit: int = 1000, collateral: int = 1000, shares: int = 1000) -> str:
        """An account that `admit` made a follower."""
        return self.admit(boa.env.generate_address(), daily_limit=daily_limit, collateral=collateral, shares=shares)

    def admit(self, wallet: Any, *, daily_limit: int = 1000, collateral: int = 1000, shares: int = 1000) -> str:
        """Let a wallet join for a year, with collateral and a lot of YES that the Clearinghouse may move."""
        self.ledgers.fund(wallet, collateral=collateral)
        self.ledgers.approve(wallet, self.contract)
        self.contract.join(daily_limit, boa.env.timestamp + 365 * 86_400, sender=wallet)
        if shares:
            giver = self.new_operator(shares=shares)
            self.deliver((self.new_id(), str(wallet), shares, 0), operator=giver)
        return str(wallet)

    def deliver(self, *legs: tuple[bytes, str, int, int], operator: str | None = None) -> list[Any]:
        """Deliver YES as (id, follower, shares, collateral), and return the failed legs."""
        self.contract.deliver(self.ledgers.yes, legs, sender=operator or self.operator)
        return self.failures()

    def collect(self, *legs: tuple[bytes, str, int], operator: str | None = None) -> list[Any]:
        """Collect YES as (id, follower, shares), and return the failed legs."""
        self.contract.collect(self.ledgers.yes, legs, sender=operator or self.operator)
        return self.failures()

    def remit(self, *legs: tuple[bytes, str, int, int, int], operator: str | None = None) -> list[Any]:
        """Remit for YES as (id, follower, sold, proceeds, returned), and return the failed legs."""
        with_token = [(leg[0], leg[1], self.ledgers.yes, *leg[2:]) for leg in legs]
        self.contract.remit(with_token, sender=operator or self.operator)
        return self.failures()

    def failures(self) -> list[Any]:
        logs = self.contract.get_logs()
        return [(log.settlement_id, log.reason) for log in logs if type(log).__name__ == "LegFailed"]

    def holdings(self, wallet: Any) -> tuple[int, int]:
        """Collateral and YES of a wallet."""
        ledgers = self.ledgers
        return ledgers.collateral.balanceOf(wallet), ledgers.tokens.balanceOf(wallet, ledgers.yes)


@pytest.fixture(scope="session")
def deployed_house(deployed_ledgers: Ledgers) -> House:
    source = ROOT / "contracts" / "Clearinghouse.vy"
    contract = boa.load(source, deployed_ledgers.collateral, deployed_ledgers.tokens, deployed_ledgers.positions)
    house = House(ledgers=deployed_ledgers, contract=contract, operator="", numbers=itertools.count(1))
    return dataclasses.replace(house, operator=house.new_operator())


@pytest.fixture
def house(deployed_house: House) -> Iterator[House]:
    """The Clearinghouse over both ledgers; rolled back after the test."""
    with boa.env.anchor():
        yield deployed_house
