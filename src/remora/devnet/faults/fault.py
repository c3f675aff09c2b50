"""What every fault has: a name, and for those that last, a scope, an end and a seed.

A fault's class is its entry in the catalogue: the first line of the docstring says what it does, the fields with their
descriptions are its parameters. Unknown parameters are refused.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from remora.devnet.faults.occasion import Occasion

AddressText = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$"), AfterValidator(str.lower)]
TokenText = Annotated[str, Field(pattern=r"^[0-9]{1,78}$")]


class Fault(BaseModel):
    """Anything that can be injected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]


class Instant(Fault):
    """A fault that is done once, when it is injected."""


class Lasting(Fault):
    """A fault that strikes what is in its scope until its end: a count, a duration, or until it is cleared."""

    wallet: AddressText | None = Field(default=None, description="only what mentions this wallet")
    token: TokenText | None = Field(default=None, description="only what mentions this token id")
    endpoint: str | None = Field(default=None, description="only this endpoint or method")
    count: int | None = Field(default=None, ge=1, description="ends after so many strikes")
    duration_s: float | None = Field(default=None, gt=0, le=86_400, description="ends after so many seconds")
    chance_percent: int = Field(default=100, ge=1, le=100, description="strikes so many of a hundred occasions")
    seed: int = Field(default=0, description="which occasions those are; the same seed, the same ones")

    def matches(self, occasion: Occasion) -> bool:
        """Tell whether an occasion is in scope."""
        return (
            self.endpoint in (None, occasion.endpoint, occasion.endpoint.partition(" ")[2])
            and (self.wallet is None or self.wallet in occasion.wallets)
            and (self.token is None or self.token in occasion.tokens)
        )

    def chooses(self, ordinal: int) -> bool:
        """Tell whether the seed picks the occasion of this number, counted from 0."""
        digest = hashlib.sha256(f"{self.seed} {ordinal}".encode()).digest()
        return int.from_bytes(digest[:4]) % 100 < self.chance_percent
