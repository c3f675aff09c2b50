"""Who is watched, for how long, and which heartbeat counts."""

from __future__ import annotations

import pytest

from remora.devnet.clob.heartbeats import SILENCE_MS, Heartbeats, WrongHeartbeat
from tests.unit.devnet.scene import ALICE, BOB

NOW = 1_800_000_000_000


def test_each_heartbeat_names_the_one_before() -> None:
    heartbeats = Heartbeats()
    first = heartbeats.beat(ALICE, "", NOW)
    second = heartbeats.beat(ALICE, first, NOW + 1)
    assert len({"", first, second}) == 3


@pytest.mark.parametrize("given", ["", "another"])
def test_a_wrong_id_is_told_the_right_one_and_does_not_count(given: str) -> None:
    heartbeats = Heartbeats()
    expected = heartbeats.beat(ALICE, "", NOW)
    with pytest.raises(WrongHeartbeat) as caught:
        heartbeats.beat(ALICE, given, NOW + SILENCE_MS)
    assert caught.value.expected == expected
    assert heartbeats.silenced(NOW + SILENCE_MS + 1) == [ALICE]


def test_fifteen_seconds_of_silence_end_the_watch() -> None:
    heartbeats = Heartbeats()
    last = heartbeats.beat(ALICE, "", NOW)
    heartbeats.beat(BOB, "", NOW + 1)
    assert heartbeats.silenced(NOW + 15_000) == []
    assert heartbeats.silenced(NOW + 15_001) == [ALICE]
    assert heartbeats.silenced(NOW + 15_001) == []
    with pytest.raises(WrongHeartbeat) as caught:
        heartbeats.beat(ALICE, last, NOW + 15_002)
    assert caught.value.expected == ""
