"""Facelens: a desktop face scope for apparent age, perceived gender, landmarks and an explained face score.

Everything runs on your own machine.

    from facelens import open_engine
    report = open_engine().analyze("photo.jpg")

Importing this package is light; OpenCV and ONNX Runtime are loaded when an engine is opened, Qt only by the window.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from facelens.errors import FacelensError
from facelens.types import (
    AgeEstimate,
    Box,
    Detection,
    Expression,
    Face,
    FaceScore,
    Frame,
    FrameReport,
    GenderEstimate,
    Landmarks,
    Quality,
)

if TYPE_CHECKING:
    from facelens.engine import Engine, open_engine
    from facelens.options import EngineOptions

__version__ = "0.1.0"

_LAZY = {"Engine": "facelens.engine", "EngineOptions": "facelens.options", "open_engine": "facelens.engine"}

__all__ = [
    "AgeEstimate",
    "Box",
    "Detection",
    "Engine",
    "EngineOptions",
    "Expression",
    "Face",
    "FaceScore",
    "FacelensError",
    "Frame",
    "FrameReport",
    "GenderEstimate",
    "Landmarks",
    "Quality",
    "open_engine",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'facelens' has no attribute '{name}'")
