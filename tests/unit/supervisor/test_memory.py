"""What exists when the service has started is not looked at by the garbage collector any more."""

from __future__ import annotations

import gc

from remora.supervisor.memory import YOUNG_OBJECTS, set_aside


class Link:
    """An object that refers to itself, so that only the garbage collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def links() -> int:
    return sum(type(each) is Link for each in gc.get_objects())


def test_what_stays_is_not_looked_at() -> None:
    kept = Link()
    assert links() == 1
    set_aside()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert kept.itself is kept
    assert links() == 0  # get_objects lists what is looked at


def test_garbage_goes_before_and_after() -> None:
    Link()
    set_aside()
    gc.unfreeze()
    assert links() == 0
    set_aside()
    Link()
    assert links() == 1
    gc.collect()
    assert links() == 0
