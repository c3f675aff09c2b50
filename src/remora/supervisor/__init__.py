"""The supervisor: runs the stages, in order at start-up and then for ever, and knows none of them."""
