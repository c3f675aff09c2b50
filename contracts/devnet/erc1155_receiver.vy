# pragma version 0.4.3
"""
@title erc1155_receiver
@license MIT
@notice The callbacks of a contract that accepts ERC-1155 tokens from anyone.
"""


@external
@pure
def onERC1155Received(
    operator: address, sender: address, token_id: uint256, amount: uint256, data: Bytes[1024]
) -> bytes4:
    """
    @notice Accept a transfer.
    """
    return method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)


@external
@pure
def onERC1155BatchReceived(
    operator: address, sender: address, ids: DynArray[uint256, 64], amounts: DynArray[uint256, 64], data: Bytes[1024]
) -> bytes4:
    """
    @notice Accept a batch of transfers.
    """
    return method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)
