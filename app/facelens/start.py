"""Entry points of the programs. The window opens a third sooner for not loading the command line first."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from facelens.gui.launch import open_window
from facelens.machine import bound_arenas


def main() -> NoReturn:
    """``facelens``: the window where nothing is asked for, else what the command line says."""
    bound_arenas()
    if len(sys.argv) > 1:
        from facelens import cli

        cli.main()
    _open(())


def window() -> NoReturn:
    """``facelens-gui``, for desktops: arguments are pictures to show."""
    bound_arenas()
    given = sys.argv[1:]
    if any(argument.startswith("-") for argument in given):
        from facelens import cli

        cli.main()
    _open(given)


def _open(paths: Sequence[str]) -> NoReturn:
    logging.basicConfig(level=logging.ERROR, format="facelens: %(message)s")
    # OpenCV warns about what it does inside; read when it is imported
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    try:
        code = open_window(paths=paths)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the command line tells it in a sentence
        from facelens import cli

        code = cli.explain(error)
    sys.exit(code)
