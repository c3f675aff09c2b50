"""`python -m remora`."""

from remora.cli.main import main

main()
