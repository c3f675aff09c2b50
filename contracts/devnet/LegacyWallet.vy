# pragma version 0.4.3
"""
@title LegacyWallet
@license MIT
@notice The code of a devnet's proxy wallets and safes: it accepts what is sent. The exchange verifies their signers, and
        the devnet acts as them without their leave.
"""

import erc1155_receiver

exports: erc1155_receiver.__interface__


@external
@payable
def __default__():
    """
    @notice Accept the native token.
    """
    pass
