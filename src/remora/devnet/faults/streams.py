"""Faults of the order-book server's WebSocket channels; their endpoints are "/ws/market" and "/ws/user"."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from remora.devnet.faults.fault import Lasting


class StreamSilence(Lasting):
    """A channel stays open and sends no events."""

    name: ClassVar[str] = "stream-silence"

    answers_pings: bool = Field(default=True, description="whether PING is still answered")


class StreamClose(Lasting):
    """A channel closes instead of sending the next event."""

    name: ClassVar[str] = "stream-close"


class StreamDuplicate(Lasting):
    """A channel sends an event twice."""

    name: ClassVar[str] = "stream-duplicate"


class StreamDisorder(Lasting):
    """A channel keeps an event and sends it after the next one."""

    name: ClassVar[str] = "stream-disorder"


STREAM_FAULTS = (StreamSilence, StreamClose, StreamDuplicate, StreamDisorder)
