"""Addresses as people type them: in commands, and in policy files."""

from __future__ import annotations

from eth_utils.address import is_checksum_formatted_address, to_checksum_address

from remora.domain.errors import Malformed
from remora.domain.ids import Address, address


def checked_address(text: str) -> Address:
    """Return the address; Malformed when it is none, or its mixed case is not that of its checksum (EIP-55)."""
    found = address(text)
    mixed = text[2:].lower() != text[2:] and text[2:].upper() != text[2:]
    if mixed and is_checksum_formatted_address(text) and text != to_checksum_address(found):
        raise Malformed(
            f"expected an address whose capitals match its checksum, found {text}: "
            f"mistyped? In lower case it is taken as it is"
        )
    return found
