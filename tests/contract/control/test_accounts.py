"""Accounts on demand: every kind trades at once, many come together, and the same calls give the same ones."""

from __future__ import annotations

import pytest

from remora.devnet.abi import MAX_UINT256, calldata
from remora.devnet.clob.chain import ChainFollower
from remora.devnet.deployment import OWNER
from remora.devnet.launcher import DevnetConfig, running_devnet
from tests.contract.control.scene import Json, Scene, U, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

KINDS = {"eoa": 0, "proxy": 1, "safe": 2, "deposit": 3, "session": 3}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("neg_risk", [False, True])
async def test_every_kind_trades_in_a_market_made_for_it(scene: Scene, kind: str, neg_risk: bool) -> None:
    market = await scene.market(f"Do accounts of kind {kind} trade? ({neg_risk})", neg_risk=neg_risk)
    yes = market["yes_token_id"]
    (seller,) = await scene.accounts(kind="eoa", shares={yes: "50"})
    (buyer,) = await scene.accounts(kind=kind, collateral="100", shares={yes: "1"})
    assert (buyer["kind"], buyer["signature_type"]) == (kind, KINDS[kind])
    assert (buyer["address"] == buyer["signer"]) is (kind == "eoa")
    async with scene.trading(seller) as sells, scene.trading(buyer) as buys:
        assert buys.credentials.key == buyer["api_key"]["key"]
        accepted(await sells.place_limit_order(token_id=yes, side="SELL", price="0.50", size="50"))
        accepted(await buys.place_market_order(token_id=yes, side="BUY", amount="10", max_price="0.50"))

    async def is_settled() -> bool:
        # 10 / 0.50 = 20 shares, and the one that it had
        return await scene.shares(buyer["address"], yes) == 21 * U

    await eventually(is_settled)
    assert await scene.collateral(buyer["address"]) == 90 * U


@pytest.mark.parametrize("kind", KINDS)
async def test_the_venue_knows_of_an_account_as_soon_as_it_is_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def hears_of_no_block(_: ChainFollower) -> None:
        """Nobody is told by the subscription."""

    monkeypatch.setattr(ChainFollower, "_take_turn", hears_of_no_block)
    (made,) = await scene.accounts(kind=kind, collateral="7", seed=13)
    async with scene.trading(made) as client:
        assert (await client.get_balance_allowance(asset_type="COLLATERAL")).balance == 7 * U
        fault = {"fault": "set-collateral", "wallet": made["address"], "amount": "5"}
        await scene.asked("POST", "/faults", {"faults": [fault]})
        assert (await client.get_balance_allowance(asset_type="COLLATERAL")).balance == 5 * U


async def test_a_thousand_accounts_come_in_a_few_blocks(scene: Scene) -> None:
    before = int(await scene.devnet.node.call("eth_blockNumber"), 16)
    made = await scene.accounts(kind="eoa", count=1000, collateral="7", seed=9)
    after = int(await scene.devnet.node.call("eth_blockNumber"), 16)
    assert len({account["address"] for account in made}) == len({account["api_key"]["key"] for account in made}) == 1000
    # 1000 x (1 mint + 3 exchanges x 3 approvals) = 10000 transactions, 250 in a block; the interval adds some.
    assert after - before < 200
    for account in (made[0], made[999]):
        assert await scene.collateral(account["address"]) == 7 * U


async def test_the_same_call_on_another_devnet_gives_the_same_accounts(scene: Scene) -> None:
    calls: list[Json] = [{"kind": kind, "count": 2, "seed": 77} for kind in ("eoa", "safe", "proxy")]
    here = [await scene.accounts(**call) for call in calls]
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as other:
        there = [await Scene(devnet=other).accounts(**call) for call in calls]
        assert there == here
    again = [await scene.accounts(**call) for call in calls]
    addresses = [account["address"] for made in (*here, *again) for account in made]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("kind", ["eoa", "deposit"])
async def test_a_daily_limit_makes_followers(scene: Scene, kind: str) -> None:
    made = await scene.accounts(kind=kind, count=2, daily_limit="250.5", seed=5)
    contracts = scene.devnet.endpoints.contracts
    for account in made:
        question = calldata("follower(address)", account["address"])
        call = {"to": contracts.clearinghouse, "data": "0x" + question.hex()}
        membership = await scene.devnet.node.call("eth_call", call, "latest")
        assert int(membership[2:66], 16) == 250_500_000
        question = calldata("allowance(address,address)", account["address"], contracts.clearinghouse)
        call = {"to": contracts.collateral, "data": "0x" + question.hex()}
        assert int(await scene.devnet.node.call("eth_call", call, "latest"), 16) == MAX_UINT256


async def test_a_session_key_has_the_scopes_and_the_end_that_were_asked_for(scene: Scene) -> None:
    (account,) = await scene.accounts(kind="session", scopes=["COMBOSRFQ"], expires_in_s=600)
    assert account["scopes"] == ["COMBOSRFQ"]
    owner: Json = {**account, **account["owner"], "private_key": account["owner"]["private_key"]}
    owner["address"] = account["address"]
    async with scene.trading(owner) as client:
        (granted,) = await client.fetch_session_keys()
    assert (granted.address.lower(), int(granted.valid_until.timestamp())) == (
        account["signer"],
        account["valid_until_s"],
    )


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ([], [[]]),
        ({}, [["kind"]]),
        ({"kind": "emo"}, [["kind"]]),
        ({"kind": "eoa", "count": 0}, [["count"]]),
        ({"kind": "eoa", "count": 10_001, "colour": "red"}, [["count"], ["colour"]]),
        ({"kind": "eoa", "collateral": "-1"}, [["collateral"]]),
        ({"kind": "eoa", "collateral": "0.0000001"}, [["collateral"]]),
        ({"kind": "eoa", "native": 1}, [["native"]]),
        ({"kind": "eoa", "shares": {"12": "1"}}, [["shares", "12"]]),
        ({"kind": "eoa", "scopes": ["CLOB"]}, [[]]),
        ({"kind": "session", "scopes": []}, [["scopes"]]),
        ({"kind": "session", "scopes": ["ALL", "CLOB"]}, [[]]),
        ({"kind": "session", "scopes": ["CLOB", "NONE"]}, [["scopes", 1]]),
        ({"kind": "session", "expires_in_s": 0}, [["expires_in_s"]]),
    ],
)
async def test_what_is_wrong_is_located_and_makes_no_account(
    scene: Scene, body: object, places: list[list[str | int]]
) -> None:
    minted = await scene.devnet.node.call("eth_getTransactionCount", OWNER, "latest")
    assert await scene.places("/accounts", body) == places
    assert await scene.devnet.node.call("eth_getTransactionCount", OWNER, "latest") == minted
