"""Settle: delivery versus payment on chain, recorded before it is sent, and never twice."""
