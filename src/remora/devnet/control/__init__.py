"""The devnet's control API: what happens to a devnet while it runs is asked for over HTTP, on a port of its own."""
