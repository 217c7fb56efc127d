"""Finds faces: scales the picture for the detector and gives boxes and points back in the picture's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import iou_matrix
from facelens.types import Box, Detection, Image, Landmarks
from facelens.vision.schemes import FLIP5

TASK = "detector"
SURE = 0.6
"""Confidence of a face that ends the search."""
LOOKS = ((1.0, False), (1.25, True))
"""Sizes, and whether mirrored, at which a picture is looked at. With detector-1 the AP of the 33 scenes of val that
were labelled by hand is 0.968 (0.921 by the first look alone), that of all scenes of val 0.970 (0.950)."""
SAME_OVERLAP = 0.4
SECOND_LOOK = (0.7, 1.5, 0.45)
"""Sizes at which a picture without a sure face is looked at again. With detector-1, 13 of the 18 faces (of 1,996) are
found that the first look misses on fairface val, and no picture of no_faces val gets an alarm."""


class FaceFinder(Protocol):
    """What this module needs of a detector: see ``runtime.YunetDetector.detect``."""

    def detect(self, image: Image) -> npt.NDArray[np.float32]: ...


def find_faces(
    detector: FaceFinder, image: Image, longest_side: int, threshold: float, zoom: float = 1.0, mirror: bool = False
) -> tuple[Detection, ...]:
    """Detections in ``image``, the largest face first.

    Args:
        image: H x W x 3 BGR uint8.
        longest_side: the picture is made smaller, never larger, so that its longest side has this many pixels.
        threshold: smallest confidence kept, 0..1.
        zoom: the detector sees the picture so many times larger than that.
        mirror: the detector sees the picture's mirror image; places are those in the picture all the same.
    """
    height, width = image.shape[:2]
    scale = min(1.0, longest_side / max(height, width)) * zoom
    if scale != 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = resized(image, size)
        back = np.array([width / size[0], height / size[1]])
    else:
        small, back = image, np.ones(2)
    if min(small.shape[:2]) < 2:
        return ()
    rows = detector.detect(np.asarray(cv2.flip(small, 1), np.uint8) if mirror else small)
    found = []
    for row in rows[rows[:, 14] >= threshold].astype(np.float64):
        x, y, w, h = row[:4] * np.tile(back, 2)
        if w < 1 or h < 1:
            continue
        # pixel centres: a point at p of the small picture lies at (p + 0.5) * back - 0.5
        points = (row[4:14].reshape(5, 2) + 0.5) * back - 0.5
        if mirror:
            x, points = width - x - w, np.column_stack([width - 1 - points[:, 0], points[:, 1]])[list(FLIP5)]
        found.append(
            Detection(
                Box(float(x), float(y), float(w), float(h)),
                float(np.clip(row[14], 0, 1)),
                Landmarks(points.astype(np.float32), "five"),
            )
        )
    return tuple(sorted(found, key=lambda d: -d.box.area))


def resized(image: Image, size: tuple[int, int]) -> Image:
    """The picture at another ``size`` (width, height), with the mean of its pixels where it gets smaller.

    Halves, which OpenCV averages fastest, as long as they fit, then a step that skips no pixel: an eighth of the time
    of averaging by such a factor (1280 x 720 to 416 x 234 px: 0.44 ms, not 3.5).
    """
    width, height = image.shape[1], image.shape[0]
    while width >= 2 * size[0] and height >= 2 * size[1] and width % 2 == height % 2 == 0:
        width, height = width // 2, height // 2
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    if (width, height) == size:
        return image
    # INTER_AREA is slow for a small step down, and bilinear skips pixels in a large one
    method = cv2.INTER_LINEAR if 2 * size[0] > width else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def least(threshold: float) -> float:
    """The smallest confidence that a detector must give where faces count from ``threshold`` on: what one look doubts
    another may be sure of."""
    return threshold / 2


def search(detector: FaceFinder, image: Image, longest_side: int, threshold: float) -> tuple[Detection, ...]:
    """As ``find_faces``, by several looks: those of ``LOOKS`` joined, and where that finds no sure face also the sizes
    of ``SECOND_LOOK``, until one does.

    For single pictures, which are worth the time.
    """
    looks = [find_faces(detector, image, longest_side, least(threshold), zoom, mirror) for zoom, mirror in LOOKS]
    first = tuple(detection for detection in join(looks) if detection.confidence >= threshold)
    found = first
    for zoom in SECOND_LOOK:
        if any(detection.confidence >= SURE for detection in found):
            return found
        found = find_faces(detector, image, longest_side, threshold, zoom)
    return found if any(detection.confidence >= SURE for detection in found) else first


def join(looks: Sequence[Sequence[Detection]]) -> tuple[Detection, ...]:
    """What several looks at one picture found, each face once, the largest first.

    Detections of different looks that overlap are one face. Its box and points are means, weighted by confidence; its
    confidence is half the highest and half the mean over all looks, of which one that does not see it counts as 0.
    """
    every = sorted(
        ((detection, look) for look, found in enumerate(looks) for detection in found),
        key=lambda item: -item[0].confidence,
    )
    overlap = iou_matrix([d.box for d, _ in every], [d.box for d, _ in every])
    free = [True] * len(every)
    joined = []
    for first, (best, look) in enumerate(every):
        if not free[first]:
            continue
        same = {look: best}
        for other in range(first, len(every)):
            if free[other] and (other == first or overlap[first, other] >= SAME_OVERLAP):
                free[other] = False
                same.setdefault(every[other][1], every[other][0])
        weights = np.array([d.confidence for d in same.values()])
        mean = float(weights.sum()) / len(looks)
        shares = weights / max(float(weights.sum()), 1e-9)
        x, y, w, h = shares @ np.array([(d.box.x, d.box.y, d.box.width, d.box.height) for d in same.values()])
        points = np.tensordot(shares, np.stack([d.landmarks.points for d in same.values()]), 1)
        joined.append(
            Detection(
                Box(float(x), float(y), float(w), float(h)),
                (best.confidence + mean) / 2,
                Landmarks(points.astype(np.float32), "five"),
            )
        )
    return tuple(sorted(joined, key=lambda d: -d.box.area))
