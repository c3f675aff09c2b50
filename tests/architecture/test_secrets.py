"""Nothing in the tree gives away a key, a person's machine, or where packages were fetched from.

What must not be found is put together from pieces here, so that this file does not contain it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language

from tests.architecture.tree import ROOT, expect_none, listed_files

SHORTEST_MNEMONIC = 12
TEST_MNEMONIC = (*(11 * ["test"]), "junk")
"""The mnemonic that every local node starts with; its accounts are empty on every real chain."""

KEY = re.compile(r"(?i)(?:key|secret|private)[^\n]{0,60}?(?<![0-9a-f])(?:0x)?([0-9a-f]{64})(?![0-9a-f])")
REGISTRIES = tuple(
    f"{name}.{domain}"
    for name, domain in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("npmmirror", "com"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:[r]oot|[w]ork|[h]ome|[U]sers|[m]nt|[w]orkspace)/\w|\b[A-Z]:\\[U]sers\\")

FILES = listed_files()
WORDS = frozenset(Mnemonic(Language.ENGLISH).wordlist)
WORD_RUN = re.compile(r"""[a-z]{3,8}(?:(?:\s|["',\\+-])+[a-z]{3,8})+""")


def texts() -> Iterator[tuple[Path, str]]:
    """Yield the project's text files; what does not decode is none."""
    for path in FILES:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def found(pattern: re.Pattern[str]) -> list[str]:
    """Return where a pattern occurs, without showing what it found."""
    return [at(path, text, match.start()) for path, text in texts() for match in pattern.finditer(text)]


def published_key(index: int) -> str:
    """Return the hex of a key that the public test mnemonic gives to everybody."""
    seed = seed_from_mnemonic(" ".join(TEST_MNEMONIC), "")
    return key_from_seed(seed, f"m/44'/60'/0'/0/{index}").hex()


def at(path: Path, text: str, position: int) -> str:
    return f"{path.relative_to(ROOT).as_posix()}:{text.count(chr(10), 0, position) + 1}"


def mnemonics(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield runs of at least twelve words of the BIP-39 list, with their position."""
    for run in WORD_RUN.finditer(text):
        words = [(match.start() + run.start(), match[0]) for match in re.finditer("[a-z]+", run[0])]
        outside = [-1, *(index for index, (_, word) in enumerate(words) if word not in WORDS), len(words)]
        for before, after in pairwise(outside):
            if after - before > SHORTEST_MNEMONIC:
                yield words[before + 1][0], tuple(word for _, word in words[before + 1 : after])


def test_the_tree_is_read() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in FILES}
    assert {"pyproject.toml", "README.md", "requirements.lock", "tests/architecture/test_secrets.py"} <= names
    assert not [name for name in names if name.startswith((".venv/", "node_modules/"))]


def test_no_private_keys_but_those_of_the_public_test_mnemonic() -> None:
    public = {published_key(index) for index in range(10)}
    expect_none(
        at(path, text, match.start())
        for path, text in texts()
        for match in KEY.finditer(text)
        if match[1].lower() not in public
    )


def test_no_mnemonics_but_the_public_test_mnemonic() -> None:
    """Nor such as tests make of its two words, to be refused."""
    expect_none(
        at(path, text, position)
        for path, text in texts()
        for position, words in mnemonics(text)
        if not set(words) <= set(TEST_MNEMONIC)
    )


def test_no_registry_addresses() -> None:
    expect_none(found(re.compile("|".join(map(re.escape, REGISTRIES)))))


def test_no_paths_of_a_machine() -> None:
    expect_none(found(MACHINE_PATH))


def test_no_environment_files() -> None:
    names = [path.name for path in FILES]
    expect_none(name for name in names if name == ".env" or name.endswith((".pem", ".key", ".db")))


# The rules themselves.


@pytest.mark.parametrize("line", ["PRIVATE_KEY=0x" + 64 * "a", "key: " + 64 * "1", "Secret = '" + 32 * "0F" + "'"])
def test_key_is_seen(line: str) -> None:
    assert KEY.search(line)


@pytest.mark.parametrize(
    "line", ["tx_hash = 0x" + 64 * "a", "key = 0x" + 40 * "a", "key = " + 128 * "a", "key:\n" + 64 * "1"]
)
def test_other_hex_is_left_alone(line: str) -> None:
    assert not KEY.search(line)


@pytest.mark.parametrize("separator", [" ", "\n", '", "', " \\\n  ", "' + '"])
def test_mnemonic_is_seen(separator: str) -> None:
    words = sorted(WORDS)[:12]
    assert [run for _, run in mnemonics(f"x: {separator.join(words)}.")] == [tuple(words)]


def test_prose_is_no_mnemonic() -> None:
    words = sorted(WORDS)
    assert not list(mnemonics(" ".join(words[:11])))
    assert not list(mnemonics(" ".join([*words[:11], "remora", *words[:11]])))


@pytest.mark.parametrize("path", [f"/{'home'}/ann/remora", f'"/{"work"}/main"', f"C:\\{'Users'}\\ann"])
def test_machine_path_is_seen(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize(
    "path", [f"./{'work'}/x", f"build/{'work'}/x", "https://host/path", "/etc/hosts", f"~/{'work'}/x"]
)
def test_other_paths_are_left_alone(path: str) -> None:
    assert not MACHINE_PATH.search(path)
