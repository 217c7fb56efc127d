"""``python -m facelens.cli``."""

from facelens.cli import main

main()
