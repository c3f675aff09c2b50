"""The keystore: it opens with its passphrase only, notices every change, and tells nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remora.adapters.keys.keystore import opened_keystore, sealed
from remora.adapters.keys.mnemonic import addresses, new_mnemonic, normalized
from remora.domain.errors import OperatorError
from tests.unit.keys.test_mnemonic import FIRST_WALLETS, MNEMONIC

PASSPHRASE = "a long way to the reef"


@pytest.fixture(scope="module")
def keystore() -> str:
    return sealed(MNEMONIC, PASSPHRASE)


def changed(keystore: str, **changes: Any) -> str:
    return json.dumps({**json.loads(keystore), **changes})


def flipped(keystore: str, name: str) -> str:
    """Return the keystore with one bit of a field changed."""
    value = json.loads(keystore)[name]
    return changed(keystore, **{name: f"{int(value[:2], 16) ^ 1:02x}{value[2:]}"})


def refused(keystore: str, passphrase: str = PASSPHRASE) -> str:
    with pytest.raises(OperatorError) as caught:
        opened_keystore(keystore, passphrase)
    error: BaseException | None = caught.value
    while error:
        assert "junk" not in str(error)
        assert passphrase not in str(error)
        error = error.__cause__
    return str(caught.value)


def test_what_was_sealed_opens_with_its_passphrase(keystore: str) -> None:
    assert opened_keystore(keystore, PASSPHRASE) == MNEMONIC
    assert not {"test", "junk"}.intersection(keystore.replace('"', " ").split())


def test_two_keystores_of_the_same_have_nothing_in_common(keystore: str) -> None:
    first, second = json.loads(keystore), json.loads(sealed(MNEMONIC, PASSPHRASE))
    assert all(first[name] != second[name] for name in ("salt", "nonce", "ciphertext", "tag"))


def test_another_passphrase_does_not_open_it(keystore: str) -> None:
    assert "expected the keystore's passphrase, found another" in refused(keystore, PASSPHRASE + " ")


@pytest.mark.parametrize("name", ["salt", "nonce", "ciphertext", "tag"])
def test_a_changed_keystore_does_not_open(keystore: str, name: str) -> None:
    assert "or the file was changed" in refused(flipped(keystore, name))


def test_a_keystore_whose_cost_was_changed_does_not_open(keystore: str) -> None:
    assert "or the file was changed" in refused(changed(keystore, cost=2**15))


@pytest.mark.parametrize(
    "text",
    ["", "{}", MNEMONIC, '{"version": 3, "crypto": {}}'],
    ids=["nothing", "empty", "a mnemonic", "a keystore of another kind"],
)
def test_what_is_no_keystore_is_named_so(text: str) -> None:
    assert "expected a keystore that remora keys init made" in refused(text)


@pytest.mark.parametrize("changes", [{"cost": 2**30}, {"cost": 2}, {"salt": "xy"}, {"cipher": "none"}, {"more": 1}])
def test_parameters_are_bounded(keystore: str, changes: dict[str, Any]) -> None:
    """So that a file from elsewhere can neither ask for all memory nor for no work."""
    assert "expected a keystore" in refused(changed(keystore, **changes))


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(OperatorError, match="at least 12 characters, found fewer"):
        sealed(MNEMONIC, "eleven char")


@pytest.mark.parametrize("words", [12, 24])
def test_a_new_mnemonic_is_valid_and_new(words: int) -> None:
    first, second = new_mnemonic(words), new_mnemonic(words)
    assert len(first.split()) == words
    assert first != second
    assert normalized(f" {first}\n") == first


def test_other_lengths_are_refused() -> None:
    with pytest.raises(OperatorError, match="expected 12 or 24 words, found 13"):
        new_mnemonic(13)


def test_addresses_are_those_of_the_signer() -> None:
    _, fleet = addresses(MNEMONIC, fleet_size=2, start_index=1)
    assert tuple(fleet) == FIRST_WALLETS[1:]
