"""Detect: from logs to signals, each leader order in each transaction exactly once."""
