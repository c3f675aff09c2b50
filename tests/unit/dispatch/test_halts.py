"""Which switch holds for a policy, and what it lets through."""

from __future__ import annotations

import pytest

from remora.dispatch.halts import entry_halted, exit_halted, halt_of, halts
from remora.domain.ids import PolicyId
from remora.domain.reasons import Because, Reason, because
from remora.domain.switches import Halt, Scope, Switch
from tests.fakes.clock import START_US
from tests.fakes.specimens import LEADER, follower

ANN = PolicyId("ann")
LOST = because(Reason.STOP_LOSS, whom="policy ann", loss="101", limit="100", unpriced=0)


def switch(
    scope: Scope, subject: str, halt: Halt, *, why: Because | None = None, until_us: int | None = None
) -> Switch:
    return Switch(scope=scope, subject=subject, halt=halt, because=why, set_us=1, until_us=until_us)


def holding(*switches: Switch) -> Switch | None:
    return halt_of(ANN, follower(1), LEADER, halts(switches, START_US))


@pytest.mark.parametrize(
    ("scope", "subject", "holds"),
    [
        (Scope.POLICY, "ann", True),
        (Scope.POLICY, "bob", False),
        (Scope.FOLLOWER, follower(1), True),
        (Scope.FOLLOWER, follower(2), False),
        (Scope.LEADER, LEADER, True),
        (Scope.LEADER, follower(1), False),
        (Scope.SERVICE, "", True),
    ],
)
def test_whom_a_switch_concerns(scope: Scope, subject: str, *, holds: bool) -> None:
    assert (holding(switch(scope, subject, Halt.PAUSE)) is not None) == holds


@pytest.mark.parametrize("order", [1, -1])
def test_the_strongest_wins_wherever_it_is(order: int) -> None:
    pause, stop = switch(Scope.POLICY, "ann", Halt.PAUSE), switch(Scope.SERVICE, "", Halt.STOP)
    panic = switch(Scope.LEADER, LEADER, Halt.PANIC)
    assert holding(*(pause, stop)[::order]) is stop
    assert holding(*(pause, stop, panic)[::order]) is panic


def test_the_strongest_of_one_subject_wins() -> None:
    assert holding(*(switch(Scope.POLICY, "ann", halt) for halt in Halt)) == switch(Scope.POLICY, "ann", Halt.PANIC)


@pytest.mark.parametrize(("until_us", "holds"), [(START_US, False), (START_US + 1, True), (None, True)])
def test_a_switch_ends_by_itself(until_us: int | None, *, holds: bool) -> None:
    assert (holding(switch(Scope.SERVICE, "", Halt.STOP, until_us=until_us)) is not None) == holds


@pytest.mark.parametrize(
    ("halt", "entry", "exits"),
    [
        (None, None, None),
        (Halt.PAUSE, Reason.PAUSED, None),
        (Halt.STOP, Reason.STOPPED, Reason.STOPPED),
        (Halt.PANIC, Reason.PANIC, None),
    ],
)
def test_what_a_halt_lets_through(halt: Halt | None, entry: Reason | None, exits: Reason | None) -> None:
    found = None if halt is None else switch(Scope.FOLLOWER, follower(1), halt)
    refused = entry_halted(found), exit_halted(found)
    assert tuple(why.reason if why else None for why in refused) == (entry, exits)


def test_a_refusal_says_who_set_it() -> None:
    by_hand = entry_halted(switch(Scope.SERVICE, "", Halt.PAUSE))
    assert by_hand is not None
    assert by_hand.sentence() == "PAUSED: entries are paused for the service, by hand; exits are followed"
    tripped = entry_halted(switch(Scope.POLICY, "ann", Halt.PANIC, why=LOST))
    assert tripped is not None
    assert tripped.sentence() == (
        "PANIC: all that is held is being sold for policy ann, "
        "STOP_LOSS: policy ann lost 101, 0 unpriced tokens at cost; 100 or more sells everything"
    )
