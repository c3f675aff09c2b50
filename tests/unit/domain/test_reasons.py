"""Every reason has a sentence, and every place that gives a reason gives exactly the facts of its sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import remora
from remora.domain.reasons import SENTENCES, Because, Reason, because

SOURCE = Path(next(iter(remora.__path__)))


def facts_of(reason: Reason) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(SENTENCES[reason]) if name}


def call_sites() -> Iterator[tuple[str, Reason, set[str | None]]]:
    """Find `because(Reason.X, fact=…)` in the source: where, which reason, which facts."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="because"), args=[ast.Attribute(attr=name)], keywords=keywords):
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", Reason[name], {each.arg for each in keywords}


CALL_SITES = list(call_sites())


def test_every_reason_has_a_sentence() -> None:
    assert SENTENCES.keys() == set(Reason)


def test_every_reason_is_given_somewhere() -> None:
    assert {reason for _, reason, _ in CALL_SITES} == set(Reason)


@pytest.mark.parametrize(("reason", "facts"), [site[1:] for site in CALL_SITES], ids=[site[0] for site in CALL_SITES])
def test_a_call_site_gives_the_facts_of_the_sentence(reason: Reason, facts: set[str | None]) -> None:
    assert facts == facts_of(reason)


def test_the_sentence_is_for_people() -> None:
    why = because(Reason.MAX_ODDS, price="0.92", max_odds="0.85")
    assert why.sentence() == "MAX_ODDS: price 0.92 is above the policy's 0.85"
    assert because(Reason.TOO_OLD, age_s=61, max_age_s=60).facts == {"age_s": "61", "max_age_s": "60"}


@pytest.mark.parametrize("reason", [reason for reason in Reason if facts_of(reason)])
def test_a_reason_without_its_facts_cannot_be_made(reason: Reason) -> None:
    with pytest.raises(KeyError):
        because(reason)


def test_facts_are_shown_as_they_are() -> None:
    why = Because(reason=Reason.VENUE_REJECTED, facts={"detail": "{odd} braces"})
    assert why.sentence() == "VENUE_REJECTED: the venue refused the order: {odd} braces"
