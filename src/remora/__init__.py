"""remora: a copy-trading supervisor for Polymarket."""
