"""The official SDK splits, merges, redeems and converts, with a plain account and with a deposit wallet's relayer.

Each time the chain, the Data API and remora's own explanation must tell the same.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from polymarket import AsyncSecureClient
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket.models.data import ConversionActivity, MergeActivity, RedeemActivity, SplitActivity
from polymarket.types import EvmAddress, HexString

from remora.detect.explain import explain_receipt
from remora.devnet.abi import MAX_UINT256, calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.auto_redemption import redeem_for
from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.deployment import OWNER
from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import DRAW, NO_WINS, YES_WINS, MarketTerms, resolve_market
from remora.devnet.sdk import async_client
from remora.devnet.transactions import Act, transact
from remora.devnet.wallets import Wallets
from remora.domain.chain import parse_receipt
from remora.domain.contracts import POLYGON, Contracts
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId, address
from remora.domain.money import ONE, Collateral, Shares, Wei
from remora.domain.wallets import WalletKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MEANS = Collateral(1000 * ONE)
_numbers = itertools.count(1)


class Kind(Enum):
    """Whose shares move."""

    ACCOUNT = auto()
    DEPOSIT_WALLET = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A wallet with its client, and what everybody says of it."""

    devnet: Devnet
    wallet: Address
    client: AsyncSecureClient

    async def holds(self, market: Market) -> tuple[Decimal | int, Decimal | int, Decimal | int]:
        """Return collateral, YES and NO."""
        node, contracts = self.devnet.node, self.devnet.endpoints.contracts
        tokens = [TokenId(token) for token in (market.yes_token_id, market.no_token_id)]
        collateral = await collateral_of(node, contracts, self.wallet)
        yes, no = [await shares_of(node, contracts, self.wallet, token) for token in tokens]
        return Decimal(str(collateral)), Decimal(str(yes)), Decimal(str(no))

    async def moves(self, tx_hash: str) -> list[tuple[str, int, str]]:
        """Return what remora sees in a transaction, knowing the exchanges and the ledger and no adapter."""
        contracts = self.devnet.endpoints.contracts
        known = Contracts(
            exchanges=frozenset({Address(contracts.exchange), Address(contracts.neg_risk_exchange)}),
            ledgers=frozenset({Address(contracts.conditional_tokens)}),
            collaterals=frozenset({Address(contracts.collateral)}),
            adapters=POLYGON.adapters,
        )
        receipt = parse_receipt(await self.devnet.node.call("eth_getTransactionReceipt", tx_hash))
        seen = explain_receipt(receipt, self.wallet, known)
        assert seen.fills == ()
        return [(move.reason.value, move.token_id, str(move.shares)) for move in seen.moves]

    async def activity(self) -> list[Any]:
        """Return the Data API's rows, newest first."""
        return list((await self.client.list_activity(user=self.wallet).first_page()).items)

    async def call(self, contract: str, data: bytes) -> str:
        """Have the wallet call a contract, and return the transaction's hash."""
        call = TransactionCall(to=EvmAddress(to_checksum_address(contract)), data=HexString("0x" + data.hex()))
        return await self.done(self.client.execute_transaction(calls=[call]))

    async def done(self, sent: Awaitable[Any]) -> str:
        """Wait until a transaction is final and the venue has heard of it, and return its hash."""
        outcome = await (await sent).wait()
        await self.devnet.clob.catch_up()
        return str(outcome.transaction_hash)


@asynccontextmanager
async def user_of(devnet: Devnet, kind: Kind) -> AsyncIterator[User]:
    account = scripted(Role.FOLLOWER, next(_numbers), seed=7)
    wallet, key = account.address, None
    if kind is Kind.DEPOSIT_WALLET:
        wallets = Wallets(node=devnet.node, contracts=devnet.endpoints.contracts)
        wallet = await wallets.make(WalletKind.DEPOSIT, account.address)
        async with await async_client(devnet.endpoints, account.private_key) as owner:
            key = await owner.create_builder_api_key()
    await devnet.funding.fund([wallet], collateral=_MEANS, native=Wei.parse("10"), approve_adapters=True)
    async with await async_client(devnet.endpoints, account.private_key, wallet=wallet, api_key=key) as client:
        yield User(devnet=devnet, wallet=wallet, client=client)


