"""Faults of a node as its clients see it; the chain behind it goes on, except in a reorg."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from remora.devnet.faults.fault import Instant, Lasting
from remora.devnet.faults.occasion import Occasion


class NodeFault(Lasting):
    """A fault of one of the devnet's two nodes, or of both."""

    node: int | None = Field(default=None, ge=1, le=2, description="only this node: 1 or 2")

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether an occasion is in scope and at this node."""
        return self.node in (None, occasion.node) and super().matches(occasion)


class NodeSilence(NodeFault):
    """Subscriptions stay open and send nothing; the endpoint is newHeads or logs."""

    name: ClassVar[str] = "node-silence"


class NodeClose(NodeFault):
    """The node closes a connection instead of sending the next request's answer or the next event."""

    name: ClassVar[str] = "node-close"


class LaggingHead(NodeFault):
    """The node knows only what was so many blocks ago, in answers and in events."""

    name: ClassVar[str] = "lagging-head"

    blocks: int = Field(default=3, ge=1, le=64, description="how far it is behind")


class NullReceipt(NodeFault):
    """The node does not find receipts that are there."""

    name: ClassVar[str] = "null-receipt"


class NonceError(NodeFault):
    """The node refuses a transaction for its nonce; it is not in the pool."""

    name: ClassVar[str] = "nonce-error"

    message: Literal["nonce too low", "nonce too high", "already known"] = Field(
        default="nonce too low", description='"nonce too low", "nonce too high" or "already known"'
    )


class StuckTransaction(NodeFault):
    """An accepted transaction is pending and never mined, until one with its nonce pays a tenth more."""

    name: ClassVar[str] = "stuck-transaction"


class DroppedTransaction(NodeFault):
    """An accepted transaction vanishes from the pool."""

    name: ClassVar[str] = "dropped-transaction"


class Reorg(Instant):
    """The last blocks are replaced by empty ones; who subscribed to their logs hears them again, `removed: true`."""

    name: ClassVar[str] = "reorg"

    depth: int = Field(default=1, ge=1, le=10, description="how many blocks, 1 to 10")
    removed_logs: bool = Field(default=True, description="whether the withdrawn logs are sent")


NODE_FAULTS = (
    *(NodeSilence, NodeClose, LaggingHead, NullReceipt),
    *(NonceError, StuckTransaction, DroppedTransaction),
)
