"""Serves the API from inside the supervisor's loop, whose signals and logs are not the server's to take."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from remora.domain.errors import OperatorError

log = structlog.get_logger()


async def serve(application: FastAPI, host: str, port: int) -> None:
    """Serve an application until it is cancelled. OperatorError when the port cannot be had."""
    with _listening(host, port) as listener:
        log.info("api", host=host, port=listener.getsockname()[1])
        server = _Server(uvicorn.Config(application, log_config=None, access_log=False, lifespan="off"))
        try:
            await server.serve(sockets=[listener])
        finally:
            await server.close()


class _Server(uvicorn.Server):
    """A server that leaves signals to the supervisor."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        self.force_exit = True
        for server in getattr(self, "servers", ()):
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OperatorError(f"REMORA_API: expected to listen on {host}:{port}, found {error.strerror}") from None
