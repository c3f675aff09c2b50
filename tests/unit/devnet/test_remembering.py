"""Memories: what is shared stays shared, what comes after touches nothing kept, and each can be brought back often."""

from __future__ import annotations

from dataclasses import dataclass, field

from remora.devnet.clock import VenueClock, wall_ms
from remora.devnet.remembering import Memory, Remembering


@dataclass(eq=False)
class Thing:
    marks: list[str] = field(default_factory=list)


class Shelf(Remembering):
    remembered = ("_things",)

    def __init__(self) -> None:
        self._things: dict[str, Thing] = {}
        self.visitors = 0

    def put(self, name: str, thing: Thing) -> None:
        self._things[name] = thing

    def look(self, name: str) -> Thing | None:
        return self._things.get(name)


def test_what_two_parts_share_they_share_again() -> None:
    left, right, thing = Shelf(), Shelf(), Thing(marks=["old"])
    left.put("a", thing)
    right.put("b", thing)
    memory = Memory((left, right))
    thing.marks.append("new")
    left.put("c", Thing())
    left.visitors = 5
    for _ in range(2):
        memory.bring_back()
        found = left.look("a")
        assert found is not None
        assert found is right.look("b")
        assert (found.marks, left.look("c"), left.visitors) == (["old"], None, 5)
        found.marks.append("later")


def test_a_clock_goes_on_from_the_time_that_it_was() -> None:
    clock = VenueClock()
    then, memory = clock.now_ms(), Memory((clock,))
    clock.advance(1000)
    assert clock.now_ms() - wall_ms() in range(999_000, 1_001_000)
    memory.bring_back()
    assert then <= clock.now_ms() < then + 60_000
