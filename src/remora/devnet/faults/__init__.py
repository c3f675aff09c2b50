"""What can go wrong on a devnet on purpose: the catalogue of faults, and what applies them to the order-book server."""
