"""An occasion: one request, answer or event that a fault could strike, with whom and what its text mentions.

Scopes are matched against text instead of parsed bodies, so that one rule holds for orders, queries, lists and frames.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}(?![0-9a-fA-F])")
#: Shorter numbers are amounts, salts and times.
_TOKEN = re.compile(r"(?<![0-9a-zA-Z])\d{60,78}(?![0-9a-zA-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Where it is ("POST /order", "/ws/market", "eth_getLogs"), and what its text mentions.

    `node` is the number of the node gate, from 1, and 0 for what is no node's.
    """

    endpoint: str
    text: str = ""
    wallets: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    node: int = 0


def occasion(endpoint: str, *texts: str, node: int = 0) -> Occasion:
    """Return the occasion of a message, with the addresses (lower case) and the token ids (decimal) in its texts."""
    text = "\n".join(texts)
    return Occasion(
        endpoint=endpoint,
        text=text,
        wallets=frozenset(found.lower() for found in _ADDRESS.findall(text)),
        tokens=frozenset(_TOKEN.findall(text)),
        node=node,
    )
