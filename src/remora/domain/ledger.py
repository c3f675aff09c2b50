"""Double entry: every group of entries sums to zero per asset.

Real assets (collateral, and shares by token id) move between `operator:0x…`, an operator wallet's own balance,
`follower:0x…`, a follower's as moved by us, `venue`, the other side of a fill, and `opening`, what a wallet had when
we first saw it. The two claims assets say what is owed: `receivable` what followers owe for shares, `payable` what the
operators owe for sales, with `spent` and `earned` on the other side, `paid` once collected, and `dust` for what
allocation could not charge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from remora.domain.errors import InvariantBroken
from remora.domain.ids import Address

COLLATERAL = "collateral"
RECEIVABLE = "receivable"
PAYABLE = "payable"

VENUE = "venue"
OPENING = "opening"
PAID = "paid"
DUST = "dust"
SPENT = "spent"
EARNED = "earned"


def operator_account(wallet: Address) -> str:
    """Return the account of an operator wallet's own balance."""
    return f"operator:{wallet}"


def follower_account(wallet: Address) -> str:
    """Return the account of what we moved to and from a follower."""
    return f"follower:{wallet}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: `units` > 0 enters the account, < 0 leaves it. `asset` is "collateral" or a token id as text."""

    account: str
    asset: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A group of entries with one cause; `posting_id` makes writing it twice a no-op."""

    posting_id: str
    entries: tuple[Entry, ...]


def transfer(source: str, target: str, asset: str, units: int) -> tuple[Entry, Entry]:
    """Return the two entries that move `units` of an asset from one account to another."""
    return (
        Entry(account=source, asset=asset, units=-units),
        Entry(account=target, asset=asset, units=units),
    )


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """Return the sum per (account, asset), without the zeros."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for entry in entries:
        sums[entry.account, entry.asset] += entry.units
    return {key: units for key, units in sums.items() if units}


def check(posting: Posting) -> Posting:
    """Return the posting if it sums to zero per asset; InvariantBroken names the asset that does not."""
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in posting.entries:
        sums[entry.asset] += entry.units
    for asset, units in sums.items():
        if units:
            raise InvariantBroken(f"posting {posting.posting_id} leaves {units} units of {asset} unaccounted for")
    return posting
