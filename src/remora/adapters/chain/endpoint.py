"""One of several nodes: how to ask it, and what it was last heard to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from remora.domain.chain import Head
from remora.ports import ChainReader, TxSender


@dataclass(slots=True, kw_only=True, eq=False)
class Endpoint:
    """A node, and what is known of its health.

    `drop` closes its connection, so that the next request opens a new one. `head` is the latest block that its stream
    brought and `heard_us` when; `since_block` is the head at which its subscriptions stood, None while they don't.
    """

    name: str
    reader: ChainReader
    sender: TxSender
    drop: Callable[[], Awaitable[None]]
    head: Head | None = None
    heard_us: int = 0
    log_us: int | None = None
    since_block: int | None = None
    replaced: int = 0

    @property
    def is_streaming(self) -> bool:
        """Whether its subscriptions stand."""
        return self.since_block is not None

    @property
    def height(self) -> int:
        """The number of its latest block, as far as it was heard; 0 before the first."""
        return self.head.number if self.head else 0


def by_preference(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Return the endpoints, the one to ask first at the front: streaming, then highest, then as configured."""
    return sorted(endpoints, key=lambda each: (not each.is_streaming, -each.height))
