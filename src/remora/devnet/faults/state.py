"""Faults of the chain's state: what wallets have changes behind everybody's back, contracts stop, blocks slow down."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from remora.devnet.faults.fault import AddressText, Instant, TokenText

AmountText = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Spender = Literal["exchange", "neg_risk_exchange", "exchange_v3", "clearinghouse"]
_SPENDERS = "exchange, neg_risk_exchange, exchange_v3 or clearinghouse"


class BlockTime(Instant):
    """Blocks come at another interval from now on."""

    name: ClassVar[str] = "block-time"

    seconds: float = Field(ge=0.05, le=3600, description="seconds between blocks, with fractions if wanted")


class SetCollateral(Instant):
    """A wallet's collateral is moved away, or added to, until it is this much."""

    name: ClassVar[str] = "set-collateral"

    wallet: AddressText = Field(description="whose")
    amount: AmountText = Field(description="how much it has afterwards, in decimals")


class SetShares(Instant):
    """A wallet's shares of one outcome are moved away, or added to, until they are this many."""

    name: ClassVar[str] = "set-shares"

    wallet: AddressText = Field(description="whose")
    token: TokenText = Field(description="of which outcome")
    amount: AmountText = Field(description="how many it has afterwards, in decimals")


class SetAllowance(Instant):
    """What a contract may take of a wallet's collateral becomes this much."""

    name: ClassVar[str] = "set-allowance"

    wallet: AddressText = Field(description="whose")
    spender: Spender = Field(description=_SPENDERS)
    amount: AmountText = Field(description="the allowance afterwards, in decimals")


class SetApproval(Instant):
    """A contract may move a wallet's shares, or no longer."""

    name: ClassVar[str] = "set-approval"

    wallet: AddressText = Field(description="whose")
    spender: Spender = Field(description=_SPENDERS)
    approved: bool = Field(default=False, description="whether it may")


class Depeg(Instant):
    """The price feed says another price of the collateral from now on."""

    name: ClassVar[str] = "depeg"

    price: Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$")] = Field(
        default="0.9", description="what one unit is worth; 1 ends it"
    )


class PauseToken(Instant):
    """Transfers of a token revert while it is paused; its balances can still be read."""

    name: ClassVar[str] = "pause-token"

    contract: Literal["collateral", "conditional_tokens", "position_manager"] = Field(
        default="collateral", description="collateral, conditional_tokens or position_manager"
    )
    paused: bool = Field(default=True, description="false ends the pause")


class PauseExchange(Instant):
    """An exchange refuses all matches while it is paused."""

    name: ClassVar[str] = "pause-exchange"

    contract: Literal["exchange", "neg_risk_exchange", "exchange_v3"] = Field(
        default="exchange", description="exchange, neg_risk_exchange or exchange_v3"
    )
    paused: bool = Field(default=True, description="false ends the pause")
