"""An SDK client of a devnet can reach nothing but the devnet."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlsplit

import pytest
from polymarket._internal.environment import PRODUCTION_CONFIG, get_environment_config

from remora.devnet.launcher import Devnet
from remora.devnet.sdk import environment
from remora.domain.ids import ZERO_ADDRESS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_url_is_on_loopback(devnet: Devnet) -> None:
    config = get_environment_config(environment(devnet.endpoints))
    urls = [value for value in dataclasses.astuple(config) if isinstance(value, str) and "://" in value]
    assert len(urls) > 10
    assert {urlsplit(url).hostname for url in urls} == {"127.0.0.1"}


async def test_no_contract_is_a_production_contract(devnet: Devnet) -> None:
    config, contracts = environment(devnet.endpoints)._config, devnet.endpoints.contracts
    ours = {ZERO_ADDRESS, *dataclasses.asdict(contracts).values()}
    addresses = {
        field.name: getattr(config, field.name).lower()
        for field in dataclasses.fields(config)
        if str(getattr(PRODUCTION_CONFIG, field.name)).startswith("0x")
    }
    assert len(addresses) > 10
    assert {name for name, address in addresses.items() if address.lower() not in ours} == set()
    assert config.chain_id != PRODUCTION_CONFIG.chain_id
