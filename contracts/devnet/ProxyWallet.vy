# pragma version 0.4.3
"""
@title ProxyWallet
@license MIT
@notice A devnet's proxy wallet: it makes the calls that its factory asks of it.
@dev    Each wallet is a proxy of this contract. Its first slot is written by the factory's `cloneConstructor`.
"""

import erc1155_receiver
import proxy_calls

exports: erc1155_receiver.__interface__


CALL: constant(uint8) = 1
DELEGATE_CALL: constant(uint8) = 2

owner: public(address)


@external
@payable
def __default__():
    """
    @notice Accept the native token.
    """
    pass


@external
@payable
def proxy(calls: DynArray[proxy_calls.Call, proxy_calls.MAX_CALLS]):
    """
    @notice Make calls as the wallet, all or none. Factory only.
    """
    assert msg.sender == self.owner, "must be called by owner"
    for call: proxy_calls.Call in calls:
        if call.typeCode == CALL:
            raw_call(call.to, call.data, value=call.amount)
        else:
            assert call.typeCode == DELEGATE_CALL, "invalid call type"
            raw_call(call.to, call.data, is_delegate_call=True)
