"""What a wallet's shares cost it and what it made of them, at average cost, through everything that it did.

A pair of shares costs one collateral: half of it for each, also for shares of which nobody knows how they came. Merged
shares are sold at a half, redeemed ones at their payout. Who converts NO shares gets collateral and YES shares for what
the NO shares cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remora.devnet.clob.orders import Side
from remora.devnet.clob.units import ONE
from remora.devnet.data_api.deals import Deal
from remora.devnet.data_api.share_moves import MoveKind, ShareMove

_PAIR = 2


@dataclass(slots=True, kw_only=True)
class Account:
    """One token of one wallet, in base units: `shares` that cost `cost` are left of those that came in known ways.

    `bought` shares for `spent`, fees apart; `realized` is what disposals made, and may be negative.
    """

    shares: int = 0
    cost: int = 0
    bought: int = 0
    spent: int = 0
    fees: int = 0
    realized: int = 0
    first_s: int = 0
    last_s: int = 0

    def cost_of(self, wanted: int) -> int:
        """Return what so many shares cost, known or not."""
        known = min(wanted, self.shares)
        return (self.cost * known // self.shares if self.shares else 0) + (wanted - known) // _PAIR

    def seen(self, at_s: int) -> None:
        """Note that something happened."""
        self.first_s, self.last_s = self.first_s or at_s, at_s

    def add(self, shares: int, cost: int) -> None:
        """Let shares come in."""
        self.shares, self.cost = self.shares + shares, self.cost + cost

    def dispose(self, shares: int, proceeds: int) -> None:
        """Let shares go for something."""
        self.realized += proceeds - self.cost_of(shares)
        known = min(shares, self.shares)
        self.cost -= self.cost * known // self.shares if self.shares else 0
        self.shares -= known


def accounts_of(rows: Iterable[Deal | ShareMove], payout_of: Callable[[int], int]) -> dict[int, Account]:
    """Return a wallet's accounts by token, from all it did, oldest first; `payout_of` is what a redeemed share paid."""
    accounts: defaultdict[int, Account] = defaultdict(Account)
    for row in rows:
        if isinstance(row, Deal):
            _deal(accounts[row.token_id], row)
        else:
            _move(accounts, row, payout_of)
        for token in (row.token_id,) if isinstance(row, Deal) else row.shares:
            accounts[token].seen(row.at_s)
    return dict(accounts)


def _deal(account: Account, deal: Deal) -> None:
    account.fees += deal.fee
    if deal.side is Side.SELL:
        account.dispose(deal.shares, deal.collateral)
        return
    account.add(deal.shares, deal.collateral)
    account.bought += deal.shares
    account.spent += deal.collateral


def _move(accounts: defaultdict[int, Account], move: ShareMove, payout_of: Callable[[int], int]) -> None:
    if move.kind is MoveKind.CONVERSION:
        _convert(accounts, move)
        return
    for token, shares in move.shares.items():
        price = payout_of(token) if move.kind is MoveKind.REDEEM else ONE // _PAIR
        if shares > 0:
            accounts[token].add(shares, shares * price // ONE)
        else:
            accounts[token].dispose(-shares, -shares * price // ONE)


def _convert(accounts: defaultdict[int, Account], conversion: ShareMove) -> None:
    """Let the YES shares cost what the NO shares did, less the collateral; what that exceeds their cost by is made."""
    given = [token for token, shares in conversion.shares.items() if shares < 0]
    received = [token for token, shares in conversion.shares.items() if shares > 0]
    costs = {token: accounts[token].cost_of(conversion.amount) for token in given}
    paid = (len(given) - 1) * conversion.amount
    left = max(sum(costs.values()) - paid, 0) if received else 0
    for place, token in enumerate(given):
        made = paid + left - sum(costs.values()) if place == 0 else 0
        accounts[token].dispose(conversion.amount, costs[token] + made)
    for token in received:
        accounts[token].add(conversion.shares[token], left // len(received))
