"""Saves what is shown: the picture with its overlay, and the report as JSON beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from facelens import images, report
from facelens.files import make_folder
from facelens.overlay import OverlayOptions
from facelens.paint_cv import annotate
from facelens.types import Frame, FrameReport


def save(folder: Path, stem: str, frame: Frame, seen: FrameReport, options: OverlayOptions, source: str) -> Path:
    """Write ``stem``-date-time.png and .json into ``folder``, made if it is missing.

    Returns:
        The picture's path.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full.
    """
    make_folder(folder)
    name = f"{stem}-{datetime.now():%Y%m%d-%H%M%S-%f}"[:-3]
    picture = folder / f"{name}.png"
    images.save(picture, annotate(frame.image, seen, options))
    report.write_json(folder / f"{name}.json", report.to_dict(seen, source))
    return picture
