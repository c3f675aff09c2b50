"""The devnet: a real local Polymarket, with its own chain, contracts, order book and traders."""
