"""Token ids in requests: decimal text of up to 256 bits."""

from __future__ import annotations

import re

from remora.devnet.clob import refusals

_TOKEN_ID = re.compile(r"\d{1,78}", re.ASCII)


def token_of(text: object) -> int:
    """Parse a token id; refuse what is none."""
    if not isinstance(text, str) or not _TOKEN_ID.fullmatch(text) or int(text) >= 2**256:
        raise refusals.invalid_token()
    return int(text)
