"""Saying how well we hear: when that changes, and every minute, in one line of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from remora.detect.health import DetectorHealth, Hearing
from remora.domain.nodes import EndpointHealth
from remora.ports import Clock

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
MINUTE_US = 60_000_000


class HealthReport:
    """Looks at the detector and at the nodes behind it."""

    def __init__(
        self,
        *,
        detector: Callable[[], DetectorHealth],
        nodes: Callable[[], Sequence[EndpointHealth]],
        clock: Clock,
    ) -> None:
        self._detector = detector
        self._nodes = nodes
        self._clock = clock
        self._said: Hearing | None = None
        self._said_us = 0

    async def run(self) -> None:
        """Report for ever."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Say how well we hear, if it is news or was not said for a minute."""
        health, now_us = self._detector(), self._clock.now_us()
        if health.hearing is self._said and now_us - self._said_us < MINUTE_US:
            return
        self._said, self._said_us = health.hearing, now_us
        say = log.warning if health.hearing in {Hearing.DEAF, Hearing.LAGGING} else log.info
        say("hearing", **facts(health, self._nodes()))


def facts(health: DetectorHealth, nodes: Sequence[EndpointHealth]) -> dict[str, object]:
    """Return what the line says. `log_age_s` and `head_age_s` are seconds, None for never."""
    reading = health.backfill
    return {
        "state": health.hearing,
        "endpoint": next((each.name for each in nodes if each.leading), None),
        "head": health.head,
        "head_age_s": _seconds(health.head_age_us),
        "cursor": health.cursor,
        "lag_blocks": health.lag_blocks,
        "lag_s": health.lag_s,
        "log_age_s": _seconds(health.log_age_us),
        "subscriptions": health.subscriptions,
        "backfill": None if reading is None else f"block {reading.at} of {reading.first} to {reading.last}",
        "unfinished": health.unfinished,
        "ignored": dict(health.ignored),
        "nodes": [each.sentence() for each in nodes],
    }


def _seconds(age_us: int | None) -> int | None:
    return None if age_us is None else age_us // 1_000_000
