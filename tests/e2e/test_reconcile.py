"""`remora reconcile` typed wrongly: told before anything is asked. What it finds is in the scenarios of faults."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from remora.cli.reconcile import reconcile
from remora.domain.errors import Malformed
from tests.contract.store.samples import OPERATOR


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--accept", OPERATOR], "expected --accept with a wallet and --reason with why"),
        (["--accept", OPERATOR, "--reason", " "], "found one without the other"),
        (["--reason", "a gift"], "found one without the other"),
        (["--accept", "0x12", "--reason", "a gift"], "expected an address"),
        ([], "the settings have problems"),
    ],
)
def test_wrong_input_is_told(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(reconcile)
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
    assert list(tmp_path.iterdir()) == []
