"""The Python binding of Qt itself: what the window cannot live without."""

from __future__ import annotations

import sys

import PySide6
from standins import lost_references


def test_calls_that_return_nothing_keep_the_references_to_none() -> None:
    lost = lost_references()
    assert lost < 50, f"PySide6 {PySide6.__version__} loses references to None under Python {sys.version.split()[0]}"
