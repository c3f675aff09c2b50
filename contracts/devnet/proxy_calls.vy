# pragma version 0.4.3
"""
@title proxy_calls
@license MIT
@notice What a proxy wallet is asked to do.
"""

struct Call:
    typeCode: uint8  # 1: a call, 2: a delegate call
    to: address
    amount: uint256
    data: Bytes[1024]


MAX_CALLS: constant(uint256) = 32