async def market_of(devnet: Devnet, *, neg_risk: bool, event: str = "") -> Market:
    terms = MarketTerms(question=f"Is this move {next(_numbers)}?", neg_risk=neg_risk, event=event)
    return await devnet.open_market(terms)


async def resolve(devnet: Devnet, market: Market, payouts: tuple[int, int]) -> None:
    """Resolve a market, and wait until the venue has heard of it."""
    await resolve_market(devnet.node, devnet.endpoints.contracts, market, payouts)
    await devnet.clob.catch_up()


@pytest.mark.parametrize("neg_risk", [False, True])
@pytest.mark.parametrize("kind", Kind)
async def test_a_wallet_splits_merges_and_redeems(devnet: Devnet, kind: Kind, *, neg_risk: bool) -> None:
    market = await market_of(devnet, neg_risk=neg_risk)
    condition, yes, no = market.condition_id, market.yes_token_id, market.no_token_id
    async with user_of(devnet, kind) as user:
        split = await user.done(user.client.split_position(condition_id=condition, amount=100 * ONE))
        assert await user.holds(market) == (900, 100, 100)
        assert await user.moves(split) == [("split", yes, "100"), ("split", no, "100")]

        merge = await user.done(user.client.merge_positions(condition_id=condition, amount=30 * ONE))
        assert await user.holds(market) == (930, 70, 70)
        assert await user.moves(merge) == [("merge", yes, "-30"), ("merge", no, "-30")]

        await resolve(devnet, market, NO_WINS)
        positions = (await user.client.list_positions(user=user.wallet, status="REDEEMABLE").first_page()).items
        told = {each.asset_id: (each.status, each.current_price, each.redeemable, each.mergeable) for each in positions}
        assert told == {
            str(yes): ("REDEEMABLE", Decimal(0), True, False),
            str(no): ("REDEEMABLE", Decimal(1), True, False),
        }
        lost = (await user.client.list_positions(user=user.wallet, status="REDEEMABLE_LOST").first_page()).items
        assert [each.asset_id for each in lost] == [str(yes)]

        redeem = await user.done(user.client.redeem_positions(condition_id=condition))
        assert await user.holds(market) == (1000, 0, 0)
        assert await user.moves(redeem) == [("redemption", yes, "-70"), ("redemption", no, "-70")]

        rows = await user.activity()
        assert [type(row) for row in rows] == [RedeemActivity, MergeActivity, SplitActivity]
        assert [(row.amount, row.transaction_hash) for row in rows] == [(70, redeem), (30, merge), (100, split)]
        assert {(row.condition_id, row.slug) for row in rows} == {(condition, market.slug)}
        closed = (await user.client.list_positions(user=user.wallet, status="CLOSED").first_page()).items
        # 70 YES of 35 are lost, 70 NO of 35 paid 70
        assert {each.asset_id: each.realized_pnl for each in closed} == {str(yes): -35, str(no): 35}


@pytest.mark.parametrize("kind", Kind)
async def test_a_wallet_merges_several_markets_at_once(devnet: Devnet, kind: Kind) -> None:
    markets = [await market_of(devnet, neg_risk=neg_risk) for neg_risk in (False, True)]
    async with user_of(devnet, kind) as user:
        for market in markets:
            await user.done(user.client.split_position(condition_id=market.condition_id, amount=10 * ONE))
        await user.done(
            user.client.merge_multiple_positions(
                positions=[{"condition_id": market.condition_id, "amount": 4 * ONE} for market in markets]
            )
        )
        for market in markets:
            assert await user.holds(market) == (988, 6, 6)
        rows = (await user.activity())[:2]
        assert {(type(row), row.condition_id, row.amount) for row in rows} == {
            (MergeActivity, market.condition_id, Decimal(4)) for market in markets
        }


