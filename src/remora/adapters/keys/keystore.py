"""The keystore: a mnemonic, encrypted with AES-256-GCM under a key that scrypt makes of a passphrase.

GCM proves that the file is as it was written, parameters included: a wrong passphrase and a changed file look the same.
No error quotes words or passphrase.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from Crypto.Cipher import AES
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remora.domain.errors import OperatorError

SHORTEST_PASSPHRASE = 12
"""Characters. The file may be copied and tried for ever; scrypt makes each try cost a tenth of a second, not more."""

_COST = 2**16
"""With r = 8: 64 MB and some tenths of a second, once at the start."""

_MOST_COST = 2**19
_BLOCK_SIZE = 8
_MOST_MEMORY_BYTES = 2 * 128 * _BLOCK_SIZE * _MOST_COST
_KEY_BYTES = 32
_SALT_BYTES = 32
_NONCE_BYTES = 12
_HEX = r"^(?:[0-9a-f]{2})+$"


class _Keystore(BaseModel):
    """What the file holds. `cost` is scrypt's N; r is 8 and p is 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    remora_keystore: int = Field(ge=1, le=1)
    kdf: str = Field(pattern="^scrypt$")
    cost: int = Field(ge=2**14, le=_MOST_COST)
    salt: str = Field(pattern=_HEX)
    cipher: str = Field(pattern="^aes-256-gcm$")
    nonce: str = Field(pattern=_HEX)
    ciphertext: str = Field(pattern=_HEX)
    tag: str = Field(pattern="^[0-9a-f]{32}$")

    @property
    def header(self) -> bytes:
        """What is authenticated beside the ciphertext."""
        return json.dumps([self.remora_keystore, self.kdf, self.cost, self.salt, self.cipher, self.nonce]).encode()


def sealed(mnemonic: str, passphrase: str) -> str:
    """Return the text of a keystore. OperatorError when the passphrase is too short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise OperatorError(f"expected a passphrase of at least {SHORTEST_PASSPHRASE} characters, found fewer")
    blank = _Keystore(
        remora_keystore=1,
        kdf="scrypt",
        cost=_COST,
        salt=secrets.token_bytes(_SALT_BYTES).hex(),
        cipher="aes-256-gcm",
        nonce=secrets.token_bytes(_NONCE_BYTES).hex(),
        ciphertext="00",
        tag=32 * "0",
    )
    ciphertext, tag = _cipher(blank, passphrase).encrypt_and_digest(mnemonic.encode())
    return blank.model_copy(update={"ciphertext": ciphertext.hex(), "tag": tag.hex()}).model_dump_json(indent=2) + "\n"


def opened_keystore(text: str, passphrase: str) -> str:
    """Return the mnemonic. OperatorError when the text is no keystore, or does not open with this passphrase."""
    try:
        keystore = _Keystore.model_validate_json(text)
    except ValidationError as error:
        raise OperatorError(
            f"expected a keystore that remora keys init made, found: {error.errors()[0]['msg']}"
        ) from None
    try:
        words = _cipher(keystore, passphrase).decrypt_and_verify(
            bytes.fromhex(keystore.ciphertext), bytes.fromhex(keystore.tag)
        )
    except ValueError:
        raise OperatorError("expected the keystore's passphrase, found another, or the file was changed") from None
    return str(words, encoding="utf-8")


def _cipher(keystore: _Keystore, passphrase: str) -> Any:
    key = hashlib.scrypt(
        passphrase.encode(),
        salt=bytes.fromhex(keystore.salt),
        n=keystore.cost,
        r=_BLOCK_SIZE,
        p=1,
        maxmem=_MOST_MEMORY_BYTES,
        dklen=_KEY_BYTES,
    )
    cipher = AES.new(key, AES.MODE_GCM, nonce=bytes.fromhex(keystore.nonce))
    return cipher.update(keystore.header)
