"""Filters on how the market is described: category, tags, words of the question, slugs, and the outcome's name.

Of what is allowed at least one must match, of what is refused none may. What the venue does not say is neither.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from remora.dispatch.facts import Occasion
from remora.domain.policy import Filters, Listed
from remora.domain.reasons import Because, Reason, because


def category(filters: Filters, seen: Occasion) -> Because | None:
    """Judge the market's category."""
    return _told(filters.categories, "category", seen.described.category)


def tags(filters: Filters, seen: Occasion) -> Because | None:
    """Judge the market's tags."""
    return _told(filters.tags, "tags", seen.described.tags)


def slugs(filters: Filters, seen: Occasion) -> Because | None:
    """Judge the market's slug and its event's."""
    return _told(filters.slugs, "slug", seen.described.slugs)


def outcomes(filters: Filters, seen: Occasion) -> Because | None:
    """Judge the name of the outcome that the leader bought."""
    return _told(filters.outcomes, "outcome", seen.described.outcome)


def keywords(filters: Filters, seen: Occasion) -> Because | None:
    """Judge the market's question by the words, or sequences of words, in it."""
    listed, question = filters.keywords, seen.described.question
    if listed.is_open:
        return None
    found = frozenset(word for word in (*listed.allow, *listed.refuse) if names(question, word))
    return _judged(listed, "question", found) if question else because(Reason.FACT_UNKNOWN, what="question")


def names(text: str, word: str) -> bool:
    """Tell whether a word stands in a text by itself: "rate" is in "the rate falls" and not in "separate"."""
    start = text.find(word)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(word) : start + len(word) + 1]
        if not (before.isalnum() and word[0].isalnum()) and not (after.isalnum() and word[-1].isalnum()):
            return True
        start = text.find(word, start + 1)
    return False


def _told(listed: Listed, what: str, found: AbstractSet[str]) -> Because | None:
    """Judge what the venue tells, if it tells anything."""
    if listed.is_open:
        return None
    return _judged(listed, what, found) if found else because(Reason.FACT_UNKNOWN, what=what)


def _judged(listed: Listed, what: str, found: AbstractSet[str]) -> Because | None:
    for word in listed.refuse:
        if word in found:
            return because(Reason.REFUSED_WORD, what=what, found=word)
    if listed.allow and found.isdisjoint(listed.allow):
        return because(Reason.NOT_ALLOWED, what=what, allowed=", ".join(listed.allow))
    return None