@pytest.mark.parametrize("kind", Kind)
async def test_no_shares_become_yes_shares_of_the_other_questions(devnet: Devnet, kind: Kind) -> None:
    event = f"Who finds the shark {next(_numbers)}?"
    first, second, third = [await market_of(devnet, neg_risk=True, event=event) for _ in range(3)]
    market_id = bytes.fromhex(first.neg_risk_market_id[2:])
    adapter = devnet.endpoints.contracts.neg_risk_collateral_adapter
    async with user_of(devnet, kind) as user:
        for market in (first, second):
            await user.done(user.client.split_position(condition_id=market.condition_id, amount=50 * ONE))
        convert = calldata("convertPositions(bytes32,uint256,uint256)", market_id, 0b011, 20 * ONE)
        converted = await user.call(adapter, convert)
        # two NO of 20 are 20 of collateral and 20 YES of the third question
        assert [await user.holds(market) for market in (first, second, third)] == [
            (920, 50, 30),
            (920, 50, 30),
            (920, 20, 0),
        ]
        assert await user.moves(converted) == [
            ("conversion", first.no_token_id, "-20"),
            ("conversion", second.no_token_id, "-20"),
            ("conversion", third.yes_token_id, "20"),
        ]
        (row, *_) = await user.activity()
        assert isinstance(row, ConversionActivity)
        assert (row.amount, str(row.condition_id), row.title) == (Decimal(20), first.neg_risk_market_id, event)

        await resolve(devnet, third, YES_WINS)
        await user.done(user.client.redeem_positions(condition_id=third.condition_id))
        assert await user.holds(third) == (940, 0, 0)


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_without_an_adapter_an_account_moves_the_token_under_the_collateral(
    devnet: Devnet, *, neg_risk: bool
) -> None:
    contracts = devnet.endpoints.contracts
    market = await market_of(devnet, neg_risk=neg_risk)
    contract = contracts.neg_risk_adapter if neg_risk else contracts.conditional_tokens
    condition, asset = bytes.fromhex(market.condition_id[2:]), Address(contracts.ctf_collateral)
    async with user_of(devnet, Kind.ACCOUNT) as user:
        mint = calldata("mint(address,uint256)", user.wallet, 100 * ONE)
        await transact(devnet.node, [Act(sender=OWNER, to=asset, data=mint)])
        await user.call(asset, calldata("approve(address,uint256)", contract, MAX_UINT256))
        await user.call(contracts.conditional_tokens, calldata("setApprovalForAll(address,bool)", contract, True))
        pool = "address,bytes32,bytes32,uint256[]"
        split = calldata(f"splitPosition({pool},uint256)", asset, bytes(32), condition, [1, 2], 100 * ONE)
        merge = calldata(f"mergePositions({pool},uint256)", asset, bytes(32), condition, [1, 2], 30 * ONE)
        reasons = {reason for reason, _, _ in await user.moves(await user.call(contract, split))}
        reasons |= {reason for reason, _, _ in await user.moves(await user.call(contract, merge))}
        assert reasons == {"split", "merge"}
        await resolve(devnet, market, YES_WINS)
        redeem = (
            calldata("redeemPositions(bytes32,uint256[])", condition, [70 * ONE, 20 * ONE])
            if neg_risk
            else calldata(f"redeemPositions({pool})", asset, bytes(32), condition, [1, 2])
        )
        redeemed = await user.call(contract, redeem)
        left = 50 if neg_risk else 0
        assert await user.holds(market) == (1000, 0, left)
        assert await user.moves(redeemed) == [
            ("redemption", market.yes_token_id, "-70"),
            ("redemption", market.no_token_id, str(left - 70)),
        ]
        told = [(type(row), row.amount) for row in await user.activity()]
        assert told == [(RedeemActivity, 70), (MergeActivity, 30), (SplitActivity, 100)]


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_who_approved_the_auto_redeemer_is_paid_without_a_call(devnet: Devnet, *, neg_risk: bool) -> None:
    contracts, market = devnet.endpoints.contracts, await market_of(devnet, neg_risk=neg_risk)
    async with user_of(devnet, Kind.ACCOUNT) as user, user_of(devnet, Kind.DEPOSIT_WALLET) as other:
        for each in (user, other):
            await each.done(each.client.split_position(condition_id=market.condition_id, amount=10 * ONE))
        await resolve(devnet, market, YES_WINS)
        redeemed = await redeem_for(devnet.node, contracts, market, [user.wallet, other.wallet])
        for each in (user, other):
            assert await each.holds(market) == (1000, 0, 0)
            assert await each.moves(redeemed) == [
                ("redemption", market.yes_token_id, "-10"),
                ("redemption", market.no_token_id, "-10"),
            ]
            (row, _) = await each.activity()
            assert isinstance(row, RedeemActivity)
            assert (row.amount, str(row.transaction_hash)) == (Decimal(10), str(redeemed))


