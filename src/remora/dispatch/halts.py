"""Which halt holds for a policy: the strongest of its own, its follower's, its leader's and the service's switches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from remora.domain.ids import Address, PolicyId
from remora.domain.reasons import Because, Reason, because
from remora.domain.switches import Halt, Switch
from remora.domain.usage import Subject, subjects, whom

Halts = Mapping[Subject, Switch]
"""The strongest switch in force of each subject."""

STRENGTH = {Halt.PAUSE: 1, Halt.STOP: 2, Halt.PANIC: 3}


def halts(switches: Iterable[Switch], now_us: int) -> Halts:
    """Return the strongest switch of each subject, without those that ended."""
    strongest: dict[Subject, Switch] = {}
    for switch in switches:
        if switch.until_us is None or switch.until_us > now_us:
            subject = (switch.scope, switch.subject)
            strongest[subject] = _stronger(switch, strongest.get(subject))
    return strongest


def halt_of(policy_id: PolicyId, follower: Address, leader: Address, among: Halts) -> Switch | None:
    """Return the strongest switch that concerns a policy, the narrowest if several are equal."""
    found: Switch | None = None
    if among:
        for subject in subjects(policy_id, follower, leader):
            if switch := among.get(subject):
                found = switch if found is None else _stronger(found, switch)
    return found


def entry_halted(switch: Switch | None) -> Because | None:
    """Refuse an entry under any halt."""
    return None if switch is None else why(switch)


def exit_halted(switch: Switch | None) -> Because | None:
    """Refuse an exit when everything is stopped; a pause lets exits go on, and so does selling everything."""
    return why(switch) if switch is not None and switch.halt is Halt.STOP else None


def why(switch: Switch) -> Because:
    """Return the switch as a reason, with the reason that it was set for itself."""
    cause = "by hand" if switch.because is None else switch.because.sentence()
    who = whom((switch.scope, switch.subject))
    match switch.halt:
        case Halt.PAUSE:
            return because(Reason.PAUSED, whom=who, why=cause)
        case Halt.STOP:
            return because(Reason.STOPPED, whom=who, why=cause)
        case Halt.PANIC:
            return because(Reason.PANIC, whom=who, why=cause)
        case _:
            assert_never(switch.halt)


def _stronger(switch: Switch, other: Switch | None) -> Switch:
    """Return the stronger, the first if they are equal."""
    return other if other is not None and STRENGTH[other.halt] > STRENGTH[switch.halt] else switch
