"""A face that is followed from frame to frame by its own landmarks, without a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Step:
    """Where a followed face has gone.

    Attributes:
        face: at its new place, with landmarks and without readings.
        scale: its size, in that of the anchor.
        bend: root mean square change of shape since the anchor, as a share of the face's width.
    """

    face: Face
    scale: float
    bend: float


def moved(anchor: Face, old: Face, new: Face, scale: float = 1.0) -> Step | None:
    """The step of a followed face to its new place; None where it is lost.

    Box and five points go with the landmarks, by the similarity transform that takes those of the anchor to the new
    ones: small errors of one frame after another do not add up.

    Args:
        anchor: the face where it was last detected, with the landmarks found there.
        old: the face in the frame before, with landmarks.
        new: the landmarks found in this frame from the old place.
        scale: ``Step.scale`` of the frame before.
    """
    if new.landmarks is None or old.landmarks is None or anchor.landmarks is None:
        return None
    width = max(old.detection.box.width, 1.0)
    spread = new.landmarks.spread
    if spread is not None and float(spread.mean()) > MOST_SPREAD * width:
        return None
    matrix = similarity(anchor.landmarks.points, new.landmarks.points)
    now = math.hypot(matrix[0, 0], matrix[1, 0])
    if not scale / MOST_CHANGE < now < scale * MOST_CHANGE:
        return None
    box = anchor.detection.box
    place = transform(
        matrix, np.concatenate([[box.centre], anchor.detection.landmarks.points, anchor.landmarks.points])
    )
    x, y = place[0].tolist()
    size = (box.width * now, box.height * now)
    split = 1 + len(anchor.detection.landmarks.points)
    five = Landmarks(place[1:split], "five")
    apart = (place[split:] - new.landmarks.points).ravel()
    bend = math.sqrt(float(apart @ apart) / max(len(apart) / 2, 1)) / max(size[0], 1.0)
    there = Box(x - size[0] / 2, y - size[1] / 2, *size)
    face = Face(old.track_id, Detection(there, old.detection.confidence, five), landmarks=new.landmarks)
    return Step(face, now, bend)
