"""Whatever match an exchange executes, its calldata, its logs and the wallets' balances tell the same fills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from boa.util.abi import Address as BoaAddress
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import event, given, settings

from remora.detect.calldata import Exchanges, NotAMatch, decode_calldata
from remora.detect.decode import exact_fills
from remora.devnet.artifacts import ROOT
from remora.domain.chain import Log
from remora.domain.contracts import Generation
from remora.domain.ids import Address, address
from remora.domain.signal import Fill, Role, Side
from tests.unit.contracts import generation_v3
from tests.unit.contracts.match_plans import TRADERS, Offer, Plan, plans
from tests.unit.detect.movements import movements

ORDER = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
MATCH_V2 = ["bytes32", ORDER, f"{ORDER}[]", "uint256", "uint256[]", "uint256", "uint256[]"]
MATCH_V3 = [ORDER, f"{ORDER}[]", "uint256[]", "uint256[]", "(uint256,uint256,uint256)"]
SELECTOR_V2, SELECTOR_V3 = bytes.fromhex("3c2b4399"), bytes.fromhex("0fb25ba4")
EXECUTE = bytes.fromhex("b61d27f6")  # execute(address,uint256,bytes), as smart wallets have it
PLENTY = 10**14
KEYS = [Account.from_key(bytes([number + 1]) * 32) for number in range(TRADERS)]

Balances = dict[Address, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An order as calldata has it, and its hash."""

    order_hash: bytes
    fields: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """An exchange with traders who have plenty of everything; `outcomes` are the shares of yes and no."""

    generation: Generation
    exchange: Any
    collateral: Any
    shares: Any
    outcomes: tuple[int, int]
    condition_id: bytes
    operator: str

    @property
    def where(self) -> Address:
        return address(str(self.exchange.address))

    def sign(self, plan: Plan) -> list[Signed]:
        """Return the orders of a match, the makers' first and the taker's last."""
        return [self._signed(offer) for offer in (*(part.offer for part in plan.parts), plan.taker)]

    def calldata(self, plan: Plan, orders: list[Signed]) -> bytes:
        *makers, taker = (order.fields for order in orders)
        given, fees = [part.given for part in plan.parts], [part.fee for part in plan.parts]
        if self.generation is Generation.V3:
            return SELECTOR_V3 + encode(MATCH_V3, [taker, makers, given, fees, (plan.limit, plan.got, plan.fee)])
        return SELECTOR_V2 + encode(MATCH_V2, [self.condition_id, taker, makers, plan.limit, given, plan.fee, fees])

    def _signed(self, offer: Offer) -> Signed:
        key, token_id = KEYS[offer.trader], self.outcomes[offer.outcome]
        terms = (offer.salt, key.address, key.address, token_id, offer.making, offer.taking, offer.side, 0, 0)
        unsigned = (*terms, bytes(32), bytes(32))
        order_hash = self.exchange.hashOrder((*unsigned, b""))
        signature = bytes(Account.unsafe_sign_hash(order_hash, key.key).signature)
        return Signed(order_hash=order_hash, fields=(*unsigned, signature))

    def announced(self, data: bytes) -> tuple[Fill, ...]:
        """What calldata says, sent to the exchange itself or to a wallet that calls it."""
        exchanges = Exchanges.of(boa.env.evm.patch.chain_id, [(self.where, self.generation)])
        fills = decode_calldata(data, self.where, exchanges)
        assert not isinstance(fills, NotAMatch)
        wrapped = EXECUTE + encode(["address", "uint256", "bytes"], [self.where, 0, data])
        assert decode_calldata(wrapped, address(self.operator), exchanges) == fills
        return fills

    def execute(self, data: bytes) -> list[Log]:
        computation = boa.env.execute_code(
            to_address=self.exchange.address, sender=BoaAddress(self.operator), data=data
        )
        assert not computation.is_error, computation.output
        return [
            Log(address=Address("0x" + emitter.hex()), topics=tuple(f"0x{topic:064x}" for topic in topics), data=data)
            for _, emitter, topics, data in computation.get_raw_log_entries()
        ]

    def balances(self) -> Balances:
        return {
            address(key.address): {
                "collateral": self.collateral.balanceOf(key.address),
                **{str(each): self.shares.balanceOf(key.address, each) for each in self.outcomes},
            }
            for key in KEYS
        }


