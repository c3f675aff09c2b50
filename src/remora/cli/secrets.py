"""Secrets that a person types or another program hands over: by a prompt without echo, or through a file descriptor.

Never as an argument or through the environment, which other processes can see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from getpass import getpass
from typing import Annotated

import typer

from remora.domain.errors import OperatorError

_LONGEST_BYTES = 65_536

PassphraseFd = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Read the keystore's passphrase from this file descriptor, not a prompt."),
]


def asking(what: str, descriptor: int | None, *, twice: bool = False) -> Callable[[], str]:
    """Return a function that gets a secret from a descriptor, if one is given, or from who sits at the terminal."""

    def ask() -> str:
        return _prompted(what, twice=twice) if descriptor is None else _handed_over(what, descriptor)

    return ask


def _prompted(what: str, *, twice: bool) -> str:
    if not sys.stdin.isatty():
        raise OperatorError(f"expected a terminal to ask for the {what}, found none: hand it over with --{what}-fd N")
    secret = getpass(f"{what}: ")
    if twice and getpass(f"{what} again: ") != secret:
        raise OperatorError(f"expected the same {what} twice, found two different ones")
    return secret


def _handed_over(what: str, descriptor: int) -> str:
    """Read a descriptor to its end; one line end after the secret is not part of it."""
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_LONGEST_BYTES).decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        raise OperatorError(f"expected the {what} on file descriptor {descriptor}, found nothing to read") from None
