"""Hearing logs and heads as they happen, and noticing when one hears nothing any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from eth_utils.crypto import keccak

from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.devnet.accounts import Role, scripted_range
from remora.devnet.generations import ledgers
from remora.domain.chain import Gap, Head, LogFilter, LogPlace
from remora.domain.errors import OperatorError, Retryable
from remora.domain.ids import Address
from remora.domain.money import Collateral
from tests.contract.chain.relay import Relay, relaying
from tests.contract.chain.world import World

TRANSFER = f"0x{keccak(text='Transfer(address,address,uint256)').hex()}"
FOLLOWERS = tuple(account.address for account in scripted_range(Role.FOLLOWER, 4))


def padded(wallet: Address) -> str:
    return f"0x{wallet[2:]:0>64}"


def transfers(world: World, *to: Address) -> LogFilter:
    receivers = tuple(padded(wallet) for wallet in to)
    return LogFilter(addresses=(world.collateral,), topics=((TRANSFER,), None, receivers))


async def mint(world: World, wallet: Address) -> None:
    await world.funding.fund([wallet], collateral=Collateral(1))


async def receiver(world: World, place: LogPlace) -> str:
    return (await world.log_at(place)).topics[2]


async def first_head(stream: AsyncIterator[LogPlace | Head | Gap]) -> Head:
    async for item in stream:
        if isinstance(item, Head):
            return item
    raise AssertionError("the stream ended")


async def logs_of(stream: AsyncIterator[LogPlace | Head | Gap], count: int) -> list[LogPlace]:
    logs: list[LogPlace] = []
    async with asyncio.timeout(10):
        async for item in stream:
            if isinstance(item, LogPlace):
                logs.append(item)
            if len(logs) == count:
                break
    return logs


@pytest.fixture
async def relay(world: World) -> AsyncIterator[Relay]:
    async with relaying(int(world.node.url.rpartition(":")[2])) as relay:
        yield relay


@pytest.fixture
async def rpc(relay: Relay) -> AsyncIterator[RpcClient]:
    async with RpcClient(relay.url, heartbeat_s=60) as rpc:
        yield rpc


def reader(world: World, rpc: RpcClient, *, silence_s: float = 10) -> NodeReader:
    return NodeReader(rpc, collateral=world.collateral, ledgers=ledgers(world.contracts), silence_s=silence_s)


async def test_heads_follow_each_other(world: World) -> None:
    heads: list[Head] = []
    async with aclosing(world.reader.stream([])) as stream:
        assert isinstance(await anext(stream), Gap)  # the subscriptions stand
        async for item in stream:
            assert isinstance(item, Head)
            heads.append(item)
            if len(heads) == 3:
                break
    assert [head.parent_hash for head in heads[1:]] == [head.hash for head in heads[:-1]]
    assert [head.number - heads[0].number for head in heads] == [0, 1, 2]


async def test_logs_of_every_filter_and_no_others_are_heard(world: World) -> None:
    filters = [transfers(world, FOLLOWERS[0]), transfers(world, FOLLOWERS[1], FOLLOWERS[2])]
    async with aclosing(world.reader.stream(filters)) as stream:
        await first_head(stream)
        start = (await world.reader.head()).number
        for number in (0, 3, 2, 1):
            await mint(world, FOLLOWERS[number])
        heard = await logs_of(stream, 3)
    assert [await receiver(world, place) for place in heard] == [padded(FOLLOWERS[number]) for number in (0, 2, 1)]
    assert heard == await world.reader.logs(filters, start, (await world.reader.head()).number)


async def test_a_cut_stream_ends_and_what_was_missed_is_in_the_logs(world: World, relay: Relay, rpc: RpcClient) -> None:
    filters = [transfers(world, *FOLLOWERS)]
    cut_off = reader(world, rpc)
    async with aclosing(cut_off.stream(filters)) as stream:
        cursor = (await first_head(stream)).number
        relay.cut()
        with pytest.raises(Retryable, match="connection was lost"):
            await logs_of(stream, 1)
    await mint(world, FOLLOWERS[0])
    async with aclosing(cut_off.stream(filters)) as stream:
        head = await first_head(stream)
        missed = await cut_off.logs(filters, cursor, head.number)
        await mint(world, FOLLOWERS[1])
        (heard,) = await logs_of(stream, 1)
    assert [await receiver(world, place) for place in missed] == [padded(FOLLOWERS[0])]
    assert await receiver(world, heard) == padded(FOLLOWERS[1])
    assert relay.connections == 2


async def test_a_node_that_falls_silent_is_noticed(world: World, relay: Relay, rpc: RpcClient) -> None:
    async with aclosing(reader(world, rpc, silence_s=2).stream([])) as stream:
        await first_head(stream)
        relay.freeze()
        with pytest.raises(Retryable, match=r"no new block for 2 s"):
            await logs_of(stream, 1)


async def test_a_stream_of_too_many_leaders_is_refused(world: World) -> None:
    leaders = tuple(Address(f"0x{number:040x}") for number in range(1001))
    async with aclosing(world.reader.stream([transfers(world, *leaders)])) as stream:
        with pytest.raises(OperatorError, match="1 to 1000 alternatives"):
            await anext(stream)


async def test_a_thousand_leaders_fit_into_one_filter(world: World) -> None:
    leaders = (*(Address(f"0x{number:040x}") for number in range(999)), FOLLOWERS[0])
    async with aclosing(world.reader.stream([transfers(world, *leaders)])) as stream:
        await first_head(stream)
        await mint(world, FOLLOWERS[0])
        (heard,) = await logs_of(stream, 1)
    assert await receiver(world, heard) == padded(FOLLOWERS[0])
