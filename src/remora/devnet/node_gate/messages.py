"""JSON-RPC messages as the gate reads and writes them: requests one by one, also out of a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: its id, method and parameters."""

    id: Any
    method: str
    params: tuple[Any, ...]

    def with_params(self, *params: Any) -> Call:
        """Return the same call of other parameters."""
        return replace(self, params=params)

    def message(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": self.params}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The requests that came together: one, or a batch."""

    calls: tuple[Call, ...]
    is_batch: bool


def read_frame(text: str | bytes) -> Frame | None:
    """Read what a client sent; None when it is nothing that the gate understands, and the chain may judge it."""
    try:
        content = json.loads(text)
        entries = content if isinstance(content, list) else [content]
        calls = tuple(_call(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Frame(calls=calls, is_batch=isinstance(content, list)) if calls else None


def _call(entry: dict[str, Any]) -> Call:
    return Call(id=entry["id"], method=str(entry["method"]), params=tuple(entry.get("params", ())))


def result(call: Call, value: Any) -> dict[str, Any]:
    """Return the answer to a call."""
    return {"jsonrpc": "2.0", "id": call.id, "result": value}


def refusal(call: Call, text: str, code: int = -32003) -> dict[str, Any]:
    """Return an error in answer to a call; -32003 is anvil's "transaction rejected"."""
    return {"jsonrpc": "2.0", "id": call.id, "error": {"code": code, "message": text}}


def dumps(value: object) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"))
