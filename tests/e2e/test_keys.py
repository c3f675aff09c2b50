"""`remora keys` as it is typed: at a terminal, and by a program that hands the secrets over."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from remora.devnet.accounts import MNEMONIC, treasury
from remora.settings.environment import PREFIX
from tests.unit.keys.test_mnemonic import FIRST_WALLETS

PASSPHRASE = "a long way to the reef"
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "TRADING_"))}


class Finished:
    """What a command said, and how it ended."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said


def handed(secret: str) -> int:
    """Return a file descriptor from which a secret can be read once."""
    read, write = os.pipe()
    os.write(write, f"{secret}\n".encode())
    os.close(write)
    return read


def run(folder: Path, *arguments: str, fds: tuple[int, ...] = (), **settings: str) -> Finished:
    """Run `remora keys` without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "remora", "keys", *arguments],
        cwd=folder, env={**PLAIN, **settings}, pass_fds=fds, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    for descriptor in fds:
        os.close(descriptor)
    return Finished(done.returncode, done.stdout)


def at_a_terminal(folder: Path, *arguments: str, answers: list[str]) -> Finished:
    """Run `remora keys` at a terminal, and type an answer to each prompt."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "remora", "keys", *arguments],
        cwd=folder, env=PLAIN, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            some = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not some:
            break
        said += some
        if answers and said.endswith(b": "):
            os.write(ours, f"{answers.pop(0)}\n".encode())
    os.close(ours)
    return Finished(process.wait(), said.decode())


def imported(folder: Path, mnemonic: str = MNEMONIC, passphrase: str = PASSPHRASE) -> Finished:
    words, secret = handed(mnemonic), handed(passphrase)
    return run(
        folder, "init", "keys.json", "--mnemonic-fd", str(words), "--passphrase-fd", str(secret), fds=(words, secret)
    )


def test_a_mnemonic_is_imported_and_its_addresses_are_told(tmp_path: Path) -> None:
    made = imported(tmp_path)
    assert (made.code, made.said) == (
        0,
        f"made keys.json: treasury {treasury().address}, first operator wallet {FIRST_WALLETS[0]}\n",
    )
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    secret = handed(PASSPHRASE)
    told = run(
        tmp_path, "unlock", "--passphrase-fd", str(secret), fds=(secret,), REMORA_KEYSTORE="keys.json",
        REMORA_FLEET_SIZE="2", REMORA_FLEET_START_INDEX="1",
    )  # fmt: skip
    assert told.code == 0
    assert told.said.splitlines() == [
        f"treasury {treasury().address}",
        f"1 {FIRST_WALLETS[1]}",
        f"2 {FIRST_WALLETS[2]}",
    ]


def test_a_wrong_passphrase_is_refused(tmp_path: Path) -> None:
    imported(tmp_path)
    secret = handed("another way to the reef")
    refused = run(tmp_path, "unlock", "--passphrase-fd", str(secret), fds=(secret,), REMORA_KEYSTORE="keys.json")
    assert refused.code == 2
    assert refused.said.startswith("remora: expected the keystore's passphrase, found another")


def test_a_keystore_is_not_overwritten(tmp_path: Path) -> None:
    imported(tmp_path)
    before = (tmp_path / "keys.json").read_bytes()
    assert "found that it exists: it may hold keys" in imported(tmp_path).said
    assert (tmp_path / "keys.json").read_bytes() == before


@pytest.mark.parametrize(
    ("mnemonic", "passphrase", "says"),
    [
        ("test test test", PASSPHRASE, "the mnemonic is not valid"),
        (MNEMONIC, "short", "at least 12 characters"),
    ],
)
def test_bad_input_makes_no_file(tmp_path: Path, mnemonic: str, passphrase: str, says: str) -> None:
    refused = imported(tmp_path, mnemonic, passphrase)
    assert (refused.code, says in refused.said) == (2, True)
    assert mnemonic not in refused.said
    assert passphrase not in refused.said
    assert not (tmp_path / "keys.json").exists()


def test_without_a_terminal_a_descriptor_is_asked_for(tmp_path: Path) -> None:
    refused = run(tmp_path, "init", "keys.json")
    assert refused.code == 2
    assert "hand it over with --passphrase-fd N" in refused.said


def test_a_made_mnemonic_is_shown_once_on_a_terminal_when_asked(tmp_path: Path) -> None:
    shown = at_a_terminal(tmp_path, "init", "keys.json", "--show", "--words", "12", answers=[PASSPHRASE, PASSPHRASE])
    assert shown.code == 0
    assert len(shown.said.splitlines()[-1].split()) == 12
    assert PASSPHRASE not in shown.said
    assert "write this down" in shown.said


def test_it_is_not_shown_unless_asked_nor_into_a_pipe(tmp_path: Path) -> None:
    made = at_a_terminal(tmp_path, "init", "keys.json", answers=[PASSPHRASE, PASSPHRASE])
    assert made.code == 0
    assert "its words were not shown" in made.said
    secret = handed(PASSPHRASE)
    piped = run(tmp_path, "init", "other.json", "--show", "--passphrase-fd", str(secret), fds=(secret,))
    assert (piped.code, "a mnemonic is not written there" in piped.said) == (2, True)
    assert not (tmp_path / "other.json").exists()


def test_two_different_passphrases_make_no_keystore(tmp_path: Path) -> None:
    refused = at_a_terminal(tmp_path, "init", "keys.json", answers=[PASSPHRASE, "another way to the reef"])
    assert (refused.code, "found two different ones" in refused.said) == (2, True)
    assert not (tmp_path / "keys.json").exists()
