"""What a real node tells of one transaction: how much of its position a wallet let go there."""

from __future__ import annotations

from pydantic import SecretStr

from remora.bootstrap.inquiry import fetch_held_before, fetch_receipt
from remora.detect.moves import Move
from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted_range
from remora.devnet.anvil import Anvil
from remora.devnet.transactions import Act, transact
from remora.domain.chain import LogFilter
from remora.domain.contracts import TRANSFER_SINGLE, Contracts
from remora.domain.ids import Address
from remora.domain.money import Collateral, Shares
from remora.domain.signal import SignalKind
from remora.settings.environment import NodeSettings
from tests.contract.chain.world import World

HOLDER, FRIEND = (account.address for account in scripted_range(Role.FOLLOWER, 2))


async def test_what_a_wallet_held_before_a_gift(anvil: Anvil, world: World) -> None:
    await world.funding.fund([HOLDER], collateral=Collateral(10**9))
    await world.stock(HOLDER, Shares(1_000))
    ledger = Address(world.contracts.conditional_tokens)
    for units in (400, 150):
        gift = calldata(
            "safeTransferFrom(address,address,uint256,uint256,bytes)", HOLDER, FRIEND, world.yes, units, b""
        )
        await transact(world.node, [Act(sender=HOLDER, to=ledger, data=gift)])
    received = LogFilter(addresses=(ledger,), topics=((TRANSFER_SINGLE,), None, None, (padded(FRIEND),)))
    logs = await world.reader.logs([received], 0, (await world.reader.head()).number)
    tx_hash = logs[-1].tx_hash
    assert tx_hash is not None

    settings = NodeSettings(rpc_ws_url=SecretStr(anvil.rpc_ws_url))
    receipt = await fetch_receipt(settings, tx_hash)
    assert receipt is not None
    known = Contracts(exchanges=frozenset(), ledgers=frozenset({ledger}), collaterals=frozenset(), adapters=frozenset())
    ((exit_, held),) = (await fetch_held_before(settings, receipt, HOLDER, known)).items()
    assert isinstance(exit_, Move)
    assert (exit_.kind, exit_.shares, held) == (SignalKind.TRANSFER, Shares(-150), Shares(600))
    assert await fetch_held_before(settings, receipt, FRIEND, known) == {}


def padded(wallet: Address) -> str:
    return "0x" + wallet[2:].rjust(64, "0")
