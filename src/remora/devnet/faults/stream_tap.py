"""Applies the faults of the WebSocket channels to one connection's frames, on their way out."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from remora.devnet.faults.board import Board
from remora.devnet.faults.occasion import occasion
from remora.devnet.faults.streams import StreamClose, StreamDisorder, StreamDuplicate, StreamSilence
from remora.devnet.faults.venue import StaleBook

BOARD = web.AppKey("board", Board)
"""Where an application keeps the board that its connections ask."""

_PONG = "PONG"


class Closing(Exception):
    """The connection ends here."""


class StreamTap:
    """One connection's frames."""

    def __init__(self, board: Board, endpoint: str) -> None:
        self._board = board
        self._endpoint = endpoint
        self._kept: list[str] = []

    def passed(self, frame: str) -> Sequence[str]:
        """Return what is sent in place of a frame; raise Closing when the connection ends instead."""
        if not self._board.active() and not self._kept:
            return (frame,)
        if frame == _PONG:
            return self._pong()
        return self._event(frame)

    def _pong(self) -> Sequence[str]:
        silences = [active.fault for active in self._board.active() if isinstance(active.fault, StreamSilence)]
        is_silent = any(
            not silence.answers_pings and silence.endpoint in (None, self._endpoint) for silence in silences
        )
        return () if is_silent else (_PONG,)

    def _event(self, frame: str) -> Sequence[str]:
        take, heard = self._board.take, occasion(self._endpoint, frame)
        if take(StreamClose, heard):
            raise Closing
        if take(StreamSilence, heard) or take(StaleBook, heard):
            return ()
        if not self._kept and take(StreamDisorder, heard):
            self._kept.append(frame)
            return ()
        frames = [frame, *self._kept]
        self._kept.clear()
        return [*frames, frame] if take(StreamDuplicate, heard) else frames
