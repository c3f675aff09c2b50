"""What became of a plan: how much of it was done, what was skipped, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from remora.devnet.scenario.deeds import Act, Trade


@dataclass(slots=True, kw_only=True)
class Score:
    """Counts by kind of deed; `skipped` holds each deed that was not done, with the reason."""

    done: Counter[str] = field(default_factory=Counter)
    skipped: list[tuple[Act, str]] = field(default_factory=list)

    def count(self, deed: Act) -> None:
        """Count a deed that was done."""
        self.done[type(deed).__name__] += 1

    def skip(self, deed: Act, reason: str) -> None:
        """Note a deed that was not done."""
        self.skipped.append((deed, reason))

    def lines(self) -> Iterator[str]:
        """Yield the summary, line by line."""
        skipped = sum(isinstance(deed, Trade) for deed, _ in self.skipped)
        done = self.done[Trade.__name__]
        yield f"trades: {done + skipped} planned, {done} done, {skipped} skipped"
        others = {name: count for name, count in self.done.items() if name != Trade.__name__}
        if others:
            yield "; ".join(f"{name.lower()}s: {count} done" for name, count in sorted(others.items()))
        for deed, reason in self.skipped:
            yield f"skipped: {deed}: {reason}"
