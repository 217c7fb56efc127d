"""A face that is followed from frame to frame by its own landmarks, without a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facelens.geometry import Matrix, similarity, transform
from facelens.types import Box, Detection, Face, Landmarks

MOST_SPREAD = 0.11
"""A followed face whose landmarks spread further (mean over the points, as a share of its width) is no longer one."""
MOST_CHANGE = 1.25
"""A face that grows or shrinks more than this from one frame to the next is no longer followed."""
MOST_BENT = 0.025
"""Root mean square change of shape since the anchor, as a share of the face's width, from which on it is to be detected
anew: a head that turned, or landmarks that begin to go astray. Good ones stay below half of it."""

MOST_ASTRAY = 0.018
"""Root mean square distance of the landmarks from where they were expected, as a share of the face's width, up to which
a face goes on steadily. Those of the demo's moving faces tremble by 0.010 (median, 90 % within 0.015 to 0.019); 20
of the 68 points, as a mouth has, that move by a twentieth of the width make 0.027."""

NEWS = 0.5
"""Share of the newest change in a course: with all of it the points of a carried face tremble a tenth more."""


@dataclass(frozen=True, slots=True)
class Course:
    """Where a face is going, by its landmarks.

    Attributes:
        at: time of the last sight of it, seconds.
        points: its landmarks then, N x 2 px.
        rate: change of a place in the picture a second, 2 x 3: ``rate @ (x, y, 1)`` px.
        steady: it was where its course took it, and its shape as before.
    """

    at: float
    points: npt.NDArray[np.float32]
    rate: Matrix
    steady: bool = False

    @staticmethod
    def begin(face: Face, now: float) -> Course:
        """Of a face that was just found, with landmarks: it stands still until it is seen again."""
        assert face.landmarks is not None
        return Course(now, face.landmarks.points, np.zeros((2, 3)))

    def seen(self, face: Face, expected: Face, now: float) -> Course:
        """After another sight of it.

        Args:
            face: with its landmarks.
            expected: the face ``carried`` on, as it would be on this course.
            now: of the sight, seconds.
        """
        assert face.landmarks is not None
        assert expected.landmarks is not None
        points, since = face.landmarks.points, now - self.at
        rate = self.rate
        if since > 0:
            rate = rate + NEWS * ((similarity(self.points, points) - np.eye(2, 3)) / since - rate)
        apart = (points - expected.landmarks.points).ravel()
        error = math.sqrt(float(apart @ apart) / max(len(points), 1)) / max(face.detection.box.width, 1.0)
        return Course(now, points, rate, error < MOST_ASTRAY)


def carried(face: Face, course: Course, seconds: float) -> Face:
    """The face so much later on its course, with its place and landmarks alone."""
    change = np.eye(2, 3) + course.rate * seconds
    box, five, marks = face.detection.box, face.detection.landmarks, face.landmarks
    more = () if marks is None else (marks.points,)
    place = transform(change, np.concatenate([np.array([box.centre]), five.points, *more]))
    (x, y), size = place[0].tolist(), math.hypot(change[0, 0], change[1, 0])
    width, height = box.width * size, box.height * size
    split = 1 + len(five.points)
    there = Detection(
        Box(x - width / 2, y - height / 2, width, height),
        face.detection.confidence,
        Landmarks(place[1:split], five.scheme),
    )
    if marks is not None:
        marks = Landmarks(place[split:], marks.scheme, marks.spread)
    return Face(face.track_id, there, landmarks=marks)


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
