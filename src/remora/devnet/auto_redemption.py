"""Redeems what others hold of resolved markets, as the venue does for who approved its AutoRedeemer."""

from __future__ import annotations

from collections.abc import Sequence

from remora.devnet.abi import calldata
from remora.devnet.deployment import RELAYER
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address, TxHash

_GAS_PER_WALLET = 600_000


async def redeem_for(node: Node, contracts: Contracts, market: Market, wallets: Sequence[Address]) -> TxHash:
    """Redeem all that the wallets hold of a resolved market in one transaction, and return its hash.

    Raise `Refused` when one of them has not approved the AutoRedeemer, or when the market is not resolved.
    """
    redeem = calldata(
        "redeem(address[],address,bytes32,uint256[])",
        list(wallets),
        contracts.adapter_of(market),
        bytes.fromhex(market.condition_id.removeprefix("0x")),
        [market.yes_token_id, market.no_token_id],
    )
    to, gas = Address(contracts.auto_redeemer), _GAS_PER_WALLET * len(wallets)
    (receipt,) = await transact(node, [Act(sender=RELAYER, to=to, data=redeem, gas=gas)])
    return TxHash(receipt["transactionHash"])
