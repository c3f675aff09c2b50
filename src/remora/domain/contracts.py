"""The venue's contracts on Polygon and the events by which they speak: pure data.

Addresses are configuration; these are the defaults for chain 137, read from the official SDK, documentation and public
sources. Three exchange generations exist: V1 (closed on 2026-04-28, history only), V2 (live, shares in
ConditionalTokens) and V3 (shares in the PositionManager). A *ledger* is the ERC-1155 contract that keeps shares; an
*adapter* turns collateral into shares and back, for wallets and for the exchanges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from remora.domain.ids import Address, TokenId

POLYGON_CHAIN_ID = 137

STANDARD_EXCHANGE = Address("0xe111180000d2663c0091e4f400237545b87b996b")
NEG_RISK_EXCHANGE = Address("0xe2222d279d744050d28e00520010520000310f59")
EXCHANGE_V3 = Address("0xe3333700ca9d93003f00f0f71f8515005f6c00aa")
STANDARD_EXCHANGE_V1 = Address("0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e")
NEG_RISK_EXCHANGE_V1 = Address("0xc5d563a36ae78145c45a50134d48a1215220f80a")

CONDITIONAL_TOKENS = Address("0x4d97dcd97ec945f40cf65f87097ace5ea0476045")
POSITION_MANAGER = Address("0x006f54f7f9a22e0000cc2ab60031000000ae9fef")

COLLATERAL = Address("0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb")
"""pUSD, what the exchanges trade in."""

BRIDGED_USDC = Address("0x2791bca1f2de4661ed88a30c99a7a9449aa84174")
"""USDC.e, what ConditionalTokens holds for standard markets."""

NATIVE_USDC = Address("0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")

WRAPPED_COLLATERAL = Address("0x3a3bd7bb9528e159577f7c2e685cc81a765002e2")
"""What ConditionalTokens holds for neg-risk markets."""

SHARE_COLLATERALS = (BRIDGED_USDC, WRAPPED_COLLATERAL)

NEG_RISK_ADAPTER = Address("0xd91e80cf2e7be2e162c6513ced06f1dd0da35296")
COLLATERAL_ADAPTER = Address("0xada100db00ca00073811820692005400218fce1f")
NEG_RISK_COLLATERAL_ADAPTER = Address("0xada2005600dec949baf300f4c6120000bdb6eaab")
EXCHANGE_ADAPTER = Address("0xada100874d00e3331d00f2007a9c336a65009718")
"""The adapter that the standard exchange mints and merges through; not the one that wallets use."""

NEG_RISK_EXCHANGE_ADAPTER = Address("0xada200001000ef00d07553cee7006808f895c6f1")
BINARY_MODULE = Address("0x1000008dd9001b968442c1000017eae6e0da00ba")
NEG_RISK_MODULE = Address("0x200000900045e3b6259600682756002200028933")
COMBINATORIAL_MODULE = Address("0x30000034706c7d8e12009dab006be20000c031a8")
V3_ROUTER = Address("0x12121212006e4cd160d18e3f00711da5c3372600")
AUTO_REDEEMER = Address("0xa1200000d0002264c9a1698e001292d00e1b00af")

CONVERSION_BURN = Address("0xa5ef39c3d3e10d0b270233af41cac69796b12966")
"""Where the NegRiskAdapter sends the NO shares of a conversion: the head of keccak256("NO_TOKEN_BURN_ADDRESS")."""

LIVE_EXCHANGES = frozenset({STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3})
LEGACY_EXCHANGES = frozenset({STANDARD_EXCHANGE_V1, NEG_RISK_EXCHANGE_V1})


_RESERVED_BITS = ((1 << 64) - 1) << 40


def is_position_id(token_id: TokenId) -> bool:
    """Return whether the PositionManager keeps these shares, and so exchange V3 trades them.

    Its ids are made of fields, with 64 bits that are always zero; those of ConditionalTokens are hashes. The official
    SDK tells them apart in the same way (polymarket.md 1.0).
    """
    return token_id & _RESERVED_BITS == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """The exchanges that orders are signed for: two of generation V2, and the one of V3."""

    standard: Address
    neg_risk: Address
    v3: Address

    def of(self, token_id: TokenId, *, neg_risk: bool) -> Address:
        """Return the exchange that trades a token of a market."""
        if is_position_id(token_id):
            return self.v3
        return self.neg_risk if neg_risk else self.standard


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """The ledgers that keep shares: ConditionalTokens for generation V2, the PositionManager for V3.

    `share_collaterals` are what ConditionalTokens holds for shares: the ids of its tokens are made of that.
    """

    conditional_tokens: Address
    position_manager: Address
    share_collaterals: tuple[Address, ...] = ()

    def of(self, token_id: TokenId) -> Address:
        """Return the ledger that keeps a token's shares."""
        return self.position_manager if is_position_id(token_id) else self.conditional_tokens


