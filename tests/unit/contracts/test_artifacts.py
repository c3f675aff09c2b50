"""Contracts are compiled when they are new, and who lacks one is told what to do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from remora.devnet.artifacts import CONDITIONAL_TOKENS, compile_contracts, load_artifact

PILOT = "import stomach\n\n@external\ndef full() -> uint256:\n    return stomach.CAPACITY\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one contract and the module that it imports."""
    (tmp_path / "contracts" / "deep").mkdir(parents=True)
    (tmp_path / "contracts" / "deep" / "Pilot.vy").write_text(PILOT)
    (tmp_path / "contracts" / "deep" / "stomach.vy").write_text("CAPACITY: constant(uint256) = 7\n")
    return tmp_path


def test_a_contract_is_compiled_again_when_it_or_a_module_changed(tree: Path) -> None:
    assert compile_contracts(root=tree) == ["Pilot"]
    first = load_artifact("Pilot", root=tree)
    assert compile_contracts(root=tree) == []
    (tree / "contracts" / "deep" / "stomach.vy").write_text("CAPACITY: constant(uint256) = 8\n")
    assert compile_contracts(root=tree) == ["Pilot"]
    second = load_artifact("Pilot", root=tree)
    assert second.abi == first.abi
    assert second.bytecode != first.bytecode
    assert [path.name for path in (tree / "build" / "contracts").iterdir()] == ["Pilot.json"]


def test_a_faulty_source_is_reported_and_leaves_nothing(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "contracts" / "deep" / "Pilot.vy").write_text("import hunger\n")
    with pytest.raises(subprocess.CalledProcessError):
        compile_contracts(tree / "out", root=tree)
    assert "hunger" in capfd.readouterr().err
    assert list((tree / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["Pilot", CONDITIONAL_TOKENS])
def test_a_missing_artifact_tells_what_to_run(tree: Path, name: str) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"^expected the contract {name} at .*, found nothing, run `make setup`$"
    ):
        load_artifact(name, root=tree)


def test_the_real_conditional_tokens_are_loaded_from_their_package() -> None:
    artifact = load_artifact(CONDITIONAL_TOKENS)
    assert "splitPosition" in {entry.get("name") for entry in artifact.abi}
    assert len(artifact.bytecode) > 10_000
