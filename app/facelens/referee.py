"""Compares the faces that a run shows with what a drawn source knows of its frames: numbers that change, points that
tremble."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from facelens.geometry import iou_matrix
from facelens.sources.base import Truth
from facelens.types import Box, Face, FrameReport
from facelens.vision.schemes import to_scheme

MIN_IOU = 0.3
"""Overlap from which a face that is shown counts as the person who is there."""


class Referee:
    """Takes in one report after another, each with the truth of its frame. Not thread-safe.

    People are those of the truth, by their place in it; that place must mean the same person in all frames.

    Attributes:
        id_switches: how often a person who is shown has another number than the last time the person was shown; being
            away between does not count (Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
            The CLEAR MOT Metrics", EURASIP Journal on Image and Video Processing 2008).
    """

    def __init__(self) -> None:
        self.id_switches = 0
        self._numbers: dict[int, int] = {}
        self._errors: dict[int, tuple[int, npt.NDArray[np.float64]]] = {}
        self._squares, self._count, self._turn = 0.0, 0, 0

    @property
    def jitter_px(self) -> float | None:
        """How far the five points of a face that is shown in two frames running move beside the true ones, px.

        The root mean square, over faces and points, of the change of (shown - true) from one frame to the next: a
        constant offset is no jitter, nor is a face that really moves. None before the first such pair of frames.
        """
        return math.sqrt(self._squares / self._count) if self._count else None

    def update(self, report: FrameReport, truth: Truth) -> None:
        """Take in the next frame."""
        self._turn += 1
        for person, face in self._pairs(report.faces, truth.boxes).items():
            number = self._numbers.get(person)
            self.id_switches += number is not None and number != face.track_id
            self._numbers[person] = face.track_id
            error = _five(face) - truth.points[person].astype(np.float64)
            turn, before = self._errors.get(person, (-1, error))
            if turn == self._turn - 1:
                self._squares += float(((error - before) ** 2).sum())
                self._count += len(error)
            self._errors[person] = (self._turn, error)

    def _pairs(self, faces: tuple[Face, ...], boxes: tuple[Box, ...]) -> dict[int, Face]:
        """The face of each person who is shown: first those whose number goes on, then the best overlap."""
        overlap = iou_matrix(list(boxes), [face.detection.box for face in faces])
        pairs: dict[int, Face] = {}
        for person, number in self._numbers.items():
            for column, face in enumerate(faces):
                if face.track_id == number and person < len(boxes) and overlap[person, column] >= MIN_IOU:
                    pairs[person] = face
                    overlap[person, :], overlap[:, column] = -1, -1
        while overlap.size and overlap.max() >= MIN_IOU:
            person, column = (int(place) for place in np.unravel_index(int(overlap.argmax()), overlap.shape))
            pairs[person] = faces[column]
            overlap[person, :], overlap[:, column] = -1, -1
        return pairs


def _five(face: Face) -> npt.NDArray[np.float64]:
    """The five points as they are shown: of the landmarks where they were measured, else the detector's."""
    found = to_scheme(face.landmarks, "five") if face.landmarks is not None else None
    return (found or face.detection.landmarks).points.astype(np.float64)