@pytest.fixture(scope="module")
def v2(deployed_ledgers: Any) -> Iterator[Venue]:
    with boa.env.anchor():
        ledgers, operator = deployed_ledgers, boa.env.generate_address()
        source = ROOT / "contracts" / "devnet" / "Exchange.vy"
        wallets, fee_receiver = boa.env.generate_address(), boa.env.generate_address()
        parties = (ledgers.collateral, ledgers.tokens, ledgers.asset, ledgers.adapter, wallets, fee_receiver)
        exchange = boa.load(source, operator, *parties)
        for key in KEYS:
            ledgers.fund(key.address, collateral=PLENTY, shares=PLENTY)
            ledgers.approve(key.address, exchange)
        yield Venue(
            generation=Generation.V2,
            exchange=exchange,
            collateral=ledgers.collateral,
            shares=ledgers.tokens,
            outcomes=(ledgers.yes, ledgers.no),
            condition_id=ledgers.condition_id,
            operator=str(operator),
        )


@pytest.fixture(scope="module")
def v3() -> Iterator[Venue]:
    with boa.env.anchor():
        deployed = generation_v3.deploy()
        for key in KEYS:
            generation_v3.endow(deployed, key.address)
        yield Venue(
            generation=Generation.V3,
            exchange=deployed.exchange,
            collateral=deployed.collateral,
            shares=deployed.manager,
            outcomes=(generation_v3.YES, generation_v3.NO),
            condition_id=generation_v3.CONDITIONS[generation_v3.BINARY],
            operator=deployed.operator,
        )


def change(before: Balances, after: Balances) -> Balances:
    return {
        wallet: {
            asset: after[wallet][asset] - units for asset, units in assets.items() if after[wallet][asset] != units
        }
        for wallet, assets in before.items()
    }


def moved_by(fills: tuple[Fill, ...]) -> Balances:
    moved = movements(fills)
    return {
        address(key.address): {asset: units for asset, units in moved.get(address(key.address), {}).items() if units}
        for key in KEYS
    }


def classify(plan: Plan) -> None:
    """Let Hypothesis count the kinds of matches that it made up."""
    same = {part.offer.side == plan.taker.side for part in plan.parts}
    event({frozenset({True}): "equal sides", frozenset({False}): "opposite sides"}.get(frozenset(same), "mixed"))
    if len({part.offer.salt for part in plan.parts}) < len(plan.parts):
        event("one order twice")
    if any(part.offer.trader == plan.taker.trader for part in plan.parts):
        event("self-trade")
    if not all(part.given for part in plan.parts):
        event("zero fill")


def examine(venue: Venue, plan: Plan) -> Fill:
    """Execute a match, hold what was announced against its logs and the balances, and return the taker's fill."""
    classify(plan)
    orders = venue.sign(plan)
    data = venue.calldata(plan, orders)
    announced = venue.announced(data)
    before = venue.balances()
    logs = venue.execute(data)
    assert announced == tuple(fill._replace(tx_hash=None) for fill in exact_fills(logs, [venue.where], complete=True))
    assert moved_by(announced) == change(before, venue.balances())
    assert [fill.role for fill in announced] == [Role.MAKER] * len(plan.parts) + [Role.TAKER]
    assert [fill.order_hash for fill in announced] == ["0x" + order.order_hash.hex() for order in orders]
    return announced[-1]


@settings(max_examples=80, deadline=None)
@given(plan=plans(Generation.V2))
def test_calldata_logs_and_balances_agree(v2: Venue, plan: Plan) -> None:
    with boa.env.anchor():
        examine(v2, plan)


@settings(max_examples=80, deadline=None)
@given(plan=plans(Generation.V3))
def test_calldata_logs_and_balances_agree_in_the_third_generation(v3: Venue, plan: Plan) -> None:
    with boa.env.anchor():
        taken = examine(v3, plan)
        status = v3.exchange.getOrderStatus(bytes.fromhex(taken.order_hash[2:]))
    used = taken.shares.units
    if taken.side is Side.BUY:
        # Used up by the shares that it got, in the collateral that it offered for them, whatever it paid.
        used = used * plan.taker.making // plan.taker.taking
        assert taken.collateral.units <= used
    assert (status.filled, status.remaining) == (used == plan.taker.making, plan.taker.making - used)
