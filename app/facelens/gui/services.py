"""What the window is built on, so that something else can be put in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facelens import sources
from facelens.engine import Engine, open_engine
from facelens.gui.sourcepicker import DEMO
from facelens.options import EngineOptions
from facelens.sources import CameraInfo, DemoSource, FrameSource, Wishes

DEMO_SIZE = (960, 720)
"""The demo has the shape of the view in a new window, so that it fills it."""


def _open_source(address: str, wishes: Wishes) -> FrameSource:
    return DemoSource(size=DEMO_SIZE) if address == DEMO else sources.open_source(address, wishes)


@dataclass(frozen=True, slots=True)
class Services:
    """Where engines, sources and cameras come from."""

    open_engine: Callable[[EngineOptions], Engine] = open_engine
    open_source: Callable[[str, Wishes], FrameSource] = _open_source
    list_cameras: Callable[[], Sequence[CameraInfo]] = sources.list_cameras
