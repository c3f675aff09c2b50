"""The contracts through which users move shares, with two markets, and their logs in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boa
from boa.util.abi import Address
from eth_abi.abi import decode

from remora.devnet.artifacts import ROOT
from remora.domain import contracts as events
from remora.domain.ids import ZERO_ADDRESS

DEVNET = ROOT / "contracts" / "devnet"
PLENTY = 10**12
POOL = bytes(32)
BOTH = [1, 2]
_WORDS = {
    events.TRANSFER: ("moves", ["uint256"]),
    events.APPROVAL: ("approves", ["uint256"]),
    events.COLLATERAL_WRAPPED: ("wraps", ["uint256"]),
    events.COLLATERAL_UNWRAPPED: ("unwraps", ["uint256"]),
    events.TRANSFER_SINGLE: ("one", ["uint256", "uint256"]),
    events.TRANSFER_BATCH: ("batch", ["uint256[]", "uint256[]"]),
    events.POSITION_SPLIT: ("split", ["address", "uint256[]", "uint256"]),
    events.POSITIONS_MERGE: ("merge", ["address", "uint256[]", "uint256"]),
    events.PAYOUT_REDEMPTION: ("redemption", ["bytes32", "uint256[]", "uint256"]),
    events.CONDITION_RESOLUTION: ("resolution", ["uint256", "uint256[]"]),
    events.NEG_RISK_SPLIT: ("neg-risk split", ["uint256"]),
    events.NEG_RISK_MERGE: ("neg-risk merge", ["uint256"]),
    events.NEG_RISK_CONVERSION: ("conversion", ["uint256"]),
    events.NEG_RISK_REDEMPTION: ("neg-risk redemption", ["uint256[]", "uint256"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """Contracts by name, a user that has approved them, and the names of everything that logs mention.

    The standard market's tokens are `yes` and `no`; those of the neg-risk market's questions end in their index.
    """

    parts: dict[str, Any]
    oracle: str
    user: str
    operator: str
    conditions: dict[str, bytes]
    tokens: dict[str, int]
    market_id: bytes
    names: dict[int, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.parts[name]

    def run(self, contract: str, function: str, *arguments: Any, sender: str | None = None) -> list[str]:
        """Call a contract as the user, and return what was logged, in words; what reverts raises."""
        called = self.parts[contract]
        return self.send(contract, getattr(called, function).prepare_calldata(*arguments), sender=sender)

    def send(self, contract: str, data: bytes, *, sender: str | None = None) -> list[str]:
        """The same with calldata."""
        computation = boa.env.execute_code(
            to_address=self.parts[contract].address, sender=Address(sender or self.user), data=data
        )
        if computation.is_error:
            raise Reverted(computation.output)
        return [self._told(log) for log in computation.get_raw_log_entries()]

    def holds(self, *names: str) -> dict[str, int]:
        """Return the user's balances of tokens by name; "collateral" and "asset" are contracts."""
        return {
            name: self.parts[name].balanceOf(self.user)
            if name in self.parts
            else self.ctf.balanceOf(self.user, self.tokens[name])
            for name in names
        }

    def resolve(self, *, is_yes: bool) -> None:
        """Resolve the standard market, and the first question of the other."""
        payouts = [1, 0] if is_yes else [0, 1]
        self.ctf.reportPayouts(bytes(31) + b"\x01", payouts, sender=self.oracle)
        self.nra.reportOutcome(self.market_id, is_yes, sender=self.oracle)

    def _told(self, log: Any) -> str:
        _, emitter, topics, data = log
        hexed = ["0x" + topic.to_bytes(32, "big").hex() for topic in topics]
        if hexed[0] not in _WORDS:
            return f"{self._name(int.from_bytes(emitter))} says {hexed[0]}"
        word, types = _WORDS[hexed[0]]
        parties = [self._name(topic) for topic in topics[1:]]
        values = [self._value(value) for value in decode(types, data)]
        return " ".join([self._name(int.from_bytes(emitter)), word, *parties, *values])

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            return "[" + " ".join(map(self._value, value)) + "]"
        if isinstance(value, str):
            value = int(value, 16)
        return self._name(int.from_bytes(value) if isinstance(value, bytes) else value)

    def _name(self, number: int) -> str:
        return self.names.get(number, str(number))


class Reverted(Exception):
    """A call that reverted, with what it answered."""


def deploy_venue(tokens: Any) -> Venue:
    """Deploy everything around ConditionalTokens, and let a user approve it."""
    oracle, user, operator, vault = (boa.env.generate_address() for _ in range(4))
    collateral, asset = (_load("Collateral", "Token", "T") for _ in range(2))
    collateral.add_asset(asset)
    asset.mint(collateral, PLENTY)
    wrapped = _load("WrappedCollateral", asset)
    nra = _load("NegRiskAdapter", tokens, asset, wrapped, vault)
    wrapped.give(nra)
    adapters = [
        _load("CollateralAdapter", collateral, asset, tokens),
        _load("NegRiskCollateralAdapter", collateral, asset, tokens, nra),
    ]
    redeemer = _load("AutoRedeemer", collateral, tokens, adapters, operator)
    parts = dict(zip(("adapter", "nr_adapter"), adapters, strict=True))
    parts |= {
        "collateral": collateral,
        "asset": asset,
        "wcol": wrapped,
        "ctf": tokens,
        "nra": nra,
        "redeemer": redeemer,
    }
    for spender in (*adapters, redeemer, nra):
        tokens.setApprovalForAll(spender, True, sender=user)
    for token, spenders in ((collateral, adapters), (asset, [nra, tokens])):
        token.mint(user, PLENTY)
        for spender in spenders:
            token.approve(spender, 2**256 - 1, sender=user)
    conditions, market_id = _prepare(tokens, nra, oracle)
    ids = {
        f"{outcome}{name}": tokens.getPositionId(
            wrapped if name else asset, tokens.getCollectionId(POOL, condition, index_set)
        )
        for name, condition in conditions.items()
        for outcome, index_set in (("yes", 1), ("no", 2))
    }
    people = {"user": user, "operator": operator, "vault": vault, "burn": events.CONVERSION_BURN, "0": ZERO_ADDRESS}
    named = people | {name: part.address for name, part in parts.items()}
    numbers = {name: int(str(address), 16) for name, address in named.items()} | ids
    numbers |= {f"condition{name}": int.from_bytes(condition) for name, condition in conditions.items()}
    numbers |= {"market": int.from_bytes(market_id)}
    return Venue(
        parts=parts,
        oracle=oracle,
        user=user,
        operator=operator,
        conditions=conditions,
        tokens=ids,
        market_id=market_id,
        names={number: name for name, number in numbers.items()},
    )


def _load(name: str, *arguments: Any) -> Any:
    return boa.load(DEVNET / f"{name}.vy", *arguments)


def _prepare(tokens: Any, nra: Any, oracle: str) -> tuple[dict[str, bytes], bytes]:
    """Prepare a condition "" and a neg-risk market of three questions, "0" to "2"."""
    question = bytes(31) + b"\x01"
    tokens.prepareCondition(oracle, question, 2, sender=oracle)
    market_id = nra.prepareMarket(0, b"event", sender=oracle)
    questions = [nra.prepareQuestion(market_id, b"question", sender=oracle) for _ in range(3)]
    conditions = {"": tokens.getConditionId(oracle, question, 2)}
    conditions |= {str(index): nra.getConditionId(each) for index, each in enumerate(questions)}
    return conditions, market_id
