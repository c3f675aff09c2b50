# pragma version 0.4.3
"""
@title SafeFactory
@license MIT
@notice Makes a devnet's safes where the venue's rule puts them: CREATE2, with the hash of the owner's word as salt. An
        owner's signature is leave enough, so the relayer can hand it in.
"""

interface Safe:
    def initialize(owner: address): nonpayable


event ProxyCreation:
    proxy: address
    owner: address


struct Sig:
    v: uint8
    r: bytes32
    s: bytes32


DOMAIN_TYPEHASH: constant(bytes32) = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)")
CREATE_PROXY_TYPEHASH: constant(bytes32) = keccak256(
    "CreateProxy(address paymentToken,uint256 payment,address paymentReceiver)"
)

SINGLETON: immutable(address)


@deploy
def __init__(singleton: address):
    """
    @notice Make proxies of one safe contract.
    """
    SINGLETON = singleton


@external
@view
def masterCopy() -> address:
    """
    @notice The contract whose code all safes run.
    """
    return SINGLETON


@external
@view
def computeProxyAddress(owner: address) -> address:
    """
    @notice Where an owner's safe is, or would be.
    """
    digest: bytes32 = keccak256(
        concat(x"ff", slice(convert(self, bytes32), 12, 20), self._salt(owner), keccak256(self._code()))
    )
    return convert(slice(digest, 12, 20), address)


@external
def createProxy(paymentToken: address, payment: uint256, paymentReceiver: address, createSig: Sig):
    """
    @notice Make the safe of the account that signed. Nothing is ever paid for it.
    """
    assert payment == 0, "free of charge"
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Polymarket Contract Proxy Factory"), chain.id, self)
    )
    contents: bytes32 = keccak256(abi_encode(CREATE_PROXY_TYPEHASH, paymentToken, payment, paymentReceiver))
    owner: address = ecrecover(
        keccak256(concat(x"1901", domain, contents)),
        convert(createSig.v, uint256),
        convert(createSig.r, uint256),
        convert(createSig.s, uint256),
    )
    assert owner != empty(address), "not signed"
    self._make(owner)


@external
def make(owner: address):
    """
    @notice Make an owner's safe without a signature, which the venue's factory asks for.
    """
    self._make(owner)


@internal
def _make(owner: address):
    wallet: address = raw_create(self._code(), salt=self._salt(owner))
    extcall Safe(wallet).initialize(owner)
    log ProxyCreation(proxy=wallet, owner=owner)


@internal
@pure
def _salt(owner: address) -> bytes32:
    return keccak256(convert(owner, bytes32))


@internal
@view
def _code() -> Bytes[54]:
    return concat(
        x"602d3d8160093d39f3363d3d373d3d3d363d73",
        slice(convert(SINGLETON, bytes32), 12, 20),
        x"5af43d82803e903d91602b57fd5bf3",
    )
