"""Where a server listens, as it is set: a port of this machine only, or a host and a port."""

from __future__ import annotations

LOOPBACK = "127.0.0.1"
MOST = 65_535
SHORTEST_TOKEN = 16


def listen_address(text: str) -> str:
    """Return HOST:PORT of what is set, this machine only without a host; ValueError when it is neither."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) <= MOST:
        raise ValueError(f"expected PORT or HOST:PORT, found {text!r}")
    return f"{host or LOOPBACK}:{int(port)}"


def host_and_port(listens: str) -> tuple[str, int]:
    """Return the parts of HOST:PORT; an IPv6 host without its brackets."""
    host, _, port = listens.rpartition(":")
    return host.strip("[]"), int(port)


def refuse_weak_token(token: str) -> None:
    """Raise ValueError for a token that could be guessed, or that no header can carry."""
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            f"expected at least {SHORTEST_TOKEN} characters of ASCII without spaces, found others or fewer"
        )
