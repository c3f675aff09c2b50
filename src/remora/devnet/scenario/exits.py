"""What leaders and the oracle do beside trading: merge pairs and redeem. The one place that knows how."""

from __future__ import annotations

from remora.devnet.abi import calldata
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address
from remora.domain.money import Shares

_GAS = 800_000
_BOTH = [1, 2]
_POOL = "address,bytes32,bytes32,uint256[]"


async def merge(node: Node, contracts: Contracts, wallet: Address, market: Market, shares: Shares) -> None:
    """Turn so many shares of both outcomes into collateral; raise Refused when the wallet has fewer."""
    data = calldata(f"mergePositions({_POOL},uint256)", *_position(contracts, market), shares.units)
    await transact(node, [_approval(contracts, wallet, market), _act(contracts, wallet, market, data)])


async def redeem(node: Node, contracts: Contracts, wallet: Address, market: Market) -> None:
    """Turn all shares of a resolved market into their payout."""
    data = calldata(f"redeemPositions({_POOL})", *_position(contracts, market))
    await transact(node, [_approval(contracts, wallet, market), _act(contracts, wallet, market, data)])


def _position(contracts: Contracts, market: Market) -> tuple[str, bytes, bytes, list[int]]:
    return contracts.collateral, bytes(32), bytes.fromhex(market.condition_id.removeprefix("0x")), _BOTH


def _act(contracts: Contracts, wallet: Address, market: Market, data: bytes) -> Act:
    return Act(sender=wallet, to=Address(contracts.adapter_of(market)), data=data, gas=_GAS)


def _approval(contracts: Contracts, wallet: Address, market: Market) -> Act:
    approve = calldata("setApprovalForAll(address,bool)", Address(contracts.adapter_of(market)), True)
    return Act(sender=wallet, to=Address(contracts.conditional_tokens), data=approve)
