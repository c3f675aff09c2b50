"""A devnet that plays a scenario: a file says who trades what and when, and the same seed makes the same trades."""
