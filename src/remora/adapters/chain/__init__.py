"""A node, over one WebSocket: reading the chain, sending transactions, and the Clearinghouse's calldata and events."""
