"""Exact balances on the devnet's chain, for traders that ask what they hold and tests that check what moved."""

from __future__ import annotations

from remora.devnet.abi import calldata
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import ledger_of
from remora.devnet.rpc import Node
from remora.domain.ids import Address, TokenId
from remora.domain.money import Collateral, Shares


async def collateral_of(node: Node, contracts: Contracts, wallet: Address) -> Collateral:
    """Return a wallet's collateral at the latest block."""
    answer = await node.view(Address(contracts.collateral), calldata("balanceOf(address)", wallet))
    return Collateral(int.from_bytes(answer))


async def shares_of(node: Node, contracts: Contracts, wallet: Address, token_id: TokenId) -> Shares:
    """Return a wallet's shares of one outcome at the latest block."""
    data = calldata("balanceOf(address,uint256)", wallet, token_id)
    return Shares(int.from_bytes(await node.view(ledger_of(contracts, token_id), data)))
