"""Changes the chain's state behind everybody's back: balances, approvals, pauses.

Everything happens in real transactions of the wallet itself, mined at once, so that logs tell of it; the wallet's
account nonce is what it was before, or its owner's next transaction would never be mined.
"""

from __future__ import annotations

from dataclasses import dataclass

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.control.pause import Pause
from remora.devnet.deployment import OWNER
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.faults.state import (
    Depeg,
    PauseExchange,
    PauseToken,
    SetAllowance,
    SetApproval,
    SetCollateral,
    SetShares,
)
from remora.devnet.funding import Funding
from remora.devnet.generations import exchange_versions, ledger_of
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address, TokenId
from remora.domain.money import Collateral, Price, Shares

#: The price feed has two decimals more than prices have here.
_FEED_UNITS = 100
#: Where it comes from and goes to.
ELSEWHERE = scripted(Role.OWNER, 1).address


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The chain as somebody sees it who may act as everybody."""

    node: Node
    contracts: Contracts
    funding: Funding
    pause: Pause

    async def set_collateral(self, fault: SetCollateral) -> None:
        """Leave a wallet with so much collateral."""
        wallet, wanted = Address(fault.wallet), Collateral.parse(fault.amount)
        held = await collateral_of(self.node, self.contracts, wallet)
        if held < wanted:
            mint = calldata("mint(address,uint256)", wallet, wanted.units - held.units)
            await transact(self.node, [Act(sender=OWNER, to=Address(self.contracts.collateral), data=mint)])
        elif held > wanted:
            move = calldata("transfer(address,uint256)", ELSEWHERE, held.units - wanted.units)
            await self._unnoticed(wallet, self.contracts.collateral, move)

    async def set_shares(self, fault: SetShares, market: Market) -> None:
        """Leave a wallet with so many shares of one outcome of a market."""
        wallet, token_id = Address(fault.wallet), TokenId(int(fault.token))
        wanted, ledger = Shares.parse(fault.amount), ledger_of(self.contracts, token_id)
        held = await shares_of(self.node, self.contracts, wallet, token_id)
        if held < wanted:
            missing = wanted.units - held.units
            await self.funding.fund([ELSEWHERE], collateral=Collateral(missing))
            await self.funding.split(ELSEWHERE, market, Shares(missing))
            await self._unnoticed(ELSEWHERE, ledger, _move(ELSEWHERE, wallet, token_id, missing))
        elif held > wanted:
            surplus = held.units - wanted.units
            await self._unnoticed(wallet, ledger, _move(wallet, ELSEWHERE, token_id, surplus))

    async def set_allowance(self, fault: SetAllowance) -> None:
        """Let a contract take so much of a wallet's collateral."""
        spender, units = getattr(self.contracts, fault.spender), Collateral.parse(fault.amount).units
        approve = calldata("approve(address,uint256)", spender, units)
        await self._unnoticed(Address(fault.wallet), self.contracts.collateral, approve)

    async def set_approval(self, fault: SetApproval) -> None:
        """Let a contract move a wallet's shares, or no longer."""
        approve = calldata("setApprovalForAll(address,bool)", getattr(self.contracts, fault.spender), fault.approved)
        for ledger in (self.contracts.conditional_tokens, self.contracts.position_manager):
            await self._unnoticed(Address(fault.wallet), ledger, approve)

    async def pause_token(self, fault: PauseToken) -> None:
        """Stop a token's transfers, or let them go on."""
        await self.pause.set(Address(getattr(self.contracts, fault.contract)), is_paused=fault.paused)

    async def pause_exchange(self, fault: PauseExchange) -> None:
        """Stop an exchange, or let it go on."""
        data = calldata("pauseTrading()" if fault.paused else "unpauseTrading()")
        await transact(self.node, [Act(sender=OWNER, to=Address(getattr(self.contracts, fault.contract)), data=data)])

    async def depeg(self, fault: Depeg) -> None:
        """Have the price feed say a price, in its 8 decimals; nothing happens when it says so already."""
        feed, answer = Address(self.contracts.price_feed), Price.parse(fault.price).units * _FEED_UNITS
        latest = await self.node.view(feed, calldata("latestRoundData()"))
        if int.from_bytes(latest[32:64]) != answer:
            await transact(self.node, [Act(sender=OWNER, to=feed, data=calldata("set_answer(int256)", answer))])

    async def end_pauses(self) -> None:
        """Let every token and exchange go on."""
        for token in ("collateral", "conditional_tokens", "position_manager"):
            await self.pause.set(Address(getattr(self.contracts, token)), is_paused=False)
        for exchange in exchange_versions(self.contracts):
            if any(await self.node.view(exchange, calldata("paused()"))):
                await transact(self.node, [Act(sender=OWNER, to=exchange, data=calldata("unpauseTrading()"))])

    async def _unnoticed(self, wallet: Address, contract: str, data: bytes) -> None:
        native = await self.node.call("eth_getBalance", wallet, "latest")
        await self.node.call("anvil_setBalance", wallet, hex(int(native, 16) + 10**18))
        await transact(self.node, [Act(sender=wallet, to=Address(contract), data=data)])
        nonce = int(await self.node.call("eth_getTransactionCount", wallet, "latest"), 16)
        await self.node.call("anvil_setNonce", wallet, hex(nonce - 1))
        await self.node.call("anvil_setBalance", wallet, native)


def _move(sender: str, receiver: str, token_id: int, units: int) -> bytes:
    signature = "safeTransferFrom(address,address,uint256,uint256,bytes)"
    return calldata(signature, sender, receiver, token_id, units, b"")
