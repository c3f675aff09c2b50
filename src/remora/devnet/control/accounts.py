"""Accounts on demand: any number of wallets of one kind, funded, approved and with API keys, by one call.

They are derived from a public seed: the same calls on a fresh devnet give the same addresses, keys and API keys. A
second call of the same kind and seed gives the next ones.
"""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from eth_utils.crypto import keccak
from pydantic import Field, model_validator

from remora.devnet.abi import calldata
from remora.devnet.accounts import DevnetAccount, Role, on_demand, scripted
from remora.devnet.clob.auth import ApiKey, Gatekeeper
from remora.devnet.clob.orders import SignatureType
from remora.devnet.clob.sessions import Scope, Session, Sessions
from remora.devnet.control.terms import AmountText, CoinsText, Terms
from remora.devnet.endpoints import Market
from remora.devnet.faults.catalogue import Invalid, Problem
from remora.devnet.faults.fault import TokenText
from remora.devnet.funding import Funding
from remora.devnet.generations import ledger_of
from remora.devnet.remembering import Remembering
from remora.devnet.transactions import Act, transact
from remora.devnet.wallets import Wallets
from remora.domain.ids import Address
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.wallets import WalletKind

#: Shares that are handed out come from here.
_GIVER = scripted(Role.OWNER, 2).address
#: As long as the venue's own session keys live (polymarket.md 5).
_SESSION_S = 4_315 * 3600
_MOST = 10_000
NEVER_S = 2**40
"""When memberships of the Clearinghouse end, as a unix time in seconds."""


class AccountKind(StrEnum):
    """What trades: a plain account, one of the wallets of an account, or a session key of a deposit wallet."""

    EOA = "eoa"
    PROXY = "proxy"
    SAFE = "safe"
    DEPOSIT = "deposit"
    SESSION = "session"

    @property
    def wallet(self) -> WalletKind | None:
        """The kind of wallet that trades, if it is not the account itself."""
        match self:
            case AccountKind.EOA:
                return None
            case AccountKind.PROXY:
                return WalletKind.PROXY
            case AccountKind.SAFE:
                return WalletKind.SAFE
            case AccountKind.DEPOSIT | AccountKind.SESSION:
                return WalletKind.DEPOSIT
            case _:
                assert_never(self)

    @property
    def signature_type(self) -> SignatureType:
        """What orders of it say of their signature."""
        match self.wallet:
            case None:
                return SignatureType.EOA
            case WalletKind.PROXY:
                return SignatureType.PROXY
            case WalletKind.SAFE:
                return SignatureType.SAFE
            case WalletKind.DEPOSIT:
                return SignatureType.DEPOSIT_WALLET
            case kind:
                assert_never(kind)


class AccountTerms(Terms):
    """What the accounts of one call shall be like; each gets all that is named here."""

    kind: AccountKind = Field(description="eoa, proxy, safe, deposit or session")
    count: int = Field(default=1, ge=1, le=_MOST, description="how many")
    collateral: AmountText = Field(default="10000", description="collateral of the trading wallet, in decimals")
    native: CoinsText = Field(default="1", description="native coins of trading wallet, signer and owner, in decimals")
    shares: dict[TokenText, AmountText] = Field(default={}, description="shares of the trading wallet, by token id")
    daily_limit: AmountText | None = Field(
        default=None, description="makes followers: the Clearinghouse is approved, and joined with this limit a day"
    )
    scopes: tuple[Scope, ...] = Field(default=(Scope.ALL,), min_length=1, description="of a session key")
    expires_in_s: int = Field(default=_SESSION_S, ge=1, le=10**9, description="of a session key, in seconds from now")
    seed: int = Field(default=0, ge=0, description="another seed, unrelated accounts")

    @model_validator(mode="after")
    def _only_sessions_have_scopes(self) -> AccountTerms:
        given = self.model_fields_set & {"scopes", "expires_in_s"}
        if given and self.kind is not AccountKind.SESSION:
            raise ValueError(f"{' and '.join(sorted(given))} can only be named for the kind session")
        if Scope.ALL in self.scopes and len(self.scopes) > 1:
            raise ValueError("the scope ALL is given alone")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingAccount:
    """A wallet that can trade at once.

    `address` is the trading wallet, `signer` the account that signs its orders and owns the API key. A session key also
    has an `owner`, the account that the wallet belongs to, and a `session`: what it may do, and until when.
    """

    kind: AccountKind
    address: Address
    signer: DevnetAccount
    api_key: ApiKey
    owner: DevnetAccount | None = None
    session: Session | None = field(default=None)

    def shown(self) -> dict[str, Any]:
        """Return all there is to know of it, keys and secrets too: that is what it was asked for."""
        key = self.api_key
        shown: dict[str, Any] = {
            "kind": self.kind,
            "address": self.address,
            "signer": self.signer.address,
            "private_key": self.signer.private_key,
            "signature_type": int(self.kind.signature_type),
            "api_key": {"key": key.key, "secret": key.secret, "passphrase": key.passphrase},
        }
        if self.owner is not None and self.session is not None:
            shown["owner"] = {"address": self.owner.address, "private_key": self.owner.private_key}
            shown["scopes"] = sorted(self.session.scopes)
            shown["valid_until_s"] = self.session.valid_until_s
        return shown


