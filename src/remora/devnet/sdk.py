"""The official SDK pointed at a devnet: the one module that knows its private environment (polymarket.md 7).

An `Environment` cannot be made through the SDK's public API, hence the pin of `polymarket-client`. Every address and
URL is replaced: what a devnet lacks becomes the zero address or a closed port, so that nothing reaches production.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address
from polymarket import AsyncSecureClient, BuilderApiKey, Environment, RelayerApiKey
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

from remora.devnet.endpoints import Contracts, Endpoints
from remora.devnet.wallet_factories import safe_code_hash
from remora.domain.ids import ZERO_ADDRESS, Address

#: The discard port: nothing listens there.
_CLOSED_PORT = "127.0.0.1:9"
#: The relayer answers at once or with the next block: 30 s are enough.
_RELAYER_POLL_MS = 100
_RELAYER_MAX_POLLS = 300
_LACKING_CONTRACTS = (
    "combinatorial_module",
    "perps_deposit_contract",
)


def environment(endpoints: Endpoints) -> Environment:
    """Return the SDK environment of a devnet."""
    contracts = _checksummed(endpoints.contracts)
    config = dataclasses.replace(
        dataclasses.replace(PRODUCTION_CONFIG, **_lacking()),
        chain_id=endpoints.chain_id,
        clob_url=endpoints.clob_url,
        gamma_url=endpoints.gamma_url,
        data_url=endpoints.data_url or f"http://{_CLOSED_PORT}",
        rpc_url=endpoints.rpc_url,
        relayer_url=endpoints.relayer_url or f"http://{_CLOSED_PORT}",
        relayer_poll_frequency_ms=_RELAYER_POLL_MS,
        relayer_max_polls=_RELAYER_MAX_POLLS,
        wallet_derivation=dataclasses.replace(
            PRODUCTION_CONFIG.wallet_derivation,
            deposit_wallet_factory=contracts.deposit_wallet_factory,
            deposit_wallet_beacon=contracts.deposit_wallet_factory,
            deposit_wallet_implementation=ZERO_ADDRESS,
            proxy_factory=contracts.proxy_factory,
            proxy_implementation=contracts.proxy_implementation,
            safe_factory=contracts.safe_factory,
            safe_init_code_hash="0x" + safe_code_hash(contracts.safe_singleton).hex(),
        ),
        relay_hub=contracts.relay_hub,
        safe_multisend=contracts.safe_multisend,
        clob_market_ws_url=endpoints.market_ws_url,
        clob_user_ws_url=endpoints.user_ws_url,
        rtds_ws_url=endpoints.live_ws_url or f"ws://{_CLOSED_PORT}",
        collateral_token=contracts.collateral,
        conditional_tokens=contracts.conditional_tokens,
        position_manager=contracts.position_manager,
        exchange_v3=contracts.exchange_v3,
        protocol_v2_router=contracts.router,
        binary_module=contracts.binary_module,
        neg_risk_module=contracts.neg_risk_module,
        standard_exchange=contracts.exchange,
        neg_risk_exchange=contracts.neg_risk_exchange,
        collateral_adapter=contracts.collateral_adapter,
        neg_risk_collateral_adapter=contracts.neg_risk_collateral_adapter,
        neg_risk_adapter=contracts.neg_risk_adapter,
        auto_redeem_operator=contracts.auto_redeemer,
    )
    return create_environment(name="remora devnet", config=config)


async def async_client(
    endpoints: Endpoints,
    private_key: str,
    *,
    wallet: Address | None = None,
    api_key: BuilderApiKey | RelayerApiKey | None = None,
) -> AsyncSecureClient:
    """Return a client that trades with a wallet, and has its API key; `api_key` is for requests to the relayer.

    Without a wallet it trades as the key's own account (signature type 0). It is a context manager: whoever asked for
    it closes it.
    """
    return await AsyncSecureClient.create(
        private_key=private_key,
        wallet=wallet or Account.from_key(private_key).address,
        environment=environment(endpoints),
        api_key=api_key,
    )


def _checksummed(contracts: Contracts) -> Contracts:
    """Return the addresses as the SDK's signer wants them when a plain account sends transactions."""
    addresses = dataclasses.asdict(contracts)
    return Contracts(**{name: to_checksum_address(address) for name, address in addresses.items()})


def _lacking() -> dict[str, Any]:
    """Return every URL closed and every contract that a devnet lacks at the zero address."""
    urls = [field.name for field in dataclasses.fields(PRODUCTION_CONFIG) if field.name.endswith("_url")]
    closed = {name: f"{'ws' if name.endswith('_ws_url') else 'http'}://{_CLOSED_PORT}" for name in urls}
    return {**closed, **dict.fromkeys(_LACKING_CONTRACTS, ZERO_ADDRESS)}
