"""JSON-RPC 2.0 as nodes speak it: requests, and what can go wrong with one.

A request fails in one of two ways. `NodeError`: the node answered with an error object, so it did not do what was
asked. `AnswerLost`: the request was sent and no answer will come, so it may have been done.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from remora.domain.errors import OperatorError, Refused, Retryable

_INVALID_REQUEST, _METHOD_NOT_FOUND, _INVALID_PARAMS = -32600, -32601, -32602
_INTERNAL = -32603
_EXECUTION_REVERTED = 3
_LIMIT_EXCEEDED = -32005
_TOO_MANY_REQUESTS = 429

_RATE_LIMIT_WORDS = ("rate limit", "request rate", "request count", "too many requests", "compute units", "capacity")
_TOO_WIDE_WORDS = (
    "exceed", "limited to", "more than", "ranges over", "too large", "too many", "too wide", "too big", "up to a",
    "range limit", "max range", "maximum range", "response size", "timeout", "timed out", "took too long",
)  # fmt: skip
"""Alchemy, Ankr, bor, Chainstack, dRPC, Infura, QuickNode and others each have their own phrase for it."""

_UNKNOWN_BLOCK_WORDS = (
    "unknown block", "unknown header", "missing block", "block not found", "header not found",
    "beyond current head", "blockoutofrange",
)  # fmt: skip
"""The last two are geth's and anvil's, with the code of a wrong request: the head is lower than it was."""

_RATE_LIMIT_DELAY_S = 2.0

_write = json.JSONEncoder(separators=(",", ":")).encode


class Written(str):
    """JSON text that goes into a frame as it is: written once for many requests, or by hand for thousands at once."""

    __slots__ = ()


class Request(NamedTuple):
    """One call: a method and its positional parameters, each `Written` or still to be."""

    method: str
    params: tuple[Any, ...] = ()

    def frame(self, request_id: int) -> str:
        """Return the call as JSON."""
        params = ",".join(each if isinstance(each, Written) else _write(each) for each in self.params)
        return f'{{"jsonrpc":"2.0","id":{request_id},"method":"{self.method}","params":[{params}]}}'


class AnswerLost(Retryable):
    """The request was sent and no answer will come: a read is safe to repeat, whatever else may have happened."""


class NodeError(Refused):
    """The node answered with an error object. `code` is JSON-RPC's, EIP-1474's or the provider's own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def is_internal(self) -> bool:
        """Whether the node failed half-way, so that its error proves nothing."""
        return self.code == _INTERNAL or self.says("timeout", "timed out")

    @property
    def is_rate_limit(self) -> bool:
        """Whether the node did not even look at the request."""
        return self.code == _TOO_MANY_REQUESTS or self.says(*_RATE_LIMIT_WORDS)

    @property
    def is_too_wide(self) -> bool:
        """Whether a query for logs spans more blocks, or finds more logs, than the node will return."""
        return not self.is_rate_limit and (self.code == _LIMIT_EXCEEDED or self.says(*_TOO_WIDE_WORDS))

    @property
    def is_unknown_block(self) -> bool:
        """Whether the node has no such block: not yet, or not any more."""
        return self.says(*_UNKNOWN_BLOCK_WORDS)

    def says(self, *words: str) -> bool:
        """Whether one of the words, given in lower case, is among the node's."""
        said = self.reason.lower()
        return any(word in said for word in words)


def node_error(raw: Any) -> NodeError:
    """Read an error object. Nodes put their words into `message`; whatever else they send is passed on as text."""
    fields = raw if isinstance(raw, dict) else {"message": raw}
    code = fields.get("code")
    return NodeError(code if isinstance(code, int) else 0, str(fields.get("message", raw)))


def read_error(error: NodeError) -> Retryable | OperatorError:
    """Return what an error means to somebody who only reads.

    A request that the node cannot understand, or a contract that reverts a plain read, is a wrong set-up:
    OperatorError. All else is the node's trouble and passes: rate limits, blocks it does not have, internal errors.
    """
    if error.is_rate_limit:
        return Retryable(f"the node limits our rate: {error.reason}", _RATE_LIMIT_DELAY_S)
    if error.is_unknown_block:
        return Retryable(f"the node has no such block: {error.reason}")
    if error.code in {_INVALID_REQUEST, _METHOD_NOT_FOUND, _INVALID_PARAMS, _EXECUTION_REVERTED}:
        return OperatorError(f"the node refuses a read: {error.reason} (code {error.code})")
    if "revert" in error.reason.lower():
        return OperatorError(f"a contract refuses a read: {error.reason}")
    return Retryable(f"the node failed: {error.reason} (code {error.code})")
