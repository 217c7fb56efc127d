"""Opens the window from outside; nothing is loaded before that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from facelens.errors import DisplayError


def open_window(
    source: str | None = None,
    paths: Sequence[str] = (),
    seconds: float | None = None,
    stats: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Open the window; the exit code. See ``gui.app.run``; ``settings`` hold for this time only.

    Raises:
        DisplayError: no window can be opened here.
        OutputError: the figures cannot be written.
    """
    try:
        from facelens.gui.app import run
    except ImportError as error:
        remedy = "Install the system libraries of Qt (see the README), or use 'facelens score'"
        raise DisplayError("Cannot open the window", str(error), remedy) from error
    quit_after = None if seconds is None else round(seconds * 1000)
    return run(source, paths, quit_after_ms=quit_after, stats=stats, for_now=settings)
