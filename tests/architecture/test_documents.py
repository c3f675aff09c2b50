"""Documents that are generated say what the code says, and links between documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from remora.cli.settings import documented
from remora.settings.policies.manual import manual

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TESTS = Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def test_settings_are_documented_as_they_are() -> None:
    assert (DOCS / "settings.md").read_text() == "\n".join(documented()) + "\n", "remora settings --document"


def test_policies_are_documented_as_they_are() -> None:
    assert (DOCS / "policy.md").read_text() == "\n".join(manual()) + "\n", "remora policy document"


def test_the_security_note_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "security.md").read_text()))
    text = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    stems = {path.stem for path in TESTS.rglob("test_*.py")}
    assert len(named) > 20
    assert {name for name in named - stems if f"def {name}(" not in text} == set()


def test_links_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "bench").glob("*.md")]
    links = [(each, target) for each in documents for target in LINK.findall(each.read_text())]
    assert links
    assert [(each.name, target) for each, target in links if not (each.parent / target).exists()] == []
