"""The demo: a small copy service on the devnet, from the first trade to the last debt, with the real supervisor."""
