"""The official SDK pointed at a devnet: the one module that knows its private environment (polymarket.md 7).

An `Environment` cannot be made through the SDK's public API, hence the pin of `polymarket-client`. Every address and
URL is replaced: what a devnet lacks becomes the zero address or a closed port, so that nothing reaches production.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from eth_account import Account
from polymarket import AsyncSecureClient, Environment
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

from remora.devnet.endpoints import Endpoints
from remora.domain.ids import ZERO_ADDRESS

#: The discard port: nothing listens there.
_CLOSED_PORT = "127.0.0.1:9"
_LACKING_CONTRACTS = (
    "auto_redeem_operator",
    "binary_module",
    "combinatorial_module",
    "exchange_v3",
    "neg_risk_module",
    "perps_deposit_contract",
    "position_manager",
    "protocol_v2_router",
    "relay_hub",
    "safe_multisend",
)


def environment(endpoints: Endpoints) -> Environment:
    """Return the SDK environment of a devnet."""
    contracts = endpoints.contracts
    config = dataclasses.replace(
        dataclasses.replace(PRODUCTION_CONFIG, **_lacking()),
        chain_id=endpoints.chain_id,
        clob_url=endpoints.clob_url,
        gamma_url=endpoints.gamma_url,
        rpc_url=endpoints.rpc_url,
        clob_market_ws_url=endpoints.market_ws_url,
        clob_user_ws_url=endpoints.user_ws_url,
        collateral_token=contracts.collateral,
        conditional_tokens=contracts.conditional_tokens,
        standard_exchange=contracts.exchange,
        neg_risk_exchange=contracts.neg_risk_exchange,
        collateral_adapter=contracts.collateral_adapter,
        neg_risk_collateral_adapter=contracts.neg_risk_adapter,
        neg_risk_adapter=contracts.neg_risk_adapter,
    )
    return create_environment(name="remora devnet", config=config)


async def async_client(endpoints: Endpoints, private_key: str) -> AsyncSecureClient:
    """Return a client that trades as the key's own account (signature type 0) and has its API key.

    It is a context manager: whoever asked for it closes it.
    """
    wallet = Account.from_key(private_key).address
    return await AsyncSecureClient.create(private_key=private_key, wallet=wallet, environment=environment(endpoints))


def _lacking() -> dict[str, Any]:
    """Return every URL closed and every contract that a devnet lacks at the zero address."""
    urls = [field.name for field in dataclasses.fields(PRODUCTION_CONFIG) if field.name.endswith("_url")]
    closed = {name: f"{'ws' if name.endswith('_ws_url') else 'http'}://{_CLOSED_PORT}" for name in urls}
    return {**closed, **dict.fromkeys(_LACKING_CONTRACTS, ZERO_ADDRESS)}
