"""The rules that a start puts in force: the database's, after a file that is set has taken their place."""

from __future__ import annotations

import structlog

from remora.adapters.clock import SystemClock
from remora.adapters.store.database import opened
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.rules import SqlitePolicyStore
from remora.adapters.store.writer import Writer
from remora.registry import Registry
from remora.settings.environment import Settings
from remora.settings.policies.reader import text_of

log = structlog.get_logger()


def registry_on(writer: Writer) -> Registry:
    """Return the registry of policies of a database."""
    return Registry(
        policies=SqlitePolicyStore(writer),
        leaders=SqliteLeaderStore(writer),
        fleet=SqliteFleetStore(writer),
        clock=SystemClock(),
    )


async def import_file(settings: Settings) -> None:
    """Take up the policy file that is set, as `remora policy import --replace` would; BadRules when it is not right."""
    if settings.policies is None:
        return
    text = text_of(settings.policies)
    with opened(settings.database) as writer:
        did = await registry_on(writer).take_in(text, str(settings.policies), replace=True)
    log.info("policies_imported", added=did.added, changed=did.changed, removed=did.removed, unchanged=did.unchanged)
