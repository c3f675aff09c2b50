"""Log filters as nodes take them. What a node would refuse, or silently read as "everything", is refused here."""

from __future__ import annotations

from typing import Any, TypeAlias

from remora.domain.errors import OperatorError
from remora.ports import LogFilter

Query: TypeAlias = dict[str, Any]

MAX_ALTERNATIVES = 1000
"""Words per topic position that geth, bor and anvil accept (polymarket.md 6)."""

_MAX_TOPICS = 4


def query(log_filter: LogFilter) -> Query:
    """Return a filter's JSON-RPC form, without block bounds.

    Raises OperatorError for more alternatives than a node accepts, and for an empty list of them: to a node it means
    "any", to us "none".
    """
    if not log_filter.addresses:
        raise OperatorError("a log filter must name an address: without one it matches every contract")
    if len(log_filter.topics) > _MAX_TOPICS:
        raise OperatorError(f"a log has at most {_MAX_TOPICS} topics, the filter asks for {len(log_filter.topics)}")
    return {"address": list(log_filter.addresses), "topics": [_alternatives(words) for words in log_filter.topics]}


def _alternatives(words: tuple[str, ...] | None) -> list[str] | None:
    if words is None:
        return None
    if not 0 < len(words) <= MAX_ALTERNATIVES:
        raise OperatorError(f"a topic takes 1 to {MAX_ALTERNATIVES} alternatives, the filter has {len(words)}")
    return list(words)
