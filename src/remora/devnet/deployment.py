"""Deploys the contracts of both generations, with the real ConditionalTokens and wired as the venue wires them.

The collateral that is traded is not the token that outcome shares were made for: adapters turn one into the other, a
pair for the exchanges and a pair for users (polymarket.md 1.1, 2.2). The neg-risk exchange is a second instance, over
wrapped collateral, whose shares the NegRiskAdapter makes.
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
from remora.devnet.wallet_factories import safe_code_hash
from remora.domain.ids import Address, address
from remora.domain.wallets import proxy_code_hash

#: Owns every contract, mints collateral, adds operators.
OWNER = scripted(Role.OWNER).address
#: Sends the matches.
EXCHANGE_OPERATOR = scripted(Role.EXCHANGE_OPERATOR)

#: The first byte of a position id: who mints and burns it.
BINARY_MODULE, NEG_RISK_MODULE = 1, 2

#: Makes deposit wallets, hands in their batches, and redeems for who let the AutoRedeemer.
RELAYER = scripted(Role.RELAYER).address

#: What the collateral's contract holds of each token under it: more than anybody will ever unwrap.
_RESERVE_UNITS = 10**18
_NATIVE_WEI = 10**24
_DEPLOYMENT_GAS = 12_000_000
#: The venue's documented fee rates reach 7 % of the shares' value at low prices, which exchanges cap at 5 % by default.
_MAX_FEE_RATE_BPS = 1_000


async def deploy(node: Node) -> Contracts:
    """Deploy on an empty chain everything that the devnet needs, owned by `OWNER`, and return the addresses."""
    for account in (OWNER, EXCHANGE_OPERATOR.address, RELAYER):
        await node.call("anvil_setBalance", account, hex(_NATIVE_WEI))
    tokens = await _create(node, CONDITIONAL_TOKENS)
    collateral = await _create(node, "Collateral", "Devnet Dollar", "pUSD")
    older = await _older_wallets(node)
    proxies = older["proxy_factory"], proxy_code_hash(older["proxy_factory"], older["proxy_implementation"])
    safes = older["safe_factory"], safe_code_hash(older["safe_singleton"])
    wallets = await _create(node, "WalletDerivation", *proxies, *safes)
    deposit_wallet = await _create(node, "DepositWallet", OWNER)
    fee_receiver = scripted(Role.FEE_RECEIVER).address

    async def exchange(name: str, *arguments: Any) -> Address:
        created = await _create(node, name, OWNER, *arguments, wallets, fee_receiver)
        await _own(node, created, calldata("addOperator(address)", EXCHANGE_OPERATOR.address))
        await _own(node, created, calldata("setMaxFeeRate(uint256)", _MAX_FEE_RATE_BPS))
        return created

    asset = await _asset(node, collateral, "Devnet Dollar (bridged)", "USDC.e")
    wrapped = await _create(node, "WrappedCollateral", asset)
    neg_risk = await _create(node, "NegRiskAdapter", tokens, asset, wrapped, fee_receiver)
    await _own(node, wrapped, calldata("give(address)", neg_risk))
    for_exchange, for_users = [
        (
            await _create(node, "CollateralAdapter", collateral, asset, tokens),
            await _create(node, "NegRiskCollateralAdapter", collateral, asset, tokens, neg_risk),
        )
        for _ in range(2)
    ]
    positions = await _create(node, "PositionManager", OWNER, collateral)
    return Contracts(
        collateral=collateral,
        ctf_collateral=asset,
        wrapped_collateral=wrapped,
        conditional_tokens=tokens,
        exchange=await exchange("Exchange", collateral, tokens, asset, for_exchange[0]),
        neg_risk_exchange=await exchange("Exchange", collateral, tokens, wrapped, for_exchange[1]),
        exchange_adapter=for_exchange[0],
        neg_risk_exchange_adapter=for_exchange[1],
        collateral_adapter=for_users[0],
        neg_risk_collateral_adapter=for_users[1],
        neg_risk_adapter=neg_risk,
        auto_redeemer=await _create(node, "AutoRedeemer", collateral, tokens, for_users, RELAYER),
        clearinghouse=await _create(node, "Clearinghouse", collateral, tokens, positions),
        fee_receiver=fee_receiver,
        deposit_wallet_factory=await _create(node, "DepositWalletFactory", deposit_wallet, RELAYER),
        exchange_v3=await exchange("ExchangeV3", positions),
        position_manager=positions,
        router=await _create(node, "Router", positions),
        binary_module=await _module(node, collateral, positions, BINARY_MODULE),
        neg_risk_module=await _module(node, collateral, positions, NEG_RISK_MODULE),
        price_feed=await _create(node, "PriceFeed"),
        **older,
    )


async def _older_wallets(node: Node) -> dict[str, Address]:
    """Deploy what makes proxy wallets and safes, and what their batches go through; return them by their names."""
    hub, implementation = await _create(node, "RelayHub"), await _create(node, "ProxyWallet")
    singleton = await _create(node, "Safe")
    return {
        "relay_hub": hub,
        "proxy_implementation": implementation,
        "proxy_factory": await _create(node, "ProxyWalletFactory", implementation, hub),
        "safe_singleton": singleton,
        "safe_factory": await _create(node, "SafeFactory", singleton),
        "safe_multisend": await _create(node, "MultiSend"),
    }


async def _asset(node: Node, collateral: Address, name: str, symbol: str) -> Address:
    """Deploy a token that the collateral stands for, with a reserve of it."""
    asset = await _create(node, "Collateral", name, symbol)
    await _own(node, asset, calldata("mint(address,uint256)", collateral, _RESERVE_UNITS))
    await _own(node, collateral, calldata("add_asset(address)", asset))
    return asset


async def _module(node: Node, collateral: Address, positions: Address, number: int) -> Address:
    """Deploy a module of the position manager, which makes and destroys collateral as well as shares."""
    module = await _create(node, "PositionModule", number, positions, scripted(Role.ORACLE).address)
    await _own(node, positions, calldata("addModule(address)", module))
    await _own(node, collateral, calldata("add_minter(address)", module))
    return module


async def _own(node: Node, contract: Address, data: bytes) -> None:
    await transact(node, [Act(sender=OWNER, to=contract, data=data)])


async def _create(node: Node, name: str, *arguments: Any) -> Address:
    artifact = load_artifact(name)
    constructors = (entry for entry in artifact.abi if entry["type"] == "constructor")
    types = [parameter["type"] for entry in constructors for parameter in entry["inputs"]]
    creation = Act(sender=OWNER, to=None, data=artifact.bytecode + encode(types, arguments), gas=_DEPLOYMENT_GAS)
    (receipt,) = await transact(node, [creation])
    return address(receipt["contractAddress"])
