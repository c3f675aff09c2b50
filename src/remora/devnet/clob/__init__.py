"""A real local Polymarket order-book server: REST, WebSockets and Gamma in front of the devnet's exchange contracts.

It accepts what the venue accepts and refuses what the venue refuses, in the venue's words, matches by price and time,
and settles every match on chain. Amounts are integers in base units (10^-6); prices are collateral units per 10^6
shares.
"""
