"""Speed, measured: each command is `python -m bench.NAME --json`; README.md says how to read what it prints."""
