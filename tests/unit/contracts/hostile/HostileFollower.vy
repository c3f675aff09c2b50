# pragma version 0.4.3
"""
@notice A follower with code of its own, which runs when it receives shares.
"""

ACCEPT: constant(uint256) = 0
REFUSE: constant(uint256) = 1
BURN_ALL_GAS: constant(uint256) = 2
CALL_BACK: constant(uint256) = 3
FORGE_REASON: constant(uint256) = 4
SPEND_GAS: constant(uint256) = 5  # about 200,000

mode: public(uint256)
target: public(address)
payload: Bytes[4096]
called_back: public(bool)


@external
def act(target: address, data: Bytes[4096]):
    raw_call(target, data)


@external
def prepare(mode: uint256, target: address, payload: Bytes[4096]):
    self.mode = mode
    self.target = target
    self.payload = payload


@external
def onERC1155Received(
    operator: address, sender: address, token_id: uint256, amount: uint256, data: Bytes[64]
) -> bytes4:
    if self.mode == REFUSE:
        return empty(bytes4)
    if self.mode == BURN_ALL_GAS:
        assert self.mode == ACCEPT, UNREACHABLE
    if self.mode == FORGE_REASON:
        raw_revert(abi_encode(convert(1, uint256)))
    if self.mode == SPEND_GAS:
        digest: bytes32 = empty(bytes32)
        for i: uint256 in range(1000):
            digest = keccak256(digest)
    if self.mode == CALL_BACK:
        self.called_back = raw_call(self.target, self.payload, revert_on_failure=False)
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)
