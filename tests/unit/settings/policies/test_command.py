"""`remora policy`: what is wrong with a file, and what it can say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from remora.cli.main import app
from remora.domain.errors import Malformed
from remora.settings.policies.schema import json_schema
from tests.unit.settings.policies.texts import OTHER, entry, file


def test_a_good_file_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(file(entry(), entry(leader=f'"{OTHER}"')))
    result = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert (result.exit_code, result.stdout) == (0, f"{path}: 2 policies of 1 followers for 2 leaders\n")


def test_a_bad_file_is_refused_with_all_its_problems(tmp_path: Path) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(file(entry(limits="{per_day: -1, per_dya: 1}", sizing="{minimum: 5, maximum: 4, mode: fixed}")))
    with pytest.raises(Malformed) as refused:
        CliRunner().invoke(app, ["policy", "check", str(path)], catch_exceptions=False)
    assert [line.split()[0] for line in str(refused.value).splitlines()[1:]] == [
        "policies.0.limits.per_dya",
        "policies.0.limits.per_day",
        "policies.0.sizing.amount",
        "policies.0.sizing.minimum",
    ]


def test_the_schema_is_printed() -> None:
    assert json.loads(CliRunner().invoke(app, ["policy", "schema"]).stdout) == json_schema()
