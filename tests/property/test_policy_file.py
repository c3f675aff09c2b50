"""What is written reads back as the same rules, whatever they are; and the schema takes what is written."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given

from remora.domain.policy import Rulebook
from remora.settings.policies.reader import read_rulebook
from remora.settings.policies.schema import json_schema
from remora.settings.policies.writer import written
from tests.fakes.json_schema import objections
from tests.fakes.rulebooks import rulebooks


@given(book=rulebooks())
def test_what_is_written_reads_back_as_the_same(book: Rulebook) -> None:
    assert read_rulebook(written(book), "") == book


@given(book=rulebooks())
def test_the_schema_takes_what_is_written(book: Rulebook) -> None:
    document: Any = yaml.safe_load(written(book))
    assert not list(objections(json_schema(), document))
