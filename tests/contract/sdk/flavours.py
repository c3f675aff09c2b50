"""The SDK's clients behind one way to call them: who blocks is called in a thread, who does not is awaited."""

from __future__ import annotations

import asyncio
import inspect
from enum import Enum
from typing import Any, TypeAlias

from polymarket import AsyncPublicClient, AsyncSecureClient, PublicClient, SecureClient

SecureSdk: TypeAlias = AsyncSecureClient | SecureClient
Sdk: TypeAlias = SecureSdk | AsyncPublicClient | PublicClient


class Flavour(Enum):
    """The four clients."""

    ASYNC = AsyncSecureClient
    BLOCKING = SecureClient
    ASYNC_PUBLIC = AsyncPublicClient
    BLOCKING_PUBLIC = PublicClient

    @property
    def blocks(self) -> bool:
        return self in (Flavour.BLOCKING, Flavour.BLOCKING_PUBLIC)

    @property
    def is_secure(self) -> bool:
        return self in (Flavour.ASYNC, Flavour.BLOCKING)

    async def call(self, target: Any, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of one of this client's objects, and return what it comes to."""
        bound = getattr(target, method)
        if self.blocks:
            return await asyncio.to_thread(bound, *arguments, **named)
        answer = bound(*arguments, **named)
        return await answer if inspect.isawaitable(answer) else answer

    async def connect(self, **terms: Any) -> Any:
        """Return a client: a secure one by its `create`, a public one by its constructor."""
        if self.is_secure:
            return await self.call(self.value, "create", **terms)
        return self.value(**terms)


def methods_of(flavour: Flavour) -> set[str]:
    """Return the names of all that a client offers."""
    return {name for name in dir(flavour.value) if not name.startswith("_")}
