"""`python -m picdns_core.cli`, where the command is not on the PATH."""

from picdns_core.cli import main

main()
