"""How hard a picture is, measured on the picture alone, so that every pipeline is judged on the same groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from facelens.evaluation.metrics import Array
from facelens.types import Image

SIDE = 96
"""Blur and light are measured at this size, so that they do not speak of how large a picture was stored."""
SHARE = 0.2
"""Share of the rows in the lowest and in the highest group."""

CONDITIONS: dict[str, tuple[str, str, str]] = {
    "light": ("darkest fifth", "middle", "brightest fifth"),
    "sharpness": ("most blurred fifth", "middle", "sharpest fifth"),
    "face_size": ("smallest fifth", "middle", "largest fifth"),
}
"""Name of each measure, with the names of its lowest, middle and highest rows."""


def measure(image: Image, labels: Mapping[str, Any]) -> dict[str, float]:
    """The measures of one picture of a face.

    ``light``: mean luma of the middle, 0..255. ``sharpness``: energy of second differences over that of the pattern,
    at ``SIDE`` px. ``face_size``: longer side of the face in px of the stored picture, by the pack's ``det_box``
    (fractions x, y, width, height) or, where it has none, by the picture.
    """
    height, width = image.shape[:2]
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    luma = np.asarray(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    middle = luma[SIDE // 5 : -SIDE // 5, SIDE // 5 : -SIDE // 5]
    detail = float(np.asarray(cv2.Laplacian(middle, cv2.CV_32F)).std())
    box = labels.get("det_box")
    side = max(box[2] * width, box[3] * height) if box else max(width, height)
    return {
        "light": float(middle.mean()),
        "sharpness": detail / max(float(middle.std()), 4.0),
        "face_size": float(side),
    }


def groups(measures: Sequence[Mapping[str, float] | None]) -> dict[str, list[str | None]]:
    """The group of each row under each measure; None where a row has no picture. A measure that is the same for all
    rows (pictures of one size) makes no groups."""
    out: dict[str, list[str | None]] = {}
    for name, (low, middle, high) in CONDITIONS.items():
        values: Array = np.array([np.nan if m is None else m[name] for m in measures])
        known = values[~np.isnan(values)]
        if not len(known) or known.min() == known.max():
            continue
        first, last = np.quantile(known, [SHARE, 1 - SHARE])
        out[name] = [None if np.isnan(v) else low if v <= first else high if v >= last else middle for v in values]
    return out
