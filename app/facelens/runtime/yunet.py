"""What YuNet-shaped detectors read and give, whichever runtime runs them (Wu, Peng and Yu, "YuNet: A Tiny
Millisecond-level Face Detector", Machine Intelligence Research 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facelens.errors import ModelShapeError
from facelens.types import Image

STRIDES = (8, 16, 32)
OUTPUTS = tuple(f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in STRIDES)
"""Names in the order of the file."""
MULTIPLE = 32
"""The network sees sides that are multiples of this; what is missing at the right and below is black."""
NMS_IOU = 0.3
SLACK = 1e-6
"""By how much a product may be off by rounding."""
KEEP = 5000
"""Boxes kept before and after suppression, as in YuNet's own demo."""


def other_form(name: str) -> ModelShapeError:
    """The error of a detector that is not of YuNet's form."""
    return ModelShapeError(
        f"The detector {name} cannot be used",
        "its outputs are not those of OpenCV's FaceDetectorYN (cls, obj, bbox and kps at strides 8, 16, 32)",
        "Use a detector of YuNet's form",
    )


class Blob:
    """Turns pictures into the network's input, in memory of its own that is used again for pictures of one size: new
    memory for each frame costs more than the work (2.2 ms against 0.1 ms for 640 x 360). Not thread-safe."""

    def __init__(self) -> None:
        self._planes = np.zeros((3, 0, 0), np.uint8)
        self._whole = np.zeros((1, 3, 0, 0), np.float32)

    def of(self, image: Image) -> npt.NDArray[np.float32]:
        """1 x 3 x H' x W' float32, BGR 0..255, for H x W x 3 uint8; overwritten by the next call."""
        height, width = image.shape[:2]
        if self._planes.shape[1:] != (height, width):
            self._planes = np.zeros((3, height, width), np.uint8)
            sides = (-(-side // MULTIPLE) * MULTIPLE for side in (height, width))
            self._whole = np.zeros((1, 3, *sides), np.float32)
        cv2.split(image, list(self._planes))
        self._whole[0, :, :height, :width] = self._planes
        return self._whole


def suppress(boxes: npt.NDArray[Any], scores: npt.NDArray[Any], overlap: float) -> npt.NDArray[np.intp]:
    """Rows that greedy non-maximum suppression keeps, the best first; boxes as x, y, width, height."""
    if not len(boxes):
        return np.zeros(0, np.intp)
    kept = cv2.dnn.NMSBoxes(boxes.astype(np.float64).tolist(), scores.astype(np.float64).tolist(), 0.0, overlap)
    return np.asarray(kept, np.intp).reshape(-1)


def decode(out: Sequence[npt.NDArray[np.float32]], width: int, threshold: float) -> npt.NDArray[np.float32]:
    """Faces in the network's input, as ``cv2.FaceDetectorYN`` reads them: N x 15 float32.

    Columns: x, y, width, height, five points (x, y) in the order of scheme 'five', confidence 0..1; pixels.

    Args:
        out: the values of ``OUTPUTS``, each 1 x cells x channels.
        width: of the network's input, px.
        threshold: smallest confidence kept, 0..1.
    """
    rows = []
    for index, stride in enumerate(STRIDES):
        kind, there, box, points = (out[index + 3 * part][0] for part in range(4))
        # few cells of thousands are left, so the rest of the work is on those
        kept = np.flatnonzero(kind[:, 0] * there[:, 0] >= threshold**2 - SLACK)
        score = np.sqrt(np.clip(kind[kept, 0], 0, 1) * np.clip(there[kept, 0], 0, 1))
        kept, score = kept[score >= threshold], score[score >= threshold]
        if not len(kept):
            continue
        grid = np.stack([kept % (width // stride), kept // (width // stride)], axis=1)
        size = np.exp(box[kept, 2:]) * stride
        corner = (grid + box[kept, :2]) * stride - size / 2
        five = (np.tile(grid, 5) + points[kept]) * stride
        rows.append(np.concatenate([corner, size, five, score[:, None]], axis=1, dtype=np.float32))
    if not rows:
        return np.zeros((0, 15), np.float32)
    found = np.concatenate(rows)
    found = found[np.isfinite(found).all(axis=1)]
    found = found[np.argsort(-found[:, 14], kind="stable")[:KEEP]]
    return np.asarray(found[suppress(found[:, :4], found[:, 14], NMS_IOU)])
