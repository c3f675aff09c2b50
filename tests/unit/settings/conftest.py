"""An environment with nothing of ours in it but what a test sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

WORDS = "these dozen words stand for a mnemonic that must never be seen"
KEY = "k3y-of-the-provider"

COMPLETE = {
    "TRADING_MNEMONIC": WORDS,
    "REMORA_RPC_WS_URL": f"wss://polygon.example:8443/v2/{KEY}",
    "REMORA_CLOB_URL": "https://clob.example/",
    "REMORA_CHAIN_ID": "137",
    "REMORA_EXCHANGE": "0xE111180000d2663C0091e4f400237545B87B996B",
    "REMORA_NEG_RISK_EXCHANGE": "0xe2222d279d744050d28e00520010520000310F59",
    "REMORA_EXCHANGE_V3": "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa",
    "REMORA_CONDITIONAL_TOKENS": "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045",
    "REMORA_POSITION_MANAGER": "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF",
    "REMORA_COLLATERAL": "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB",
    "REMORA_CLEARINGHOUSE": "0x" + 40 * "C",
}

Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Return a function that sets all required variables, changed as asked; None leaves one out."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith(("REMORA_", "TRADING_"))]:
        monkeypatch.delenv(name)

    def fill(**changes: str | None) -> None:
        for name, value in {**COMPLETE, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)

    return fill
