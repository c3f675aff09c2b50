"""A Clearinghouse in memory: it settles each leg once, and refuses those that the test says it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from remora.domain.chain import Log, Receipt
from remora.domain.ids import Address, SettlementId
from remora.domain.money import Collateral, Wei
from remora.domain.order import Leg, LegFailure, LegOutcome, SettlementStep
from remora.domain.transaction import Approval, Call

CLEARINGHOUSE = Address("0x" + 40 * "c")
COLLATERAL = Address("0x" + 40 * "1")
LEDGERS = (Address("0x" + 40 * "2"), Address("0x" + 40 * "3"))
SPENDERS = (Address("0xe" + 39 * "0"), Address("0xe" + 39 * "1"), CLEARINGHOUSE)


class FakeClearinghouse:
    """A Custody with the contract behind it. Calldata is the JSON list of settlement ids."""

    def __init__(self) -> None:
        self.settled: list[SettlementId] = []
        self.refusals: dict[SettlementId, LegFailure] = {}
        self.silent: set[SettlementId] = set()
        self.calls: list[tuple[SettlementStep, tuple[Leg, ...]]] = []
        self.refuels: list[dict[Address, Wei]] = []
        self.transfers: list[tuple[Address, Collateral]] = []

    def settle(self, step: SettlementStep, legs: Sequence[Leg]) -> Call:
        self.calls.append((step, tuple(legs)))
        return Call(
            to=CLEARINGHOUSE,
            data=json.dumps([leg.settlement_id for leg in legs]).encode(),
            gas=self.settlement_gas(len(legs)),
        )

    def settlement_gas(self, legs: int) -> int:
        return 150_000 + legs * 410_000

    def outcomes(self, receipt: Receipt) -> list[LegOutcome]:
        return [
            LegOutcome(
                settlement_id=SettlementId(log.topics[0]),
                settled=log.data[0] in {LegFailure.NONE, LegFailure.ALREADY_SETTLED},
                failure=LegFailure(log.data[0]),
                tx_hash=receipt.tx_hash,
            )
            for log in receipt.logs
        ]

    def refuel(self, amounts: Mapping[Address, Wei]) -> Call:
        self.refuels.append(dict(amounts))
        return Call(to=CLEARINGHOUSE, data=b"[]", value=Wei(sum(a.units for a in amounts.values())), gas=100_000)

    def transfer(self, receiver: Address, amount: Collateral) -> Call:
        self.transfers.append((receiver, amount))
        return Call(to=COLLATERAL, data=b"[]", gas=50_000)

    def approvals(self) -> list[Approval]:
        return [
            Approval(
                ledger=ledger,
                spender=spender,
                call=Call(to=ledger or COLLATERAL, data=f'["{spender}"]'.encode(), gas=50_000),
            )
            for ledger in (None, *LEDGERS)
            for spender in SPENDERS
        ]

    def execute(self, data: bytes) -> tuple[Log, ...]:
        """Do what calldata asks for and return the events."""
        ids = [SettlementId(each) for each in json.loads(data)]
        return tuple(self._event(each, self._decide(each)) for each in ids if each not in self.silent)

    def _decide(self, settlement_id: SettlementId) -> LegFailure:
        if settlement_id in self.settled:
            return LegFailure.ALREADY_SETTLED
        failure = self.refusals.get(settlement_id, LegFailure.NONE)
        if failure is LegFailure.NONE:
            self.settled.append(settlement_id)
        return failure

    @staticmethod
    def _event(settlement_id: SettlementId, failure: LegFailure) -> Log:
        return Log(address=CLEARINGHOUSE, topics=(settlement_id,), data=bytes([failure]))
