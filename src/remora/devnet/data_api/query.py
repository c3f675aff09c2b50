"""What a request to the Data API asks for, and the pages in which it gets it.

A cursor names the last row of the page before it, so that rows which come meanwhile neither repeat nor hide any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from remora.devnet.clob import refusals
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.share_moves import ShareMove

_DEFAULT_LIMIT, _LARGEST_LIMIT = 100, 1000
_DIGITS = re.compile(r"\d{1,15}", re.ASCII)
_CURSOR = re.compile(r"(\d{1,15})-(\d{1,20})", re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_Row = TypeVar("_Row", Deal, ShareMove, Deal | ShareMove)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The filters that both versions have; a filter that is not given is None, and lets everything through."""

    user: str | None
    conditions: frozenset[str] | None
    side: str | None
    types: frozenset[str] | None
    taker_only: bool
    start_s: int | None
    end_s: int | None
    ascending: bool
    limit: int
    offset: int
    cursor: tuple[int, int] | None

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Query:
        """Read the query of either version; refuse what cannot be read."""
        conditions = given.get("condition_id") or given.get("market")
        return cls(
            user=_user(given.get("user")),
            conditions=_names(conditions.lower() if conditions else None),
            side=given.get("side"),
            types=_names(given.get("type")),
            taker_only=(given.get("taker_only") or given.get("takerOnly") or "true").lower() == "true",
            start_s=_number(given.get("start")),
            end_s=_number(given.get("end")),
            ascending=(given.get("sort_direction") or given.get("sortDirection")) == "ASC",
            limit=min(_number(given.get("limit")) or _DEFAULT_LIMIT, _LARGEST_LIMIT),
            offset=_number(given.get("offset")) or 0,
            cursor=_cursor(given.get("cursor")),
        )

    def wants(self, row: Deal | ShareMove) -> bool:
        """Tell whether a row passes the filters."""
        side, kind, subject = (
            (row.side.value, "TRADE", row.listing.market.condition_id)
            if isinstance(row, Deal)
            else ("", row.kind.value, row.subject)
        )
        return (
            self.user in (None, row.wallet)
            and self.wants_market(subject)
            and self.side in (None, side)
            and (self.types is None or kind in self.types)
            and (self.start_s is None or row.at_s >= self.start_s)
            and (self.end_s is None or row.at_s <= self.end_s)
        )

    def wants_market(self, condition_id: str) -> bool:
        """Tell whether a market passes the filters."""
        return self.conditions is None or condition_id.lower() in self.conditions


def selected(rows: Iterable[_Row], query: Query) -> list[_Row]:
    """Return the rows that the query wants, newest first or as it says."""
    return sorted(filter(query.wants, rows), key=_place, reverse=not query.ascending)


def page(rows: Sequence[_Row], query: Query, shape: Callable[[_Row], dict[str, Any]]) -> dict[str, Any]:
    """Return version 2's page of rows that `selected` returned."""
    cursor = query.cursor
    left = [
        row for row in rows if cursor is None or (_place(row) > cursor if query.ascending else _place(row) < cursor)
    ]
    shown = left[: query.limit]
    last = "{}-{}".format(*_place(shown[-1])) if len(left) > len(shown) else None
    return enveloped([shape(row) for row in shown], last)


def enveloped(data: list[dict[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    """Return the envelope of version 2."""
    return {"data": data, "pagination": {"has_more": next_cursor is not None, "next_cursor": next_cursor}}


def sliced(rows: Sequence[_T], query: Query) -> Sequence[_T]:
    """Return version 1's page: it counts in offsets."""
    return rows[query.offset : query.offset + query.limit]


def _place(row: Deal | ShareMove) -> tuple[int, int]:
    return row.at_s, row.sequence


def _user(text: str | None) -> str | None:
    if text is not None and not _ADDRESS.fullmatch(text):
        raise refusals.invalid_payload()
    return text.lower() if text else None


def _names(text: str | None) -> frozenset[str] | None:
    return frozenset(text.split(",")) if text else None


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not _DIGITS.fullmatch(text):
        raise refusals.invalid_payload()
    return int(text)


def _cursor(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    parts = _CURSOR.fullmatch(text)
    if parts is None:
        raise refusals.invalid_payload()
    return int(parts[1]), int(parts[2])
