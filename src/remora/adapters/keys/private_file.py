"""Files with secrets: whoever but their owner could read or change one makes it no secret."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from remora.domain.errors import OperatorError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LONGEST_BYTES = 65_536


def read_private(path: Path) -> str:
    """Read a secret. OperatorError when there is no such file, or when others than its owner have any right to it."""
    try:
        with path.open(encoding="utf-8") as file:
            _check(path, os.fstat(file.fileno()))
            return file.read(_LONGEST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        # Without the cause: what cannot be decoded would be quoted by it.
        found = error.strerror if isinstance(error, OSError) else "bytes that are no text"
    raise OperatorError(f"expected a readable file at {path}, found: {found}")


def write_private(path: Path, text: str) -> None:
    """Write a secret into a new file of its owner's only. OperatorError when the file is there: it may hold keys."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise OperatorError(f"expected to make a new file {path}, found: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OperatorError(f"expected {path} to be a file, found something else")
    mode = stat.S_IMODE(found.st_mode)
    if mode & _OTHERS:
        raise OperatorError(
            f"expected {path} to be its owner's only, found that its group or everybody has rights too"
            f" (mode {mode:03o}): chmod 600 {path}, and think about who may have read it"
        )
    if found.st_uid not in {os.getuid(), 0}:
        raise OperatorError(f"expected {path} to be yours, found that user {found.st_uid} owns it")
