"""Double entry: every group of entries sums to zero per asset.

Real assets (collateral, and shares by token id) move between `operator:0x…`, an operator wallet's own balance,
`follower:0x…`, a follower's as moved by us, `venue`, the other side of a fill, `fees`, what the venue kept of it, and
`treasury`, what a rebalance took from operator wallets less what it gave them, and
what came or went without us: `opening`, what a wallet had when we first saw it, `deposit`, what somebody brought it
later, and `adjustment`, a difference that a person accepted. `orphaned` has what a fill moved that no block has any
more although something of it was settled: the fleet's loss. `native` is what transactions cost, from the wallet to
`gas`.

The two claims assets say what is owed: `receivable` what followers owe for shares, `payable` what the operators owe for
sales, with `spent` and `earned` on the other side, `paid` once collected, `written off` what was given up, and `dust`
what allocation could not charge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from remora.domain.errors import InvariantBroken
from remora.domain.ids import Address, OrderHash, SettlementId, TxHash
from remora.domain.money import Collateral, Wei, mul_div_ceil

COLLATERAL = "collateral"
RECEIVABLE = "receivable"
PAYABLE = "payable"
NATIVE = "native"
"""In 10^-9 coin, rounded up for each transaction: sums of wei outgrow the 63 bits of a database's integer."""

VENUE = "venue"
FEES = "fees"
GAS = "gas"
OPENING = "opening"
DEPOSIT = "deposit"
ADJUSTMENT = "adjustment"
PAID = "paid"
WRITTEN_OFF = "written off"
DUST = "dust"
TREASURY = "treasury"
ORPHANED = "orphaned"
SPENT = "spent"
EARNED = "earned"

_OPERATOR, _FOLLOWER = "operator:", "follower:"
OPENINGS = "opening:"
"""What the ids of openings begin with."""
_WEI_PER_UNIT = 10**9


def operator_account(wallet: Address) -> str:
    """Return the account of an operator wallet's own balance."""
    return f"{_OPERATOR}{wallet}"


def follower_account(wallet: Address) -> str:
    """Return the account of what we moved to and from a follower."""
    return f"{_FOLLOWER}{wallet}"


def follower_of(account: str) -> Address | None:
    """Return the follower whose account it is, None for every other account."""
    return Address(account.removeprefix(_FOLLOWER)) if account.startswith(_FOLLOWER) else None


def owner_of(account: str) -> Address | None:
    """Return the follower or operator wallet whose account it is, None for the others."""
    return Address(account.removeprefix(_OPERATOR)) if account.startswith(_OPERATOR) else follower_of(account)


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


def opening(wallet: Address, balance: Collateral) -> Posting:
    """Return what the books say a wallet had when it was first seen; written once."""
    entries = transfer(OPENING, operator_account(wallet), COLLATERAL, balance.units)
    return Posting(posting_id=f"{OPENINGS}{wallet}", entries=entries)


def opened_by(posting_id: str) -> Address:
    """Return the wallet whose opening a posting is."""
    return Address(posting_id.removeprefix(OPENINGS))


def gas(wallet: Address, nonce: int, cost: Wei) -> Posting:
    """Return what a transaction cost the wallet that sent it; each account nonce is paid for once."""
    units = mul_div_ceil(cost.units, 1, _WEI_PER_UNIT)
    return Posting(posting_id=f"gas:{wallet}:{nonce}", entries=transfer(operator_account(wallet), GAS, NATIVE, units))


def fill_id(order_hash: OrderHash, tx_hash: TxHash | None) -> str:
    """Return the id of the posting of a fill of ours."""
    return f"fill:{order_hash}:{tx_hash}"


def claims_id(order_hash: OrderHash) -> str:
    """Return the id of the posting of what an order's end leaves owed."""
    return f"claims:{order_hash}"


def reversed_id(posting_id: str) -> str:
    """Return the id of the posting that reverses another; a reversal can be reversed."""
    return f"reversal:{posting_id}"


def late_claims_id(order_hash: OrderHash, tx_hash: TxHash | None) -> str:
    """Return the id of the posting of what a fill leaves owed that came after its order's end."""
    return f"{claims_id(order_hash)}:{tx_hash}"


def pledge_sold(
    cause: str, follower: Address, *, paid: Collateral, written_off: Collateral, surplus: Collateral
) -> Posting:
    """Return the posting of what a sale of a debt's shares settles of it, gives up, and owes the follower."""
    owner = follower_account(follower)
    entries = (
        *transfer(owner, PAID, RECEIVABLE, paid.units),
        *transfer(owner, WRITTEN_OFF, RECEIVABLE, written_off.units),
        *transfer(EARNED, owner, PAYABLE, surplus.units),
    )
    return check(Posting(posting_id=f"sale:{cause}", entries=entries))


def revived(cause: str, follower: Address, *, written_off: Collateral, sold: Collateral) -> Posting:
    """Return the posting by which a leg is owed again that was given up or sold for: it settles after all.

    What its shares had brought stays with the fleet, which delivers others.
    """
    owner = follower_account(follower)
    entries = (
        *transfer(WRITTEN_OFF, owner, RECEIVABLE, written_off.units),
        *transfer(ORPHANED, owner, RECEIVABLE, sold.units),
    )
    return check(Posting(posting_id=f"revived:{cause}", entries=entries))


def leg_id(leg: SettlementId) -> str:
    """Return the id of the posting of a leg that settled."""
    return f"leg:{leg}"


def write_off(cause: str, follower: Address, left: Collateral) -> Posting:
    """Return the posting that gives up what a follower owes; `cause` is the debt, which is given up once."""
    entries = transfer(follower_account(follower), WRITTEN_OFF, RECEIVABLE, left.units)
    return Posting(posting_id=f"write-off:{cause}", entries=entries)


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