async def test_a_draw_pays_both_outcomes_half(devnet: Devnet) -> None:
    market = await market_of(devnet, neg_risk=False)
    async with user_of(devnet, Kind.ACCOUNT) as user:
        await devnet.funding.split(user.wallet, market, Shares(10 * ONE))
        await resolve(devnet, market, DRAW)
        await user.done(user.client.redeem_positions(condition_id=market.condition_id))
        assert await user.holds(market) == (1000, 0, 0)
        assert (await user.activity())[0].amount == 10


async def test_one_question_of_a_neg_risk_event_can_be_true(devnet: Devnet) -> None:
    event, contracts = f"Who is first {next(_numbers)}?", devnet.endpoints.contracts
    first, second = [await market_of(devnet, neg_risk=True, event=event) for _ in range(2)]
    assert first.neg_risk_market_id == second.neg_risk_market_id
    with pytest.raises(Refused, match="one outcome"):
        await resolve_market(devnet.node, contracts, first, DRAW)
    await resolve_market(devnet.node, contracts, first, YES_WINS)
    with pytest.raises(Refused):
        await resolve_market(devnet.node, contracts, second, YES_WINS)
    await resolve_market(devnet.node, contracts, second, NO_WINS)


async def test_approvals_are_told_as_they_are_made(devnet: Devnet) -> None:
    account = scripted(Role.FOLLOWER, next(_numbers), seed=7)
    await devnet.funding.fund([account.address], collateral=_MEANS)
    async with await async_client(devnet.endpoints, account.private_key) as client:
        before = await client.get_trading_approvals_state()
        redeemer = devnet.endpoints.contracts.auto_redeemer
        assert redeemer in {each.operator.lower() for each in before.missing.erc1155}
        await client.setup_trading_approvals()
        assert (await client.get_trading_approvals_state()).is_fully_approved
        exact = calldata("approve(address,uint256)", devnet.endpoints.contracts.exchange, ONE)
        await transact(
            devnet.node,
            [Act(sender=address(account.address), to=Address(devnet.endpoints.contracts.collateral), data=exact)],
        )
        (missing,) = (await client.get_trading_approvals_state()).missing.erc20
        assert missing.spender.lower() == devnet.endpoints.contracts.exchange


async def test_tokens_and_events_are_found(devnet: Devnet) -> None:
    event = f"Who is found {next(_numbers)}?"
    first, second = [await market_of(devnet, neg_risk=True, event=event) for _ in range(2)]
    await resolve(devnet, first, NO_WINS)
    async with user_of(devnet, Kind.ACCOUNT) as user:
        found = await user.client.get_event(slug="-".join(event.lower().rstrip("?").split()))
        assert [market.condition_id for market in found.markets] == [first.condition_id, second.condition_id]
        assert (found.title, found.trading.neg_risk_market_id) == (event, first.neg_risk_market_id)
        assert (await user.client.get_event(id=found.id)).slug == found.slug
        listed = (await user.client.list_events(slug=found.slug).first_page()).items
        assert [each.id for each in listed] == [found.id]

        (yes, no) = await user.client.get_token_references(condition_ids=[first.condition_id])
        assert (yes.asset_id, yes.opposite_asset_id) == (str(first.yes_token_id), str(first.no_token_id))
        assert (yes.resolved, yes.final_price, no.final_price) == (True, Decimal(0), Decimal(1))
        assert (yes.neg_risk_market_id, yes.question_index, yes.event_id) == (first.neg_risk_market_id, 0, found.id)
        (other,) = await user.client.get_token_references(asset_ids=[str(second.no_token_id)])
        assert (other.question_index, other.resolved, other.final_price, other.outcome) == (1, False, None, "No")
