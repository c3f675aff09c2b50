# pragma version 0.4.3
"""
@title orders
@license MIT
@notice The venue's order, its EIP-712 digest, and whether its signature binds the wallet that it trades for.
"""

interface WalletDerivation:
    def proxy_wallet(signer: address) -> address: view
    def safe_wallet(signer: address) -> address: view


struct Order:
    salt: uint256
    maker: address
    signer: address
    tokenId: uint256
    makerAmount: uint256
    takerAmount: uint256
    side: uint8
    signatureType: uint8
    timestamp: uint256
    metadata: bytes32
    builder: bytes32
    signature: Bytes[1024]


EOA: constant(uint8) = 0
POLY_PROXY: constant(uint8) = 1
POLY_GNOSIS_SAFE: constant(uint8) = 2
POLY_1271: constant(uint8) = 3

# The hash of "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,
# uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)", without the line break.
ORDER_TYPEHASH: constant(bytes32) = 0xbb86318a2138f5fa8ae32fbe8e659f8fcf13cc6ae4014a707893055433818589
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

DOMAIN_SEPARATOR: immutable(bytes32)
WALLETS: immutable(WalletDerivation)


@deploy
def __init__(version: String[1], wallets: address):
    """
    @notice Take orders that are signed for this version of the domain; ask `wallets` where signers' proxies and safes
            are.
    """
    DOMAIN_SEPARATOR = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Polymarket CTF Exchange"), keccak256(version), chain.id, self)
    )
    WALLETS = WalletDerivation(wallets)


@internal
@view
def hash_of(order: Order) -> bytes32:
    """
    @notice The digest that is signed. The signature itself is no part of it.
    """
    encoded: Bytes[384] = abi_encode(
        ORDER_TYPEHASH,
        order.salt,
        order.maker,
        order.signer,
        order.tokenId,
        order.makerAmount,
        order.takerAmount,
        order.side,
        order.signatureType,
        order.timestamp,
        order.metadata,
        order.builder,
    )
    return keccak256(concat(x"1901", DOMAIN_SEPARATOR, keccak256(encoded)))


@internal
@view
def is_signed(order: Order, order_hash: bytes32) -> bool:
    """
    @notice Whether the signature is the signer's, and the signer may trade for the maker.
    """
    if order.signatureType == POLY_1271:
        return order.signer == order.maker and self._is_accepted(order.maker, order_hash, order.signature)
    if not self._is_recovered(order.signer, order_hash, order.signature):
        return False
    if order.signatureType == EOA:
        return order.signer == order.maker
    if order.signatureType == POLY_PROXY:
        return staticcall WALLETS.proxy_wallet(order.signer) == order.maker
    if order.signatureType == POLY_GNOSIS_SAFE:
        return staticcall WALLETS.safe_wallet(order.signer) == order.maker
    return False


@internal
@pure
def _is_recovered(signer: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    if len(signature) != 65 or signer == empty(address):
        return False
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    return ecrecover(digest, v, r, s) == signer


@internal
@view
def _is_accepted(wallet: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    """
    @dev ERC-1271. A wallet that reverts refuses.
    """
    if not wallet.is_contract:
        return False
    call: Bytes[1156] = abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)"))
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(wallet, call, max_outsize=32, is_static_call=True, revert_on_failure=False)
    return success and len(response) == 32 and slice(response, 0, 4) == method_id(
        "isValidSignature(bytes32,bytes)", output_type=Bytes[4]
    )
