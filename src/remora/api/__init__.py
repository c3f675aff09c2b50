"""The HTTP API, a loop of the supervisor: what the command line does to policies, for other programs."""
