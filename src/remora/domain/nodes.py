"""What an operator wants to know of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """How one of the nodes is. Ages are seconds since something was heard, None for never.

    `leading` is the one that is asked first; lags count from the highest block that any of them has told.
    """

    name: str
    streaming: bool
    leading: bool
    height: int
    lag_blocks: int
    lag_s: int
    log_age_s: int | None
    replaced: int

    def sentence(self) -> str:
        """Return it in words."""
        heard = "no log yet" if self.log_age_s is None else f"last log {self.log_age_s} s ago"
        state = "subscribed" if self.streaming else "not subscribed"
        return (
            f"{self.name}: {state}, at block {self.height}, {self.lag_blocks} blocks ({self.lag_s} s) behind, {heard}, "
            f"replaced {self.replaced} times"
        )
