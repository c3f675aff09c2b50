"""Adapters: the outside world behind the ports, one folder per neighbour."""
