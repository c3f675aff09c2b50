"""The Clearinghouse's calldata and events, by hand for its one interface (contracts/Clearinghouse.vy).

A settlement transaction carries legs. Each settles or fails on its own and leaves one event that says which. The
approvals that an operator wallet gives are here too, for the Clearinghouse is one of those it gives them to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from remora.adapters.chain import tokens
from remora.domain.chain import Log, Receipt
from remora.domain.contracts import Exchanges, Ledgers
from remora.domain.errors import InvariantBroken, Malformed
from remora.domain.ids import Address, SettlementId, TxHash
from remora.domain.means import Membership
from remora.domain.money import Collateral, Wei
from remora.domain.order import Leg, LegFailure, LegOutcome, SettlementStep
from remora.domain.transaction import Approval, Call

_SIGNATURES = {
    SettlementStep.DELIVER: "deliver(uint256,(bytes32,address,uint256,uint256)[])",
    SettlementStep.COLLECT: "collect(uint256,(bytes32,address,uint256)[])",
    SettlementStep.REMIT: "remit((bytes32,address,uint256,uint256,uint256,uint256)[])",
}
_REFUEL = "refuel(address[],uint256[])"
_IS_OPERATOR, _FOLLOWER = (keccak(text=signature)[:4] for signature in ("is_operator(address)", "follower(address)"))

_FAILED_TOPIC, *_SETTLED_TOPICS = (
    f"0x{keccak(text=event).hex()}"
    for event in (
        "LegFailed(bytes32,address,uint8)",
        "Delivered(bytes32,address,address,uint256,uint256,uint256)",
        "Collected(bytes32,address,address,uint256,uint256)",
        "Remitted(bytes32,address,address,uint256,uint256,uint256,uint256)",
    )
)
_LEG_TOPICS = frozenset({_FAILED_TOPIC, *_SETTLED_TOPICS})

MAX_LEGS = 80
"""Polygon mines no transaction with more than 2^25 gas (bor's MaxTxGas); 80 legs are bound by 32.95 million."""

MAX_REFUELS = 64
"""The contract's MAX_WALLETS."""

_SETTLE_GAS = 150_000
_LEG_GAS = 410_000
"""The contract lets a leg burn 400,000 and starts none with less than 426,000 left; loop and calldata take 7,000 each.

So these bounds hold even when every leg is hostile. Measured: 169,000 for one delivery, 121,000 each for 64 to new
holders and 67,000 to old ones; 68,000 for a collection, 57,000 for a remittance. What is not used is not paid, but the
wallet must hold it while the transaction is pending.
"""

_REFUEL_GAS = 60_000
_REFUELED_WALLET_GAS = 45_000
"""Measured: 37,000 each for 64 new accounts."""

_APPROVAL_GAS = 100_000
"""Measured: 46,000 for a plain token; a collateral behind a proxy takes more."""

_TRANSFER_GAS = 150_000
"""Measured: 51,000 to a holder of none, for a plain token; a collateral behind a proxy takes more."""


def is_operator(wallet: Address) -> bytes:
    """Return the calldata of the question whether a wallet may settle."""
    return _IS_OPERATOR + tokens.account(wallet)


def follower(wallet: Address) -> bytes:
    """Return the calldata of the question for a follower's terms."""
    return _FOLLOWER + tokens.account(wallet)


def parse_follower(words: Sequence[int]) -> Membership:
    """Read the contract's FollowerInfo."""
    daily_limit, _daily_shares, expires_s, paused, spent_today, _collected_today = words
    return Membership(
        expires_s=expires_s,
        paused=bool(paused),
        daily_limit=Collateral(daily_limit),
        spent_today=Collateral(spent_today),
    )


FOLLOWER_WORDS = 6


class ClearinghouseCustody:
    """A Custody: one Clearinghouse, and the exchanges that operator wallets trade on."""

    def __init__(self, *, clearinghouse: Address, collateral: Address, ledgers: Ledgers, exchanges: Exchanges) -> None:
        self._clearinghouse = clearinghouse
        self._collateral = collateral
        self._spenders = {
            None: (exchanges.standard, exchanges.neg_risk, exchanges.v3, clearinghouse),
            ledgers.conditional_tokens: (exchanges.standard, exchanges.neg_risk, clearinghouse),
            ledgers.position_manager: (exchanges.v3, clearinghouse),
        }

    def settle(self, step: SettlementStep, legs: Sequence[Leg]) -> Call:
        """Return the call of one step. Raises InvariantBroken for legs that cannot share a transaction."""
        _check(step, legs)
        rows = [_row(leg) for leg in legs]
        arguments = [rows] if step is SettlementStep.REMIT else [legs[0].token_id, rows]
        return Call(
            to=self._clearinghouse,
            data=_encoded(_SIGNATURES[step], *arguments),
            gas=self.settlement_gas(len(legs)),
        )

    def settlement_gas(self, legs: int) -> int:
        """Return the gas by which a settlement of so many legs is bound, even if every leg is hostile."""
        return _SETTLE_GAS + legs * _LEG_GAS

    def outcomes(self, receipt: Receipt) -> list[LegOutcome]:
        """Return the outcomes of a settlement's legs in their order; a reverted transaction has none."""
        return [
            _outcome(log, receipt.tx_hash)
            for log in receipt.logs
            if log.address == self._clearinghouse and log.topics and log.topics[0] in _LEG_TOPICS
        ]

    def refuel(self, amounts: Mapping[Address, Wei]) -> Call:
        """Return the call that tops up at most `MAX_REFUELS` wallets; it carries the sum."""
        if not 0 < len(amounts) <= MAX_REFUELS:
            raise InvariantBroken(f"one call refuels 1 to {MAX_REFUELS} wallets, asked for {len(amounts)}")
        weis = [amount.units for amount in amounts.values()]
        return Call(
            to=self._clearinghouse,
            data=_encoded(_REFUEL, list(amounts), weis),
            value=Wei(sum(weis)),
            gas=_REFUEL_GAS + len(amounts) * _REFUELED_WALLET_GAS,
        )

    def transfer(self, receiver: Address, amount: Collateral) -> Call:
        """Return the call that sends collateral."""
        return Call(to=self._collateral, data=tokens.transfer(receiver, amount.units), gas=_TRANSFER_GAS)

    def approvals(self) -> list[Approval]:
        """Return nine approvals: unlimited collateral to all, and the shares of each ledger to who moves them."""
        return [self._approval(ledger, spender) for ledger, spenders in self._spenders.items() for spender in spenders]

    def _approval(self, ledger: Address | None, spender: Address) -> Approval:
        if ledger is None:
            call = Call(to=self._collateral, data=tokens.approve(spender, tokens.MAX_UINT256), gas=_APPROVAL_GAS)
        else:
            call = Call(to=ledger, data=tokens.approve_all(spender), gas=_APPROVAL_GAS)
        return Approval(ledger=ledger, spender=spender, call=call)


def _check(step: SettlementStep, legs: Sequence[Leg]) -> None:
    if not 0 < len(legs) <= MAX_LEGS:
        raise InvariantBroken(f"one call settles 1 to {MAX_LEGS} legs, asked for {len(legs)}")
    if any(leg.step is not step for leg in legs):
        raise InvariantBroken(f"legs of another step among those to {step}")
    if step is not SettlementStep.REMIT and len({leg.token_id for leg in legs}) > 1:
        raise InvariantBroken(f"legs of several tokens cannot share one {step}")


def _row(leg: Leg) -> tuple[Any, ...]:
    """Return the leg's struct as the contract declares it."""
    head = (bytes.fromhex(leg.settlement_id[2:]), leg.follower)
    match leg.step:
        case SettlementStep.DELIVER:
            return (*head, leg.shares.units, leg.collateral.units)
        case SettlementStep.COLLECT:
            return (*head, leg.shares.units)
        case SettlementStep.REMIT:
            return (*head, leg.token_id, leg.shares.units, leg.collateral.units, leg.returned.units)
        case _:
            assert_never(leg.step)


def _outcome(log: Log, tx_hash: TxHash) -> LegOutcome:
    _, settlement_id, *_ = log.topics
    failure = _failure(log.data) if log.topics[0] == _FAILED_TOPIC else LegFailure.NONE
    return LegOutcome(
        settlement_id=SettlementId(settlement_id),
        settled=failure in {LegFailure.NONE, LegFailure.ALREADY_SETTLED},
        failure=failure,
        tx_hash=tx_hash,
    )


def _failure(data: bytes) -> LegFailure:
    try:
        return LegFailure(int.from_bytes(data))
    except ValueError as error:
        raise Malformed(f"expected a reason why a leg failed, found {error}") from None


def _encoded(signature: str, *arguments: Any) -> bytes:
    types = signature[signature.index("(") :]
    # The whole argument list is one tuple; its own offset is not part of calldata.
    return keccak(text=signature)[:4] + encode([types], [arguments])[32:]
