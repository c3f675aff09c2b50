"""Deploys the contracts, with the real ConditionalTokens and wired as the venue wires them.

The collateral that is traded is not the token that outcome shares were made for: one adapter per exchange turns one
into the other (polymarket.md 1.6, 2.2). The neg-risk exchange is a second instance over a token of its own.
"""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.artifacts import CONDITIONAL_TOKENS, load_artifact
from remora.devnet.endpoints import Contracts
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.devnet.wallet_addresses import LEGACY_FACTORIES
from remora.domain.ids import Address, address

#: Owns every contract, mints collateral, adds operators.
OWNER = scripted(Role.OWNER).address
#: Sends the matches.
EXCHANGE_OPERATOR = scripted(Role.EXCHANGE_OPERATOR)

#: Makes deposit wallets and hands in their batches.
RELAYER = scripted(Role.RELAYER).address

#: What the collateral's contract holds of each token under it: more than anybody will ever unwrap.
_RESERVE_UNITS = 10**18
_NATIVE_WEI = 10**24
_DEPLOYMENT_GAS = 12_000_000


async def deploy(node: Node) -> Contracts:
    """Deploy on an empty chain everything that the devnet needs, owned by `OWNER`, and return the addresses."""
    for account in (OWNER, EXCHANGE_OPERATOR.address, RELAYER):
        await node.call("anvil_setBalance", account, hex(_NATIVE_WEI))
    tokens = await _create(node, CONDITIONAL_TOKENS)
    collateral = await _create(node, "Collateral", "Devnet Dollar", "pUSD")
    wallets = await _create(node, "WalletDerivation", *LEGACY_FACTORIES)
    deposit_wallet = await _create(node, "DepositWallet", OWNER)
    fee_receiver = scripted(Role.FEE_RECEIVER).address

    async def exchange(asset: Address, adapter: Address) -> Address:
        created = await _create(node, "Exchange", OWNER, collateral, tokens, asset, adapter, wallets, fee_receiver)
        await _own(node, created, calldata("addOperator(address)", EXCHANGE_OPERATOR.address))
        return created

    asset = await _asset(node, collateral, "Devnet Dollar (bridged)", "USDC.e")
    adapter = await _create(node, "CollateralAdapter", collateral, asset, tokens)
    neg_risk_asset = await _asset(node, collateral, "Devnet Dollar (neg-risk)", "WCOL")
    neg_risk_adapter = await _create(node, "CollateralAdapter", collateral, neg_risk_asset, tokens)
    return Contracts(
        collateral=collateral,
        ctf_collateral=asset,
        conditional_tokens=tokens,
        exchange=await exchange(asset, adapter),
        neg_risk_exchange=await exchange(neg_risk_asset, neg_risk_adapter),
        collateral_adapter=adapter,
        neg_risk_adapter=neg_risk_adapter,
        clearinghouse=await _create(node, "Clearinghouse", collateral, tokens),
        fee_receiver=fee_receiver,
        deposit_wallet_factory=await _create(node, "DepositWalletFactory", deposit_wallet, RELAYER),
    )


async def _asset(node: Node, collateral: Address, name: str, symbol: str) -> Address:
    """Deploy a token that the collateral stands for, with a reserve of it."""
    asset = await _create(node, "Collateral", name, symbol)
    await _own(node, asset, calldata("mint(address,uint256)", collateral, _RESERVE_UNITS))
    await _own(node, collateral, calldata("add_asset(address)", asset))
    return asset


async def _own(node: Node, contract: Address, data: bytes) -> None:
    await transact(node, [Act(sender=OWNER, to=contract, data=data)])


async def _create(node: Node, name: str, *arguments: Any) -> Address:
    artifact = load_artifact(name)
    constructors = (entry for entry in artifact.abi if entry["type"] == "constructor")
    types = [parameter["type"] for entry in constructors for parameter in entry["inputs"]]
    creation = Act(sender=OWNER, to=None, data=artifact.bytecode + encode(types, arguments), gas=_DEPLOYMENT_GAS)
    (receipt,) = await transact(node, [creation])
    return address(receipt["contractAddress"])
