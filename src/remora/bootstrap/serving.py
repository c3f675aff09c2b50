"""The HTTP API over the supervisor's own stores, if it is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from remora.bootstrap.hearing import Ears
from remora.registry import Registry
from remora.settings.environment import Settings
from remora.settings.listening import host_and_port
from remora.supervisor.service import Step


def api_loops(settings: Settings, hearing: Ears, waiting: Callable[[], tuple[int, int]]) -> Mapping[str, Step]:
    """Return the loop that serves the API, none if it is off. What it changes is in force before it answers.

    `waiting` tells how many exits and how many entries wait for an operator wallet.
    """
    if not settings.api or settings.api_token is None:
        return {}
    from remora.api.application import Api  # noqa: PLC0415  FastAPI takes a second to import, and the API is off mostly
    from remora.api.server import serve  # noqa: PLC0415  the same

    outside = hearing.outside
    api = Api(
        registry=Registry(policies=outside.policies, leaders=outside.leaders, fleet=outside.fleet, clock=outside.clock),
        token=settings.api_token.get_secret_value(),
        on_change=hearing.read_changes,
        revision=lambda: hearing.policies.revision,
        waiting=waiting,
    )
    application, (host, port) = api.application(), host_and_port(settings.api)

    async def run() -> None:
        await serve(application, host, port)

    return {"api": run}
