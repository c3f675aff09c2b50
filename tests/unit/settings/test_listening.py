"""Where the API listens, and which tokens are taken."""

from __future__ import annotations

import pytest

from remora.settings.listening import host_and_port, listen_address, refuse_weak_token


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8700", "127.0.0.1", 8700),
        (":8700", "127.0.0.1", 8700),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("remora.local:65535", "remora.local", 65535),
        ("[::1]:8700", "::1", 8700),
    ],
)
def test_a_port_is_of_this_machine_unless_a_host_is_named(text: str, host: str, port: int) -> None:
    assert host_and_port(listen_address(text)) == (host, port)


@pytest.mark.parametrize("text", ["0", "65536", "localhost", "localhost:", "localhost:http", "1.5", "-1"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected PORT or HOST:PORT"):
        listen_address(text)


@pytest.mark.parametrize("token", ["", "fifteen-letters", "sixteen letters!", "sixteen-létters!", "sixteen\nletters!"])
def test_weak_tokens_are_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="at least 16 characters") as refused:
        refuse_weak_token(token)
    assert not token or token not in str(refused.value)


def test_a_strong_token_is_taken() -> None:
    refuse_weak_token("sixteen-letters!")
