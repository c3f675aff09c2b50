"""The venue's Data API: who traded what, and what everybody holds, from the server's settled trades and the chain."""
