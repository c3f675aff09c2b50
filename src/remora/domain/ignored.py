"""What was ignored, counted by name: bad input stops nothing, and is not silent either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class Ignored:
    """Counts what was ignored, and says when a count is worth a word."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> bool:
        """Count one more; True for the first, the tenth, the hundredth and so on."""
        self._counts[name] += 1
        return str(self._counts[name]).strip("0") == "1"

    def counts(self) -> Mapping[str, int]:
        """Return how often each name was ignored."""
        return dict(self._counts)
