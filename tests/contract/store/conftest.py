"""A fresh database for every test, once per implementation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.contract.store.implementations import IMPLEMENTATIONS, OpenStores, Stores
from tests.contract.store.journey import Journey


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda implementation: implementation.__name__)
def open_stores(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStores:
    return partial(request.param, tmp_path)


@pytest.fixture
def stores(open_stores: OpenStores) -> Iterator[Stores]:
    with open_stores() as stores:
        yield stores


@pytest.fixture
def journey(stores: Stores) -> Journey:
    return Journey(stores)
