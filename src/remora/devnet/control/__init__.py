"""The devnet's control API: faults are injected, listed and cleared over HTTP, on a port of its own."""
