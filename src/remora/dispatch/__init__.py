"""Dispatch: from a signal to one intent or one denial per policy, in one durable transaction."""
