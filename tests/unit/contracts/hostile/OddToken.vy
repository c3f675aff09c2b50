# pragma version 0.4.3
"""
@notice A collateral that moves what it is asked to, or does one of the other things that tokens do.
"""

HONEST: constant(uint256) = 0
ANSWER_FALSE: constant(uint256) = 1
REVERT: constant(uint256) = 2
TAKE_FEE: constant(uint256) = 3
ANSWER_NOTHING: constant(uint256) = 4
MOVE_NOTHING: constant(uint256) = 5
ANSWER_NONSENSE: constant(uint256) = 6
CALL_BACK: constant(uint256) = 7

mode: public(uint256)
target: address
call: Bytes[1024]
called_back: public(bool)
balanceOf: public(HashMap[address, uint256])


@external
def behave(mode: uint256):
    self.mode = mode


@external
def prepare(target: address, call: Bytes[1024]):
    self.target = target
    self.call = call


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    return True


@external
@raw_return
def transferFrom(owner: address, to: address, amount: uint256) -> Bytes[32]:
    if self.mode == REVERT:
        raw_revert(abi_encode(convert(1, uint256)))
    if self.mode == CALL_BACK and raw_call(self.target, self.call, revert_on_failure=False):
        self.called_back = True
    if self.mode == ANSWER_FALSE:
        return abi_encode(False)
    if self.mode != MOVE_NOTHING:
        self.balanceOf[owner] -= amount
        self.balanceOf[to] += amount - (amount // 100 if self.mode == TAKE_FEE else 0)
    if self.mode == ANSWER_NOTHING:
        return b""
    return abi_encode(convert(2, uint256)) if self.mode == ANSWER_NONSENSE else abi_encode(True)
