"""The audit: whether the books equal the chain to the base unit, for every operator wallet and every follower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remora.devnet.abi import calldata
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import ledger_of
from remora.devnet.rpc import Node, Request
from remora.domain import ledger
from remora.domain.ids import Address, TokenId

Books = Mapping[tuple[str, str], int]
Holdings = dict[Address, dict[str, int]]
"""Per wallet and asset ("collateral", or a token id as text) the base units on chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A balance that the books do not explain, in base units."""

    wallet: Address
    asset: str
    expected: int
    found: int


async def holdings(node: Node, contracts: Contracts, wallets: Iterable[Address], tokens: Iterable[TokenId]) -> Holdings:
    """Read collateral and shares of wallets in one batch."""
    who, what = list(wallets), list(tokens)
    asked = [(wallet, ledger.COLLATERAL, _collateral(contracts, wallet)) for wallet in who]
    asked += [(wallet, str(token), _shares(contracts, wallet, token)) for wallet in who for token in what]
    answers = await node.batch(request for _, _, request in asked)
    found: Holdings = {wallet: {} for wallet in who}
    for (wallet, asset, _), answer in zip(asked, answers, strict=True):
        found[wallet][asset] = int(answer, 16)
    return found


def differences(
    books: Books, found: Holdings, *, fleet: Iterable[Address], brought: Mapping[Address, int]
) -> list[Difference]:
    """Return every balance that differs from the books.

    `brought` is the collateral that each follower had or was given from outside; the fleet's is in the books.
    """
    rows = []
    for wallet in fleet:
        account = ledger.operator_account(wallet)
        rows += [(wallet, asset, books.get((account, asset), 0), units) for asset, units in found[wallet].items()]
    for wallet, collateral in brought.items():
        account = ledger.follower_account(wallet)
        for asset, units in found[wallet].items():
            outside = collateral if asset == ledger.COLLATERAL else 0
            rows.append((wallet, asset, outside + books.get((account, asset), 0), units))
    return [
        Difference(wallet=wallet, asset=asset, expected=expected, found=units)
        for wallet, asset, expected, units in rows
        if expected != units
    ]


def sums_to_zero(books: Books) -> bool:
    """Tell whether the ledger balances, asset by asset."""
    assets = {asset for _, asset in books}
    return all(sum(units for (_, of), units in books.items() if of == asset) == 0 for asset in assets)


def _collateral(contracts: Contracts, wallet: Address) -> Request:
    return _view(contracts.collateral, calldata("balanceOf(address)", wallet))


def _shares(contracts: Contracts, wallet: Address, token: TokenId) -> Request:
    return _view(ledger_of(contracts, token), calldata("balanceOf(address,uint256)", wallet, token))


def _view(contract: str, data: bytes) -> Request:
    return Request(method="eth_call", params=({"to": contract, "data": f"0x{data.hex()}"}, "latest"))
