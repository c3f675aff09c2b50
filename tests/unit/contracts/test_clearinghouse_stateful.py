"""Laws of the Clearinghouse under any sequence of acts, checked against a model that keeps the books in Python."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

import boa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

DAY = 86_400
MEANS, LIMIT = 500, 300
WALLETS = st.integers(0, 2)
AMOUNTS = st.integers(0, 200)
IDS = st.integers(1, 12)  # few, so that they are met again


class SettlementMachine(RuleBasedStateMachine):
    """Two operators and three followers; each act tells by its events what it did, and the books follow."""

    def __init__(self, house: Any) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(boa.env.anchor())
        self.house = house
        self.operators = [house.new_operator(collateral=MEANS, shares=MEANS) for _ in range(2)]
        self.followers = [house.new_follower(daily_limit=LIMIT, collateral=MEANS, shares=MEANS) for _ in range(3)]
        wallets = (*self.operators, *self.followers)
        self.collateral = Counter(dict.fromkeys(wallets, MEANS))
        self.shares = Counter(dict.fromkeys(wallets, MEANS))
        self.outstanding: Counter[str] = Counter()
        self.lots = Counter(dict.fromkeys(self.followers, MEANS))
        self.pulled: Counter[tuple[str, int]] = Counter()
        self.settled: set[bytes] = set()

    def teardown(self) -> None:
        self.stack.close()

    @rule(operator=st.integers(0, 1), legs=st.lists(st.tuples(IDS, WALLETS, AMOUNTS, AMOUNTS), max_size=3))
    def deliver(self, operator: int, legs: list[tuple[int, int, int, int]]) -> None:
        self.house.deliver(
            *((self.named(number), self.followers[who], *rest) for number, who, *rest in legs),
            operator=self.operators[operator],
        )
        self.enter(len(legs))

    @rule(operator=st.integers(0, 1), legs=st.lists(st.tuples(IDS, WALLETS, AMOUNTS), max_size=3))
    def collect(self, operator: int, legs: list[tuple[int, int, int]]) -> None:
        self.house.collect(
            *((self.named(number), self.followers[who], shares) for number, who, shares in legs),
            operator=self.operators[operator],
        )
        self.enter(len(legs))

    @rule(
        operator=st.integers(0, 1),
        legs=st.lists(st.tuples(IDS, WALLETS, AMOUNTS, AMOUNTS, AMOUNTS), max_size=3),
    )
    def remit(self, operator: int, legs: list[tuple[int, int, int, int, int]]) -> None:
        self.house.remit(
            *((self.named(number), self.followers[who], *rest) for number, who, *rest in legs),
            operator=self.operators[operator],
        )
        self.enter(len(legs))

    @rule(who=WALLETS, act=st.sampled_from(("pause", "resume", "leave")))
    def change_mind(self, who: int, act: str) -> None:
        if self.house.contract.follower(self.followers[who]).expires_at:
            getattr(self.house.contract, act)(sender=self.followers[who])

    @rule(who=WALLETS, days=st.integers(1, 3))
    def join(self, who: int, days: int) -> None:
        self.house.contract.join(LIMIT, boa.env.timestamp + days * DAY, sender=self.followers[who])

    @rule(hours=st.integers(1, 30))
    def let_time_pass(self, hours: int) -> None:
        boa.env.timestamp += hours * 3600

    def named(self, number: int) -> bytes:
        return b"act".ljust(31, b"\0") + bytes([number])

    def enter(self, legs: int) -> None:
        """Enter what the events of the last act say; each leg has exactly one, and none settles twice."""
        logs = [log for log in self.house.contract.get_logs() if hasattr(log, "settlement_id")]
        assert len(logs) == legs
        for log in logs:
            match type(log).__name__:
                case "LegFailed":
                    continue
                case "Delivered":
                    self.move(self.collateral, log.follower, log.operator, log.collateral)
                    self.move(self.shares, log.operator, log.follower, log.shares)
                    self.pulled[log.follower, boa.env.timestamp // DAY] += log.collateral
                    self.lots[log.follower] += log.shares
                case "Collected":
                    self.move(self.shares, log.follower, log.operator, log.shares)
                    self.outstanding[log.follower] += log.shares
                    self.lots[log.follower] -= log.shares
                case "Remitted":
                    self.move(self.collateral, log.operator, log.follower, log.proceeds)
                    self.move(self.shares, log.operator, log.follower, log.returned)
                    self.outstanding[log.follower] -= log.sold + log.returned
                    self.lots[log.follower] += log.returned
            assert log.settlement_id not in self.settled
            self.settled.add(log.settlement_id)

    @staticmethod
    def move(book: Counter[str], giver: str, taker: str, amount: int) -> None:
        book[giver] -= amount
        book[taker] += amount

    @invariant()
    def balances_are_what_the_events_say(self) -> None:
        ledgers, wallets = self.house.ledgers, list(self.shares)
        held = ledgers.tokens.balanceOfBatch(wallets, [ledgers.yes] * len(wallets))
        assert held == list(self.shares.values())
        assert [ledgers.collateral.balanceOf(wallet) for wallet in wallets] == list(self.collateral.values())

    @invariant()
    def what_was_collected_is_on_record(self) -> None:
        for follower in self.followers:
            recorded = self.house.contract.outstanding(follower, self.house.ledgers.yes)
            assert recorded == self.outstanding[follower] >= 0
            assert self.house.contract.lots(follower, self.house.ledgers.yes) == self.lots[follower] >= 0

    @invariant()
    def no_day_costs_more_than_its_limit(self) -> None:
        assert all(amount <= LIMIT for amount in self.pulled.values())

    @invariant()
    def the_clearinghouse_holds_nothing(self) -> None:
        assert self.house.holdings(self.house.contract) == (0, 0)


def test_no_sequence_of_acts_breaks_the_laws(house: Any) -> None:
    class Machine(SettlementMachine):
        def __init__(self) -> None:
            super().__init__(house)

    budget = settings(
        max_examples=12,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=budget)
