"""Policy files for tests, as texts."""

from __future__ import annotations

from remora.domain.ids import Address

FOLLOWER, LEADER, OTHER = "0x" + 40 * "F", "0x" + 40 * "A", "0x" + 40 * "1"
follower, leader = Address(FOLLOWER.lower()), Address(LEADER.lower())


def entry(**changes: str) -> str:
    """Return a policy whose follower, leader and then changed fields have a line each."""
    fields = {"follower": f'"{FOLLOWER}"', "leader": f'"{LEADER}"'} | changes
    return "  - " + "\n    ".join(f"{name}: {value}" for name, value in fields.items()) + "\n"


def file(*entries: str) -> str:
    """Return a file of such policies."""
    return "policies:\n" + "".join(entries)
