"""What each grid cell of the detector should say for a picture's faces, and the way back from cells to faces.

A cell (column, row) of stride s stands for the pixel (column * s, row * s). It reads
``dx dy dw dh``: centre = (column + dx, row + dy) * s, size = exp(dw, dh) * s, points = (column + kx, row + ky) * s.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from convert.detector_network import STRIDES

Array = npt.NDArray[np.float32]

SIZE_RANGES = ((0.0, 56.0), (40.0, 130.0), (96.0, 1e9))
"""Largest side of the faces, in px, that each stride learns; they overlap, so that no size falls between two."""
CENTRE = 1.5
"""How far from a face's centre a cell may be, in strides."""
WIDTH = 18
"""Columns of a target: cls, weight, box x y w h (px), points 10 (px), 1 where points are known, size of the face."""


@lru_cache(maxsize=64)
def grid(height: int, width: int) -> Array:
    """A x 3: pixel x, pixel y and stride of every cell, in the order of the network's rows."""
    parts = []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        parts.append(np.stack([x.ravel() * stride, y.ravel() * stride, np.full(x.size, stride)], 1))
    cells = np.concatenate(parts).astype(np.float32)
    cells.setflags(write=False)
    return cells


def assign(height: int, width: int, boxes: Array, points: Array, known: Array, ignored: Array) -> Array:
    """Targets A x 18 (see ``WIDTH``) of one picture.

    Args:
        height, width: of the picture, multiples of 32.
        boxes: F x 4, x y w h in px of the faces to be found.
        points: F x 10, px; arbitrary where ``known`` is 0.
        known: F, 1 where the points are labelled.
        ignored: G x 4 boxes that are neither face nor background: cells inside are left out (weight 0).

    Of several faces that claim a cell the smallest wins.
    """
    cells = grid(height, width)
    x, y, stride = cells[:, 0], cells[:, 1], cells[:, 2]
    target = np.zeros((len(cells), WIDTH), np.float32)
    target[:, 1] = 1
    for left, top, w, h in ignored:
        inside = (x >= left - stride / 2) & (x <= left + w + stride / 2)
        inside &= (y >= top - stride / 2) & (y <= top + h + stride / 2)
        target[inside, 1] = 0
    low = np.repeat([r[0] for r in SIZE_RANGES], [int(np.sum(stride == s)) for s in STRIDES])
    high = np.repeat([r[1] for r in SIZE_RANGES], [int(np.sum(stride == s)) for s in STRIDES])
    side = boxes[:, 2:4].max(1) if len(boxes) else np.zeros(0)
    for i in np.argsort(-side):
        left, top, w, h = boxes[i]
        dx, dy = np.abs(x - (left + w / 2)), np.abs(y - (top + h / 2))
        # a face smaller than a cell still owns the nearest one
        reach_x, reach_y = np.maximum(w / 2, stride / 2), np.maximum(h / 2, stride / 2)
        mine = (dx <= np.minimum(CENTRE * stride, reach_x)) & (dy <= np.minimum(CENTRE * stride, reach_y))
        mine &= (side[i] >= low) & (side[i] <= high)
        target[mine, 0:2] = 1
        target[mine, 2:6] = boxes[i]
        target[mine, 6:16] = points[i]
        target[mine, 16] = known[i]
        target[mine, 17] = side[i]
    return target


def decode(rows: Array, height: int, width: int, threshold: float = 0.02, overlap: float = 0.3) -> Array:
    """Faces N x 15 (x, y, w, h, five points, score) from rows A x 16 whose two scores are probabilities, best first.

    The same reading and the same suppression of overlaps as ``cv2.FaceDetectorYN``.
    """
    return decode_cells(grid(height, width), rows, threshold, overlap)


def decode_cells(cells: Array, rows: Array, threshold: float = 0.02, overlap: float = 0.3) -> Array:
    """``decode`` for some cells (x, y, stride) only."""
    score = np.sqrt(np.clip(rows[:, 0], 0, 1) * np.clip(rows[:, 1], 0, 1))
    keep = np.flatnonzero(score >= threshold)
    keep = keep[np.argsort(-score[keep])][:2000]
    if not len(keep):
        return np.zeros((0, 15), np.float32)
    place, stride, row = cells[keep, :2], cells[keep, 2:3], rows[keep]
    centre = place + row[:, 2:4] * stride
    size = np.exp(np.clip(row[:, 4:6], -8, 8)) * stride
    points = np.tile(place, (1, 5)) + row[:, 6:16] * stride
    faces = np.concatenate([centre - size / 2, size, points, score[keep, None]], 1).astype(np.float32)
    # whole pixels, as FaceDetectorYN does
    chosen = cv2.dnn.NMSBoxes(faces[:, :4].astype(int).tolist(), faces[:, 14].tolist(), threshold, overlap)
    return np.asarray(faces[np.asarray(chosen, int).ravel()], np.float32)
