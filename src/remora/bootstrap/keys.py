"""Where the mnemonic comes from: the environment, a file, or a keystore that a passphrase opens."""

from __future__ import annotations

from collections.abc import Callable

from remora.adapters.keys.keystore import opened_keystore
from remora.adapters.keys.mnemonic import normalized
from remora.adapters.keys.private_file import read_private
from remora.settings.environment import KeySettings, Settings, refuse_public

Passphrase = Callable[[], str]
"""Asks for the passphrase; called only when there is a keystore to open."""


def mnemonic_of(settings: KeySettings, passphrase: Passphrase) -> str:
    """Return the mnemonic. OperatorError when its file is no secret, does not open, or holds no mnemonic."""
    if settings.keystore is not None:
        return normalized(opened_keystore(read_private(settings.keystore), passphrase()))
    if settings.mnemonic_file is not None:
        return normalized(read_private(settings.mnemonic_file))
    return normalized(settings.trading_mnemonic.get_secret_value())


def unlocked(settings: Settings, passphrase: Passphrase) -> Settings:
    """Return the settings with their mnemonic. OperatorError as above, and for a public one on a live network."""
    mnemonic = mnemonic_of(settings, passphrase)
    refuse_public(mnemonic, str(settings.keystore or settings.mnemonic_file or "TRADING_MNEMONIC"), settings.chain_id)
    return settings.with_mnemonic(mnemonic)