class AccountsOnDemand(Remembering):
    """Makes accounts on one devnet.

    `market_of` finds a market by one of its token ids; `catch_up` returns when the venue knows what is on chain.
    """

    remembered = ("_made",)

    def __init__(
        self,
        *,
        funding: Funding,
        gatekeeper: Gatekeeper,
        sessions: Sessions,
        market_of: Callable[[int], Market | None],
        catch_up: Callable[[], Awaitable[None]],
        now_s: Callable[[], int],
    ) -> None:
        self._funding = funding
        self._wallets = Wallets(node=funding.node, contracts=funding.contracts)
        self._gatekeeper = gatekeeper
        self._sessions = sessions
        self._market_of = market_of
        self._catch_up = catch_up
        self._now_s = now_s
        self._made: Counter[tuple[AccountKind, int]] = Counter()

    def check(self, terms: AccountTerms) -> None:
        """Raise `Invalid` for what this devnet does not have."""
        unknown = [token for token in terms.shares if self._market_of(int(token)) is None]
        if unknown:
            text = "no market of this devnet has this token"
            raise Invalid(*(Problem(place=("shares", token), text=text) for token in unknown))

    async def make(self, terms: AccountTerms) -> tuple[TradingAccount, ...]:
        """Make accounts that can trade when this returns.

        Raise `Invalid` before anything is done, and `Refused` when the chain refuses: then no account is known to
        anybody, and what was made so far is never handed out.
        """
        self.check(terms)
        numbers = self._reserve(terms)
        owners = [on_demand(terms.kind, number, seed=terms.seed) for number in numbers]
        wallets = await self._wallets_of([owner.address for owner in owners], terms.kind.wallet)
        await self._fund(wallets, owners, terms)
        if terms.kind is AccountKind.SESSION:
            made = await self._with_sessions(wallets, owners, numbers, terms)
        else:
            made = tuple(
                TradingAccount(kind=terms.kind, address=wallet, signer=owner, api_key=self._enrolled(owner))
                for wallet, owner in zip(wallets, owners, strict=True)
            )
        await self._catch_up()
        return made

    def _reserve(self, terms: AccountTerms) -> range:
        first = self._made[terms.kind, terms.seed]
        self._made[terms.kind, terms.seed] += terms.count
        return range(first, first + terms.count)

    async def _wallets_of(self, owners: Sequence[Address], kind: WalletKind | None) -> list[Address]:
        return list(owners) if kind is None else await self._wallets.make_many(kind, owners)

    async def _fund(self, wallets: Sequence[Address], owners: Sequence[DevnetAccount], terms: AccountTerms) -> None:
        native = Wei.parse(terms.native)
        if terms.kind.wallet is not None:
            await self._funding.fund([owner.address for owner in owners], native=native)
        await self._funding.fund(
            wallets,
            collateral=Collateral.parse(terms.collateral),
            native=native,
            approve_exchanges=True,
            approve_clearinghouse=terms.daily_limit is not None,
        )
        if terms.daily_limit is not None:
            await self._funding.join(wallets, daily_limit=Collateral.parse(terms.daily_limit), expires_at_s=NEVER_S)
        for token, amount in terms.shares.items():
            await self._give(wallets, int(token), Shares.parse(amount))

    async def _give(self, wallets: Sequence[Address], token: int, shares: Shares) -> None:
        """Give each wallet shares of one outcome; those of the other one stay with the giver."""
        market = self._market_of(token)
        assert market is not None
        total = shares.units * len(wallets)
        await self._funding.fund([_GIVER], collateral=Collateral(total), native=Wei.parse("1000"))
        await self._funding.split(_GIVER, market, Shares(total))
        ledger = ledger_of(self._funding.contracts, token)
        signature = "safeTransferFrom(address,address,uint256,uint256,bytes)"
        gifts = (calldata(signature, _GIVER, wallet, token, shares.units, b"") for wallet in wallets)
        await transact(self._funding.node, [Act(sender=_GIVER, to=ledger, data=gift) for gift in gifts])

    async def _with_sessions(
        self,
        wallets: Sequence[Address],
        owners: Sequence[DevnetAccount],
        numbers: Sequence[int],
        terms: AccountTerms,
    ) -> tuple[TradingAccount, ...]:
        """Let a key of its own trade for each wallet: on chain, and at the venue."""
        signers = [on_demand("session key", number, seed=terms.seed) for number in numbers]
        valid_until_s = self._now_s() + terms.expires_in_s
        await self._funding.fund([signer.address for signer in signers], native=Wei.parse(terms.native))
        await transact(
            self._funding.node,
            [
                Act(sender=wallet, to=wallet, data=_authorization(signer, valid_until_s))
                for wallet, signer in zip(wallets, signers, strict=True)
            ],
        )
        made = []
        for wallet, owner, signer in zip(wallets, owners, signers, strict=True):
            session = Session(
                wallet=wallet, signer=signer.address, scopes=frozenset(terms.scopes), valid_until_s=valid_until_s
            )
            self._sessions.authorize(session)
            key = self._enrolled(signer)
            made.append(
                TradingAccount(
                    kind=terms.kind, address=wallet, signer=signer, api_key=key, owner=owner, session=session
                )
            )
        return tuple(made)

    def _enrolled(self, signer: DevnetAccount) -> ApiKey:
        return self._gatekeeper.enrol(_api_key(signer))


def listed(accounts: Sequence[TradingAccount]) -> Mapping[str, Any]:
    """Return accounts as the control API answers with them."""
    return {"accounts": [account.shown() for account in accounts]}


def _authorization(signer: DevnetAccount, valid_until_s: int) -> bytes:
    return calldata("authorizeSessionSigner(address,uint256)", signer.address, valid_until_s)


def _api_key(signer: DevnetAccount) -> ApiKey:
    """Derive an API key from an account's private key, in the form of those that the venue draws at random."""
    digest = keccak(text=f"remora devnet API key of {signer.private_key}")
    return ApiKey(
        address=signer.address,
        key=str(uuid.UUID(bytes=digest[:16], version=4)),
        secret=base64.urlsafe_b64encode(keccak(digest)).decode(),
        passphrase=keccak(keccak(digest)).hex(),
    )
