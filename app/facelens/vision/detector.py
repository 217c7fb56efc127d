"""Finds faces: scales the picture for the detector and gives boxes and points back in the picture's own pixels."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from facelens.types import Box, Detection, Image, Landmarks

TASK = "detector"
SURE = 0.6
"""Confidence of a face that ends the search."""
SECOND_LOOK = (0.7, 1.5, 0.45)
"""Sizes at which a picture without a sure face is looked at again. With detector-1, 13 of the 18 faces (of 1,996) are
found that the first look misses on fairface val, and no picture of no_faces val gets an alarm."""


class FaceFinder(Protocol):
    """What this module needs of a detector: see ``runtime.YunetDetector.detect``."""

    def detect(self, image: Image) -> npt.NDArray[np.float32]: ...


def find_faces(
    detector: FaceFinder, image: Image, longest_side: int, threshold: float, zoom: float = 1.0
) -> tuple[Detection, ...]:
    """Detections in ``image``, the largest face first.

    Args:
        image: H x W x 3 BGR uint8.
        longest_side: the picture is made smaller, never larger, so that its longest side has this many pixels.
        threshold: smallest confidence kept, 0..1.
        zoom: the detector sees the picture so many times larger than that.
    """
    height, width = image.shape[:2]
    scale = min(1.0, longest_side / max(height, width)) * zoom
    if scale != 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        # INTER_AREA is slow for a small step down, and bilinear skips pixels in a large one
        method = cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
        small = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
        back = np.array([width / size[0], height / size[1]])
    else:
        small, back = image, np.ones(2)
    if min(small.shape[:2]) < 2:
        return ()
    rows = detector.detect(small)
    found = []
    for row in rows[rows[:, 14] >= threshold].astype(np.float64):
        x, y, w, h = row[:4] * np.tile(back, 2)
        if w < 1 or h < 1:
            continue
        # pixel centres: a point at p of the small picture lies at (p + 0.5) * back - 0.5
        points = (row[4:14].reshape(5, 2) + 0.5) * back - 0.5
        found.append(
            Detection(
                Box(float(x), float(y), float(w), float(h)),
                float(np.clip(row[14], 0, 1)),
                Landmarks(points.astype(np.float32), "five"),
            )
        )
    return tuple(sorted(found, key=lambda d: -d.box.area))


def search(detector: FaceFinder, image: Image, longest_side: int, threshold: float) -> tuple[Detection, ...]:
    """As ``find_faces``, and where that finds no sure face also at the sizes of ``SECOND_LOOK``, until one does.

    For single pictures: a face that fills the frame, or a small one in a small picture, is worth the time.
    """
    first = find_faces(detector, image, longest_side, threshold)
    found = first
    for zoom in SECOND_LOOK:
        if any(detection.confidence >= SURE for detection in found):
            return found
        found = find_faces(detector, image, longest_side, threshold, zoom)
    return found if any(detection.confidence >= SURE for detection in found) else first
