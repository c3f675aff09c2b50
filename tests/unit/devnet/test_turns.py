"""Turns: side by side, but for who is alone; and nobody is forgotten."""

from __future__ import annotations

import asyncio

from remora.devnet.turns import Turns


async def test_who_wants_to_be_alone_waits_for_those_who_work_and_keeps_the_next_out() -> None:
    turns, said, release = Turns(), list[str](), asyncio.Event()

    async def work(name: str, until: asyncio.Event | None = None) -> None:
        async with turns.turn():
            said.append(f"{name} begins")
            if until is not None:
                await until.wait()
            said.append(f"{name} ends")

    async def be_alone() -> None:
        async with turns.alone():
            said.append("alone")
            await asyncio.sleep(0)
            said.append("no more")

    async with asyncio.TaskGroup() as group:
        group.create_task(work("first", release))
        group.create_task(work("second"))
        await asyncio.sleep(0)
        group.create_task(be_alone())
        await asyncio.sleep(0)
        group.create_task(work("third"))
        await asyncio.sleep(0)
        assert said == ["first begins", "second begins", "second ends"]
        release.set()
    assert said[3:] == ["first ends", "alone", "no more", "third begins", "third ends"]


async def test_a_turn_that_fails_is_given_back() -> None:
    turns = Turns()

    async def fail() -> None:
        async with turns.turn():
            raise ValueError

    assert isinstance((await asyncio.gather(fail(), return_exceptions=True))[0], ValueError)
    async with asyncio.timeout(5), turns.alone():
        pass
