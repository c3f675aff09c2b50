"""The three places that a mnemonic comes from: each gives the same keys, and each refuses what is unsafe."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.adapters.keys.keystore import sealed
from remora.adapters.keys.private_file import read_private, write_private
from remora.bootstrap.keys import mnemonic_of, unlocked
from remora.domain.errors import OperatorError
from remora.settings.environment import DEVNET_CHAIN_ID, PUBLIC_TEST_MNEMONIC, KeySettings, Settings, load
from tests.unit.settings.conftest import COMPLETE

PASSPHRASE = "a long way to the reef"


def never() -> str:
    raise AssertionError("nobody is asked for a passphrase where there is no keystore")


@pytest.fixture(params=["environment", "file", "keystore"])
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the public test mnemonic into one of the places."""
    monkeypatch.chdir(tmp_path)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TRADING_MNEMONIC")
    place = str(request.param)
    if place == "environment":
        monkeypatch.setenv("TRADING_MNEMONIC", PUBLIC_TEST_MNEMONIC)
    elif place == "file":
        write_private(tmp_path / "words", f"{PUBLIC_TEST_MNEMONIC}\n")
        monkeypatch.setenv("REMORA_MNEMONIC_FILE", "words")
    else:
        write_private(tmp_path / "keys.json", sealed(PUBLIC_TEST_MNEMONIC, PASSPHRASE))
        monkeypatch.setenv("REMORA_KEYSTORE", "keys.json")
    return place


def asked(source: str) -> str:
    assert source == "keystore"
    return PASSPHRASE


def test_every_source_gives_the_mnemonic(source: str) -> None:
    assert mnemonic_of(load(KeySettings), lambda: asked(source)) == PUBLIC_TEST_MNEMONIC


def test_the_public_test_mnemonic_is_refused_on_a_live_network_from_every_source(source: str) -> None:
    with pytest.raises(OperatorError, match="is the public test mnemonic: everybody has its keys"):
        unlocked(load(Settings), lambda: asked(source))


def test_and_taken_on_the_devnet(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_CHAIN_ID", str(DEVNET_CHAIN_ID))
    settings = unlocked(load(Settings), lambda: asked(source))
    assert settings.trading_mnemonic.get_secret_value() == PUBLIC_TEST_MNEMONIC
    assert "junk" not in repr(settings)


@pytest.mark.parametrize(("mode", "shown"), [(0o640, "640"), (0o604, "604"), (0o620, "620"), (0o777, "777")])
def test_a_file_that_others_can_read_or_write_is_refused_in_words(tmp_path: Path, mode: int, shown: str) -> None:
    path = tmp_path / "words"
    write_private(path, PUBLIC_TEST_MNEMONIC)
    path.chmod(mode)
    with pytest.raises(
        OperatorError, match=rf"its group or everybody has rights too \(mode {shown}\): chmod 600"
    ) as no:
        read_private(path)
    assert "junk" not in str(no.value)


def test_a_secret_is_written_for_its_owner_only_and_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "words"
    write_private(path, "first")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OperatorError, match="File exists"):
        write_private(path, "second")
    assert read_private(path) == "first"


def test_what_cannot_be_read_is_told_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file"):
        read_private(tmp_path / "words")
    with pytest.raises(OperatorError, match="Is a directory"):
        read_private(tmp_path)
    (tmp_path / "bytes").touch(mode=0o600)
    (tmp_path / "bytes").write_bytes(b"junk \xff")
    with pytest.raises(OperatorError, match="bytes that are no text") as caught:
        read_private(tmp_path / "bytes")
    assert "junk" not in str(caught.value)