class Generation(StrEnum):
    """Which exchange contract orders are signed for; the value is the version of its EIP-712 domain."""

    V2 = "2"
    V3 = "3"


GENERATIONS: Mapping[Address, Generation] = {
    STANDARD_EXCHANGE: Generation.V2,
    NEG_RISK_EXCHANGE: Generation.V2,
    EXCHANGE_V3: Generation.V3,
}
"""The generations of Polygon's live exchanges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """The contracts whose logs are believed. Whatever else emits the same topics is unknown, or a spoof."""

    exchanges: frozenset[Address]
    ledgers: frozenset[Address]
    collaterals: frozenset[Address]
    adapters: frozenset[Address]

    def adding(
        self,
        *,
        exchanges: Iterable[Address] = (),
        ledgers: Iterable[Address] = (),
        collaterals: Iterable[Address] = (),
    ) -> Contracts:
        """Return these contracts with more of some kinds, such as those of a local chain."""
        return replace(
            self,
            exchanges=self.exchanges.union(exchanges),
            ledgers=self.ledgers.union(ledgers),
            collaterals=self.collaterals.union(collaterals),
        )


POLYGON = Contracts(
    exchanges=LIVE_EXCHANGES | LEGACY_EXCHANGES,
    ledgers=frozenset({CONDITIONAL_TOKENS, POSITION_MANAGER}),
    collaterals=frozenset({COLLATERAL, BRIDGED_USDC, NATIVE_USDC, WRAPPED_COLLATERAL}),
    adapters=frozenset(
        {
            NEG_RISK_ADAPTER,
            COLLATERAL_ADAPTER,
            NEG_RISK_COLLATERAL_ADAPTER,
            EXCHANGE_ADAPTER,
            NEG_RISK_EXCHANGE_ADAPTER,
            BINARY_MODULE,
            NEG_RISK_MODULE,
            COMBINATORIAL_MODULE,
            V3_ROUTER,
            AUTO_REDEEMER,
        }
    ),
)
"""What is known on Polygon. The closed V1 exchanges are included: their history decodes, and they emit no more."""


# Topic 0 of events: keccak256 of the signature in the comment, which a test recomputes.

# Exchanges. V2 and V3 emit the same events.
ORDER_FILLED = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
"""OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"""
ORDER_FILLED_V1 = "0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6"
"""OrderFilled(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)"""
ORDERS_MATCHED = "0x174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c"
"""OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256)"""
ORDERS_MATCHED_V1 = "0x63bf4d16b7fa898ef4c4b2b6d90fd201e9c56313b65638af6088d149d2ce956c"
"""OrdersMatched(bytes32,address,uint256,uint256,uint256,uint256)"""
FEE_CHARGED = "0x55bb3cade9d43b798a4fe5ffdd05024b2d7870df53920673bfc7e68047cd0ab1"
"""FeeCharged(address,uint256)"""
FEE_CHARGED_V1 = "0xacffcc86834d0f1a64b0d5a675798deed6ff0bcfc2231edd3480e7288dba7ff4"
"""FeeCharged(address,uint256,uint256)"""

# Ledgers: ERC-1155.
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
"""TransferSingle(address,address,address,uint256,uint256)"""
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
"""TransferBatch(address,address,address,uint256[],uint256[])"""

# ConditionalTokens.
POSITION_SPLIT = "0x2e6bb91f8cbcda0c93623c54d0403a43514fabc40084ec96b6d5379a74786298"
"""PositionSplit(address,address,bytes32,bytes32,uint256[],uint256)"""
POSITIONS_MERGE = "0x6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca"
"""PositionsMerge(address,address,bytes32,bytes32,uint256[],uint256)"""
PAYOUT_REDEMPTION = "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d"
"""PayoutRedemption(address,address,bytes32,bytes32,uint256[],uint256)"""
CONDITION_PREPARATION = "0xab3760c3bd2bb38b5bcf54dc79802ed67338b4cf29f3054ded67ed24661e4177"
"""ConditionPreparation(bytes32,address,bytes32,uint256)"""
CONDITION_RESOLUTION = "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894"
"""ConditionResolution(bytes32,address,bytes32,uint256,uint256[])"""

# NegRiskAdapter.
NEG_RISK_SPLIT = "0xbbed930dbfb7907ae2d60ddf78345610214f26419a0128df39b6cc3d9e5df9b0"
"""PositionSplit(address,bytes32,uint256)"""
NEG_RISK_MERGE = "0xba33ac50d8894676597e6e35dc09cff59854708b642cd069d21eb9c7ca072a04"
"""PositionsMerge(address,bytes32,uint256)"""
NEG_RISK_CONVERSION = "0xb03d19dddbc72a87e735ff0ea3b57bef133ebe44e1894284916a84044deb367e"
"""PositionsConverted(address,bytes32,uint256,uint256)"""
NEG_RISK_REDEMPTION = "0x9140a6a270ef945260c03894b3c6b3b2695e9d5101feef0ff24fec960cfd3224"
"""PayoutRedemption(address,bytes32,uint256[],uint256)"""

# V3 modules. The last four are read from the public source and not yet seen on the chain.
MODULE_SPLIT = "0xb6a6b8b17a43b07b9359dd12d304e42077eede9e672f8646144842c8604582a4"
"""PositionsSplit(address,bytes31,address,address,uint256)"""
MODULE_MERGE = "0xf233f7be4ce81130a78e8eb2fa626497586c56094d27bfec2e196471e9c60301"
"""PositionsMerged(address,bytes31,address,uint256)"""
MODULE_REDEMPTION = "0x4fd474b703f46b453536518b4cbc159dfbea6fd663233763d321a9bc8ccdf97f"
"""PositionRedeemed(address,uint256,address,uint256,uint256)"""
MODULE_RESOLUTION = "0xe560c1a2847d4cf2e66de11fe592605556989449f38cc3ab96e2e287daa68caa"
"""ConditionResolved(bytes31,uint256[])"""
MODULE_EVENT_SPLIT = "0x9dbee20759d31417e9b0d739e07904f87139522ce89cf2f6ad78e299067674ce"
"""HorizontalSplit(address,bytes29,address,uint256)"""
MODULE_EVENT_MERGE = "0xbfdd473162148936b92fc229a1d66bcded27968d61ec543cbd86b433fd2d7b4b"
"""HorizontalMerge(address,bytes29,address,uint256)"""
MODULE_CONVERSION = "0x975e919c2cacb75b8a9fc78ddf455a5211812df2f388c877c8d3adfe156e2779"
"""PositionConverted(address,bytes29,address,uint256,uint256)"""
MODULE_MIGRATION = "0xe8d329e97d555e1e9d0da49d3b12d41a966458eee02ff4c869e54c6711d7c80b"
"""PositionMigrated(address,bytes31,uint256,uint256,uint256)"""

# Tokens.
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Transfer(address,address,uint256)"""
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
"""Approval(address,address,uint256)"""
APPROVAL_FOR_ALL = "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31"
"""ApprovalForAll(address,address,bool)"""
COLLATERAL_WRAPPED = "0xc00a5c84859ae82a7f5e6a2773283fb525335d5b3195f61174aa1ecc7e15dd84"
"""Wrapped(address,address,address,uint256)"""
COLLATERAL_UNWRAPPED = "0x18b42b684d0b621cc609f4d888916e5ed9e934a476259ec1c11ec116f2b9aa7f"
"""Unwrapped(address,address,address,uint256)"""
NATIVE_TRANSFER = "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"
"""LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)"""
NATIVE_FEE = "0x4dfe1bbbcf077ddc3e01291eea2d5c70c2b422b415d95645b9adcfd678cb1d63"
"""LogFeeTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)"""
