"""A large picture worked out a few rows at a time, so that the steps on the way need little memory.

What is freed stays with the process while something lies behind it. With whole pictures on the way the demo took 75 MiB
to open and kept 24, and the window held 282 to 343 MiB with it, another size after each opening.
"""

from __future__ import annotations

from collections.abc import Iterator

ROWS = 64


def bands(height: int) -> Iterator[slice]:
    """All rows of a picture of ``height`` rows, from the top."""
    for top in range(0, height, ROWS):
        yield slice(top, min(top + ROWS, height))
