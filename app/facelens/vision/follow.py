"""A face that is followed from frame to frame by its own landmarks, without a detector."""

from __future__ import annotations

import numpy as np

from facelens.geometry import similarity, transform
from facelens.types import Box, Detection, Face, Landmarks

MOST_SPREAD = 0.11
"""A followed face whose landmarks spread further (mean over the points, as a share of its width) is no longer one."""
MOST_CHANGE = 1.25
"""A face that grows or shrinks more than this from one frame to the next is no longer followed."""
MOST_BENT = 0.025
"""Root mean square change of shape since the anchor, as a share of the face's width, from which on it is to be detected
anew: a head that turned, or landmarks that begin to go astray. Good ones stay below half of it."""


def bare(face: Face) -> Face:
    """The face with its place and landmarks alone."""
    return Face(face.track_id, face.detection, landmarks=face.landmarks)


def moved(anchor: Face, old: Face, new: Face) -> Face | None:
    """A followed face at its new place, with landmarks and without readings; None where it is lost.

    Box and five points go with the landmarks, by the similarity transform that takes those of the anchor to the new
    ones: small errors of one frame after another do not add up.

    Args:
        anchor: the face where it was last detected, with the landmarks found there.
        old: the face in the frame before, with landmarks.
        new: the landmarks found in this frame from the old place.
    """
    if new.landmarks is None or old.landmarks is None or anchor.landmarks is None:
        return None
    width = max(old.detection.box.width, 1.0)
    spread = new.landmarks.spread
    if spread is not None and float(spread.mean()) > MOST_SPREAD * width:
        return None
    if not 1 / MOST_CHANGE < _scale(old.landmarks, new.landmarks) < MOST_CHANGE:
        return None
    matrix = similarity(anchor.landmarks.points, new.landmarks.points)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    box = anchor.detection.box
    ((x, y),) = transform(matrix, [box.centre])
    size = (box.width * scale, box.height * scale)
    place = Box(float(x) - size[0] / 2, float(y) - size[1] / 2, *size)
    five = Landmarks(transform(matrix, anchor.detection.landmarks.points), "five")
    return Face(old.track_id, Detection(place, old.detection.confidence, five), landmarks=new.landmarks)


def bent(anchor: Face, face: Face) -> bool:
    """Whether the landmarks lie so differently from those of the anchor that the face should be detected anew."""
    if anchor.landmarks is None or face.landmarks is None:
        return False
    there = transform(similarity(anchor.landmarks.points, face.landmarks.points), anchor.landmarks.points)
    change = np.sqrt(((there - face.landmarks.points) ** 2).sum(axis=1).mean())
    return float(change) > MOST_BENT * max(face.detection.box.width, 1.0)


def _scale(old: Landmarks, new: Landmarks) -> float:
    matrix = similarity(old.points, new.points)
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))
