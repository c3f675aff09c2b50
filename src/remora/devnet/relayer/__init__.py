"""The relayer: it makes deposit wallets and carries the batches that their owners signed to the chain."""
