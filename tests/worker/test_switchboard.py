"""The switchboard tells for each order, right before it is sent, whether a switch forbids it."""

from __future__ import annotations

import pytest

from remora.dispatch.switchboard import Switchboard
from remora.domain.order import Intent
from remora.domain.signal import Side
from remora.domain.switches import Halt, Scope, Switch
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.specimens import LEADER, follower, intent, signal

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def board(database: Database, clock: SimulatedClock) -> Switchboard:
    return Switchboard(store=database.switches, clock=clock, leader_of=lambda _policy_id: LEADER)


def an(side: Side) -> Intent:
    return intent(1, of=signal(side))


def switch(halt: Halt, scope: Scope = Scope.SERVICE, subject: str = "", until_us: int | None = None) -> Switch:
    return Switch(scope=scope, subject=subject, halt=halt, because=None, set_us=START_US, until_us=until_us)


@pytest.mark.parametrize(
    ("halt", "side", "reason"),
    [
        (Halt.PAUSE, BUY, "PAUSED"),
        (Halt.PAUSE, SELL, None),
        (Halt.STOP, BUY, "STOPPED"),
        (Halt.STOP, SELL, "STOPPED"),
        (Halt.PANIC, BUY, "PANIC"),
        (Halt.PANIC, SELL, None),
    ],
)
async def test_every_halt_holds_entries_and_a_stop_exits_too(
    board: Switchboard, database: Database, halt: Halt, side: Side, reason: str | None
) -> None:
    await board.read()
    assert not board.is_halting()
    assert board.stopped(an(side)) is None
    await database.switches.set_switch(switch(halt))
    await board.read()
    assert board.is_halting()
    found = board.stopped(an(side))
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    ("scope", "subject", "holds"),
    [
        (Scope.FOLLOWER, follower(1), True),
        (Scope.FOLLOWER, follower(2), False),
        (Scope.LEADER, LEADER, True),
        (Scope.POLICY, "policy-1", True),
        (Scope.POLICY, "policy-2", False),
    ],
)
async def test_a_halt_holds_its_scope_only_and_until_it_ends(
    board: Switchboard, database: Database, clock: SimulatedClock, scope: Scope, subject: str, *, holds: bool
) -> None:
    await database.switches.set_switch(switch(Halt.PAUSE, scope, subject, START_US + 5 * US))
    await board.read()
    assert (board.stopped(an(BUY)) is not None) == holds
    clock.advance(5)
    assert board.stopped(an(BUY)) is None
    assert not board.is_halting()
