# pragma version 0.4.3
"""
@title ProxyWalletFactory
@license MIT
@notice Makes a devnet's proxy wallets where the venue's rule puts them, and has them do what their owners ask for:
        themselves, or through the relay hub, which appends who asked.
@dev    A wallet's creation code runs `cloneConstructor` of this contract in the wallet's own storage, so that the wallet
        obeys its creator. The first slot here is hence the wallet's owner too.
"""

import proxy_calls

interface ProxyWallet:
    def proxy(calls: DynArray[proxy_calls.Call, proxy_calls.MAX_CALLS]): payable


event WalletCreated:
    wallet: indexed(address)
    owner: indexed(address)


owner: address
HUB: immutable(address)
IMPLEMENTATION: immutable(address)


@deploy
def __init__(implementation: address, hub: address):
    """
    @notice Make proxies of one wallet contract, and believe one relay hub.
    """
    self.owner = self
    IMPLEMENTATION = implementation
    HUB = hub


@external
def cloneConstructor(data: Bytes[32]):
    """
    @notice Have the wallet that runs this obey its creator.
    """
    assert self.owner == empty(address), "constructed"
    self.owner = msg.sender


@external
@view
def wallet_of(owner: address) -> address:
    """
    @notice Where an owner's wallet is, or would be.
    """
    return self._address(owner)


@external
def make(owner: address):
    """
    @notice Make an owner's wallet, if it is not there.
    """
    self._make(owner)


@external
def proxy(calls: DynArray[proxy_calls.Call, proxy_calls.MAX_CALLS]):
    """
    @notice Have the caller's wallet make calls; it is made first, where it is not there.
    """
    owner: address = msg.sender
    if msg.sender == HUB:
        owner = convert(slice(msg.data, len(msg.data) - 20, 20), address)
    extcall ProxyWallet(self._make(owner)).proxy(calls)


@internal
def _make(owner: address) -> address:
    wallet: address = self._address(owner)
    if not wallet.is_contract:
        created: address = raw_create(self._code(), salt=self._salt(owner))
        assert created == wallet, "elsewhere"
        log WalletCreated(wallet=wallet, owner=owner)
    return wallet


@internal
@view
def _address(owner: address) -> address:
    digest: bytes32 = keccak256(
        concat(x"ff", slice(convert(self, bytes32), 12, 20), self._salt(owner), keccak256(self._code()))
    )
    return convert(slice(digest, 12, 20), address)


@internal
@pure
def _salt(owner: address) -> bytes32:
    return keccak256(slice(convert(owner, bytes32), 12, 20))


@internal
@view
def _code() -> Bytes[167]:
    return concat(
        x"3d3d606380380380913d393d73",
        slice(convert(self, bytes32), 12, 20),
        x"5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73",
        slice(convert(IMPLEMENTATION, bytes32), 12, 20),
        x"5af43d82803e903d91602b57fd5bf352e831dd",
        abi_encode(convert(32, uint256), empty(uint256)),
    )
