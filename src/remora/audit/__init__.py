"""Audit: compare ledger, venue and chain, wallet by wallet, explain what differs, and suspend who does not add up."""
