"""The devnet's accounts get what they were promised, many at once."""

from __future__ import annotations

import time

import pytest
from eth_abi.abi import decode

from remora.devnet.abi import MAX_UINT256, calldata
from remora.devnet.accounts import Role, fleet, scripted, scripted_range
from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE, Collateral, Shares, Wei

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FOLLOWERS = 300
_DAY_S = 86_400


async def test_hundreds_of_followers_join_in_one_go(devnet: Devnet) -> None:
    wallets = [account.address for account in scripted_range(Role.FOLLOWER, _FOLLOWERS)]
    expires_at_s = int(time.time()) + _DAY_S
    collateral, limit = Collateral(500 * ONE), Collateral(100 * ONE)
    await devnet.funding.fund(wallets, collateral=collateral, approve_clearinghouse=True)
    await devnet.funding.join(wallets, daily_limit=limit, expires_at_s=expires_at_s)

    node, contracts = devnet.node, devnet.endpoints.contracts
    for wallet in wallets:
        terms = await node.view(Address(contracts.clearinghouse), calldata("follower(address)", wallet))
        # Limit of collateral, limit of shares (none), end, paused, spent and collected today.
        found = decode(["uint256", "uint256", "uint256", "bool", "uint256", "uint256"], terms)
        assert found == (limit.units, MAX_UINT256, expires_at_s, False, 0, 0)
        allowance = calldata("allowance(address,address)", wallet, contracts.clearinghouse)
        approved = calldata("isApprovedForAll(address,address)", wallet, contracts.clearinghouse)
        assert int.from_bytes(await node.view(Address(contracts.collateral), allowance)) == MAX_UINT256
        assert int.from_bytes(await node.view(Address(contracts.conditional_tokens), approved)) == 1
        assert await collateral_of(node, contracts, wallet) == collateral


async def test_the_fleet_is_that_of_the_public_test_mnemonic() -> None:
    assert [account.address for account in fleet(2)] == [
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    ]


async def test_operator_wallets_may_settle_and_others_may_not(devnet: Devnet) -> None:
    *operators, stranger = [account.address for account in fleet(4)]
    await devnet.funding.add_operators(operators)
    answers = [await _is_operator(devnet, wallet) for wallet in (*operators, stranger)]
    assert answers == [True, True, True, False]


async def test_native_balance_without_approvals_is_exact(devnet: Devnet) -> None:
    wallet = scripted(Role.FOLLOWER, 0, seed=7).address
    await devnet.funding.fund([wallet], native=Wei(123))
    assert int(await devnet.node.call("eth_getBalance", wallet, "latest"), 16) == 123
    assert await collateral_of(devnet.node, devnet.endpoints.contracts, wallet) == Collateral(0)


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4])
async def test_collateral_splits_into_both_outcomes_of_every_market(devnet: Devnet, index: int) -> None:
    wallet, market = scripted(Role.LEADER, index, seed=8).address, devnet.endpoints.markets[index]
    await devnet.funding.fund([wallet], collateral=Collateral(10 * ONE))
    await devnet.funding.split(wallet, market, Shares(4 * ONE))
    node, contracts = devnet.node, devnet.endpoints.contracts
    assert await collateral_of(node, contracts, wallet) == Collateral(6 * ONE)
    for token_id in (market.yes_token_id, market.no_token_id):
        assert await shares_of(node, contracts, wallet, TokenId(token_id)) == Shares(4 * ONE)


async def test_splitting_more_than_there_is_is_refused(devnet: Devnet) -> None:
    wallet, market = scripted(Role.LEADER, 9, seed=8).address, devnet.endpoints.markets[0]
    await devnet.funding.fund([wallet], collateral=Collateral(ONE))
    with pytest.raises(Refused, match="reverted"):
        await devnet.funding.split(wallet, market, Shares(2 * ONE))


async def test_markets_differ_in_kind_and_are_opened_once(devnet: Devnet) -> None:
    kinds = [(market.fee_rate, market.neg_risk, market.version) for market in devnet.endpoints.markets]
    assert kinds == [
        *(("0", False, "v1"), ("0.05", False, "v1"), ("0", True, "v1")),
        *(("0.07", False, "v2"), ("0", True, "v2")),
    ]
    question = devnet.endpoints.markets[0].question
    with pytest.raises(Refused, match="reverted"):
        await devnet.open_market(MarketTerms(question=question))


async def _is_operator(devnet: Devnet, wallet: Address) -> bool:
    clearinghouse = Address(devnet.endpoints.contracts.clearinghouse)
    return bool(int.from_bytes(await devnet.node.view(clearinghouse, calldata("is_operator(address)", wallet))))
