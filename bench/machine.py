"""What a measurement ran on, and what ran beside it: without that, no figure can be judged or compared.

Linux tells through /proc how much of the processors' time went to whom; elsewhere that part of the report is empty.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")
_NEIGHBOURS_SHOWN = 6
#: Fields of /proc/<pid>/stat after the name, counted from 0: parent, session, user and system time.
_PARENT, _USER, _SYSTEM = 1, 11, 12


@dataclass(slots=True, kw_only=True)
class Machine:
    """The machine, and once the measurement is over, who had its processors meanwhile.

    `busy_percent` is how much of all processors' time was used by anybody, `others_percent` by who is not of the
    measurement. `neighbours` are those of the others that used most and still run at the end, by name, with the seconds
    of processor time of each.
    """

    system: str = field(default_factory=lambda: f"{platform.system()} {platform.machine()}")
    python: str = field(default_factory=lambda: f"{platform.python_implementation()} {platform.python_version()}")
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    load_before: tuple[float, ...] = ()
    load_after: tuple[float, ...] = ()
    busy_percent: float | None = None
    others_percent: float | None = None
    neighbours: dict[str, float] = field(default_factory=dict)


@contextmanager
def watched() -> Iterator[Machine]:
    """Yield a description of the machine that is complete when the context has ended."""
    machine = Machine(load_before=_load())
    before, total_before, ours_before = _times(), _processors(), _ours_s()
    yield machine
    after, total_after, ours_after = _times(), _processors(), _ours_s()
    machine.load_after = _load()
    if total_before and total_after:
        busy_s, total_s = (_seconds(late - early) for early, late in zip(total_before, total_after, strict=True))
        machine.busy_percent = round(100 * busy_s / total_s, 1)
        machine.others_percent = round(100 * max(0.0, busy_s - (ours_after - ours_before)) / total_s, 1)
        others = _others(before, after).most_common(_NEIGHBOURS_SHOWN)
        machine.neighbours = {name: round(_seconds(ticks), 1) for name, ticks in others}


def _load() -> tuple[float, ...]:
    return tuple(round(figure, 2) for figure in os.getloadavg())


def _ours_s() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _seconds(ticks: int) -> float:
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Process:
    name: str
    parent: int
    ticks: int


def _times() -> dict[int, _Process]:
    """Return the processes that run now, with the processor time each has used so far, in clock ticks."""
    found: dict[int, _Process] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        try:
            head, _, tail = entry.read_text().rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        fields = tail.split()
        ticks = int(fields[_USER]) + int(fields[_SYSTEM])
        found[int(entry.parent.name)] = _Process(head.partition("(")[2], int(fields[_PARENT]), ticks)
    return found


def _processors() -> tuple[int, int] | None:
    """Return all processors' busy and total time so far, in clock ticks."""
    if not (_PROC / "stat").exists():
        return None
    times = [int(text) for text in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    idle = times[3] + times[4]
    return sum(times) - idle, sum(times)


def _others(before: dict[int, _Process], after: dict[int, _Process]) -> Counter[str]:
    """Return the processor time of everybody but us and our descendants, by name."""
    ours = _family(after)
    used: Counter[str] = Counter()
    for pid, process in after.items():
        if pid not in ours:
            earlier = before.get(pid)
            used[process.name] += process.ticks - (earlier.ticks if earlier else 0)
    return +used


def _family(processes: dict[int, _Process]) -> set[int]:
    family = {os.getpid()}
    while grown := {pid for pid, process in processes.items() if process.parent in family} - family:
        family |= grown
    return family
