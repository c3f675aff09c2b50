"""Tables: folded, never cut, and one line for each row where no terminal is."""

from __future__ import annotations

import re

import pytest
from rich.table import Table

from remora.cli.tables import print_table

_STYLE = re.compile(r"\x1b\[\d+m")
WALLET = "0x" + 40 * "a"


def table(*rows: tuple[str, str]) -> Table:
    made = Table("wallet", "a heading that is longer than what is below")
    for row in rows:
        made.add_row(*row)
    return made


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    print_table(table((WALLET, "1"), (WALLET, "2")), otherwise="nobody")
    lines = capsys.readouterr().out.splitlines()
    assert "a heading that is longer than what is below" in lines[1]
    assert [line for line in lines if WALLET in line] == lines[3:5]


@pytest.mark.usefixtures("narrow")
def test_a_narrow_terminal_folds_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(table((WALLET, "1")), otherwise="nobody")
    lines = _STYLE.sub("", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) == 30
    left, right = ("".join(line.split("│")[column] for line in lines if "│" in line) for column in (1, 2))
    assert (left.replace(" ", ""), right.strip()) == (WALLET, "1")
    headings = " ".join(line.split("┃")[2].strip() for line in lines if "┃" in line)
    assert headings == "a heading that is longer than what is below"


def test_no_rows_are_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(table(), otherwise="nobody")
    assert capsys.readouterr().out == "nobody\n"
