"""Log filters as nodes take them, and as raw receipts are sifted by them.

What a node would refuse, or silently read as "everything", is refused here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from remora.adapters.chain.jsonrpc import Written
from remora.domain.chain import LogFilter
from remora.domain.errors import OperatorError

MAX_ALTERNATIVES = 1000
"""Words per topic position that geth, bor and anvil accept (polymarket.md 6)."""

_MAX_TOPICS = 4


def query(log_filter: LogFilter) -> Written:
    """Return a filter's JSON-RPC form, without block bounds.

    Raises OperatorError for more alternatives than a node accepts, and for an empty list of them: to a node it means
    "any", to us "none".
    """
    if not log_filter.addresses:
        raise OperatorError("a log filter must name an address: without one it matches every contract")
    if len(log_filter.topics) > _MAX_TOPICS:
        raise OperatorError(f"a log has at most {_MAX_TOPICS} topics, the filter asks for {len(log_filter.topics)}")
    topics = [_alternatives(words) for words in log_filter.topics]
    return Written(json.dumps({"address": log_filter.addresses, "topics": topics}, separators=(",", ":")))


def bounded(asked: Written, bounds: dict[str, str]) -> Written:
    """Return a query of the blocks within bounds, which are named as nodes name them."""
    return Written(f"{asked[:-1]},{json.dumps(bounds)[1:]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """Filters without their structure: from whom, which events, naming what. A log that a filter matches is covered.

    `events` are the words of the first topic, `words` those of the others; None when a filter leaves them open.
    """

    addresses: frozenset[str]
    events: frozenset[str] | None
    words: frozenset[str] | None

    @classmethod
    def of(cls, filters: Iterable[LogFilter]) -> Self:
        """Join the filters."""
        all_of = tuple(filters)
        return cls(
            addresses=frozenset(address for each in all_of for address in each.addresses),
            events=_joined(each.topics[:1] for each in all_of),
            words=_joined(each.topics[1:] for each in all_of),
        )

    def covers(self, receipt: Any) -> bool:
        """Tell whether a raw receipt has a log that may match; also what is no receipt, so that somebody says so."""
        logs = receipt.get("logs") if isinstance(receipt, dict) else None
        return not isinstance(logs, list) or any(map(self._covers, logs))

    def _covers(self, log: Any) -> bool:
        if not isinstance(log, dict) or str(log.get("address")).lower() not in self.addresses:
            return False
        topics = log.get("topics")
        if not isinstance(topics, list) or not topics:
            return self.events is None and self.words is None
        if self.events is not None and str(topics[0]).lower() not in self.events:
            return False
        return self.words is None or any(str(topic).lower() in self.words for topic in topics[1:])


def _joined(positions: Iterable[Sequence[tuple[str, ...] | None]]) -> frozenset[str] | None:
    """Return all words of the positions; None when one of the filters names none there."""
    words: set[str] = set()
    for named in positions:
        if all(alternatives is None for alternatives in named):
            return None
        words.update(*(alternatives for alternatives in named if alternatives is not None))
    return frozenset(words)


def _alternatives(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if words is not None and not 0 < len(words) <= MAX_ALTERNATIVES:
        raise OperatorError(f"a topic takes 1 to {MAX_ALTERNATIVES} alternatives, the filter has {len(words)}")
    return words
