"""Leaders, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remora.domain.ids import Address
from remora.domain.money import Collateral
from remora.domain.signal import SignalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """A wallet that is listened to, with or without policies."""

    wallet: Address
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderStats:
    """What a leader did since it was first heard.

    Buys, sells, roles and `collateral`, its volume, are those of its trades; `exits` counts what else took its shares,
    by kind. `late_us` holds samples by source: the microseconds from the block's time, which has
    whole seconds, to when the source told of the trade.
    """

    wallet: Address
    buys: int
    sells: int
    as_maker: int
    as_taker: int
    collateral: Collateral
    exits: Mapping[SignalKind, int]
    late_us: Mapping[str, Sequence[int]]
