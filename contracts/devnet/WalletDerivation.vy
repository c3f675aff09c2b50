# pragma version 0.4.3
"""
@title WalletDerivation
@license MIT
@notice Where the proxy wallet and the safe of a signer are, by the CREATE2 rule of their factories. The exchange asks
        it whether a signer may trade for a wallet of signature type 1 (proxy) or 2 (safe).
@dev    The init-code hash stands for the factory's creation code: it is all of it that the rule reads.
"""

PROXY_FACTORY: public(immutable(address))
PROXY_INIT_CODE_HASH: public(immutable(bytes32))
SAFE_FACTORY: public(immutable(address))
SAFE_INIT_CODE_HASH: public(immutable(bytes32))


@deploy
def __init__(
    proxy_factory: address, proxy_init_code_hash: bytes32, safe_factory: address, safe_init_code_hash: bytes32
):
    """
    @notice Serve one proxy factory and one safe factory.
    """
    PROXY_FACTORY = proxy_factory
    PROXY_INIT_CODE_HASH = proxy_init_code_hash
    SAFE_FACTORY = safe_factory
    SAFE_INIT_CODE_HASH = safe_init_code_hash


@external
@view
def proxy_wallet(signer: address) -> address:
    """
    @notice The proxy wallet of a signer; its salt is the hash of the signer's 20 bytes.
    """
    salt: bytes32 = keccak256(slice(convert(signer, bytes32), 12, 20))
    return self._create2(PROXY_FACTORY, salt, PROXY_INIT_CODE_HASH)


@external
@view
def safe_wallet(signer: address) -> address:
    """
    @notice The safe of a signer; its salt is the hash of the signer as a 32-byte word.
    """
    return self._create2(SAFE_FACTORY, keccak256(convert(signer, bytes32)), SAFE_INIT_CODE_HASH)


@internal
@pure
def _create2(factory: address, salt: bytes32, init_code_hash: bytes32) -> address:
    digest: bytes32 = keccak256(concat(x"ff", slice(convert(factory, bytes32), 12, 20), salt, init_code_hash))
    return convert(slice(digest, 12, 20), address)
