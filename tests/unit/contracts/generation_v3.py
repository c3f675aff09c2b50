"""The contracts of the third exchange generation on an in-process chain, signed orders for them, and what they tell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boa
import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from remora.devnet.artifacts import ROOT

DEVNET = ROOT / "contracts" / "devnet"
ALICE, BOB, CAROL = (Account.from_key(bytes([n]) * 32) for n in (1, 2, 3))
BUY, SELL = 0, 1
EOA, PROXY, SAFE, DEPOSIT_WALLET = range(4)
BINARY, NEG_RISK = 1, 2
CONDITIONS = {
    BINARY: bytes([1]) + b"\xaa" * 16 + bytes(14),
    NEG_RISK: bytes([2]) + b"\xbb" * 16 + (1).to_bytes(2) + bytes(12),
}
U = 1_000_000
MEANS = 10_000 * U
#: What of an event does not concern a test of who gave what to whom.
_UNTOLD = {"orderHash", "takerOrderHash", "builder", "metadata"}

Order = tuple[Any, ...]
#: An event's name, then its arguments, with names for wallets, contracts and tokens.
Told = tuple[Any, ...]


def position(condition: bytes, outcome: int) -> int:
    """Return the id of an outcome's shares: the condition, then the outcome."""
    return int.from_bytes(condition + bytes([outcome]))


YES, NO = (position(CONDITIONS[BINARY], outcome) for outcome in (0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Everything deployed, and three wallets that have means and approved everything."""

    collateral: Any
    manager: Any
    modules: dict[int, Any]
    router: Any
    exchange: Any
    wallets: Any
    oracle: str
    operator: str
    fee_receiver: str
    salts: Iterator[int] = field(default_factory=itertools.count)

    def order(self, trader: Any, side: int, shares: int, price: int, **changed: Any) -> Order:
        """Return an order for shares at a price in cents, of YES unless changed, signed by the trader."""
        cash = shares * price // 100
        fields: dict[str, Any] = {
            "salt": next(self.salts),
            "maker": trader.address,
            "signer": trader.address,
            "token_id": YES,
            "maker_amount": cash if side == BUY else shares,
            "taker_amount": shares if side == BUY else cash,
            "side": side,
            "signature_type": EOA,
            "timestamp": 0,
            "metadata": bytes(32),
            "builder": bytes(32),
            "signature": b"",
        }
        order = tuple((fields | changed).values())
        signature = Account.unsafe_sign_hash(self.exchange.hashOrder(order), trader.key).signature
        return (*order[:-1], bytes(signature))

    def match(
        self, taker: Order, makers: Sequence[tuple[Order, int, int]], amounts: tuple[int, int, int]
    ) -> list[Told]:
        """Match with makers, each with what it gives and its fee; `amounts` are the taker's. Return what was told."""
        orders, making, fees = (list(column) for column in zip(*makers, strict=True)) if makers else ([], [], [])
        self.exchange.matchOrders(taker, orders, making, fees, amounts, sender=self.operator)
        return self.told(self.exchange)

    def told(self, contract: Any) -> list[Told]:
        """Return the events of the last call of a contract, in their order, whoever emitted them."""
        names = self._names()
        return [
            (
                type(event).__name__,
                *(
                    value if isinstance(value, list) else names.get(value, value)
                    for name, value in zip(event._fields[1:], event[1:], strict=True)
                    if name not in _UNTOLD
                ),
            )
            for event in contract.get_logs()
        ]

    def change(self, trader: Any) -> tuple[int, int, int]:
        """Return what a trader gained and lost: collateral, YES and NO."""
        wallet = trader.address
        holdings = (self.collateral.balanceOf(wallet), *(self.manager.balanceOf(wallet, each) for each in (YES, NO)))
        cash, yes, no = (held - MEANS for held in holdings)
        return cash, yes, no

    def _names(self) -> dict[Any, str]:
        return {
            ALICE.address: "alice",
            BOB.address: "bob",
            CAROL.address: "carol",
            self.exchange.address: "X",
            self.router.address: "router",
            self.modules[BINARY].address: "module",
            self.modules[NEG_RISK].address: "neg-risk module",
            self.fee_receiver: "fees",
            "0x" + "00" * 20: "zero",
            YES: "YES",
            NO: "NO",
            CONDITIONS[BINARY]: "condition",
        }


def deploy() -> Generation:
    """Deploy the contracts, and give three wallets means."""
    owner, oracle, operator, fee_receiver = (boa.env.generate_address() for _ in range(4))
    with boa.env.prank(owner):
        collateral = boa.load(DEVNET / "Collateral.vy", "Collateral", "C")
        manager = boa.load(DEVNET / "PositionManager.vy", owner, collateral)
        modules = {number: boa.load(DEVNET / "PositionModule.vy", number, manager, oracle) for number in CONDITIONS}
        for module in modules.values():
            manager.addModule(module)
            collateral.add_minter(module)
    factories = (boa.env.generate_address(), b"\x01" * 32, boa.env.generate_address(), b"\x02" * 32)
    wallets = boa.load(DEVNET / "WalletDerivation.vy", *factories)
    exchange = boa.load(DEVNET / "ExchangeV3.vy", operator, manager, wallets, fee_receiver)
    generation = Generation(
        collateral=collateral,
        manager=manager,
        modules=modules,
        router=boa.load(DEVNET / "Router.vy", manager),
        exchange=exchange,
        wallets=wallets,
        oracle=oracle,
        operator=operator,
        fee_receiver=fee_receiver,
    )
    for trader in (ALICE, BOB, CAROL):
        endow(generation, trader.address)
    return generation


def endow(generation: Generation, wallet: str) -> None:
    """Give a wallet collateral and shares of both outcomes, and have it approve exchange and router."""
    collateral, manager, router = generation.collateral, generation.manager, generation.router
    collateral.mint(wallet, 2 * MEANS, sender=collateral.owner())
    for spender in (generation.exchange, router):
        collateral.approve(spender, 2**256 - 1, sender=wallet)
        manager.setApprovalForAll(spender, True, sender=wallet)
    router.split(CONDITIONS[BINARY], MEANS, sender=wallet)


@contextmanager
def refused_with(contract: Any, error: str) -> Iterator[None]:
    """Expect one of a contract's errors, four bytes and no more."""
    with pytest.raises(boa.BoaError):
        yield
    assert contract._computation.output == keccak(text=f"{error}()")[:4]
