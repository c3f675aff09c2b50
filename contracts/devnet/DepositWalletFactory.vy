# pragma version 0.4.3
"""
@title DepositWalletFactory
@license MIT
@notice Makes a devnet's deposit wallets where the venue's rule puts them, and hands them the batches that their owners
        signed. Only its operator may: that is the relayer.
@dev    A wallet is an ERC-1967 beacon proxy, made with CREATE2 from the venue's creation code (polymarket.md 5). The
        factory is the beacon itself.
"""

import batches

interface DepositWallet:
    def initialize(owner: address): nonpayable
    def execute(batch: batches.Batch, signature: Bytes[1024]): nonpayable


event WalletDeployed:
    wallet: indexed(address)
    owner: indexed(address)


MAX_WALLETS: constant(uint256) = 64
MAX_BATCHES: constant(uint256) = 4

implementation: public(address)
operator: public(address)


@deploy
def __init__(implementation: address, operator: address):
    """
    @notice Make wallets of one implementation, for one operator.
    """
    self.implementation = implementation
    self.operator = operator


@external
@view
def BEACON() -> address:
    """
    @notice The contract that tells wallets their implementation.
    """
    return self


@external
def deploy(owners: DynArray[address, MAX_WALLETS], ids: DynArray[bytes32, MAX_WALLETS]):
    """
    @notice Make a wallet for each owner. Operator only.
    @param ids The owners as words: one wallet each.
    """
    assert msg.sender == self.operator, "not the operator"
    assert len(owners) == len(ids), "mismatched lengths"
    for i: uint256 in range(len(owners), bound=MAX_WALLETS):
        assert ids[i] == convert(owners[i], bytes32), "not the owner's id"
        wallet: address = self._create(ids[i])
        extcall DepositWallet(wallet).initialize(owners[i])
        log WalletDeployed(wallet=wallet, owner=owners[i])


@external
def proxy(
    requests: DynArray[batches.Batch, MAX_BATCHES], signatures: DynArray[Bytes[1024], MAX_BATCHES]
):
    """
    @notice Have wallets execute signed batches, all or none. Operator only.
    """
    assert msg.sender == self.operator, "not the operator"
    assert len(requests) == len(signatures), "mismatched lengths"
    for i: uint256 in range(len(requests), bound=MAX_BATCHES):
        extcall DepositWallet(requests[i].wallet).execute(requests[i], signatures[i])


@internal
def _create(id: bytes32) -> address:
    arguments: Bytes[64] = abi_encode(self, id)
    code: Bytes[210] = concat(
        x"6100923d8160233d3973",
        slice(convert(self, bytes32), 12, 20),
        x"60195155f3363d3d373d3d363d602036600436635c60da",
        x"1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c",
        x"b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3",
        arguments,
    )
    return raw_create(code, salt=keccak256(arguments))
