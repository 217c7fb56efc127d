"""How well numbers follow people: the CLEAR MOT figures, from true and found boxes frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from facelens.geometry import iou_matrix
from facelens.tracking import assign
from facelens.types import Box, FrameReport

SAME_IOU = 0.5
"""Overlap from which a found face is that of a true one."""


@dataclass(frozen=True, slots=True)
class TrackingFigures:
    """Sums over all frames added.

    Attributes:
        faces: true faces, counted in every frame.
        missed: of these, how many no face was found for.
        false: faces found where there is none.
        switches: how often a person was found under another number than the last time.
        fragmentations: how often a person who was there was lost and found again.
        overlap: mean IoU of true and found faces, 0..1.
    """

    faces: int
    missed: int
    false: int
    switches: int
    fragmentations: int
    overlap: float

    @property
    def mota(self) -> float:
        """Multiple object tracking accuracy: 1 less the share of all errors; 1 is best, it may be negative."""
        return 1 - (self.missed + self.false + self.switches) / max(self.faces, 1)


class TrackingTally:
    """Compares frame after frame of one sequence (K. Bernardin and R. Stiefelhagen, "Evaluating Multiple Object
    Tracking Performance: The CLEAR MOT Metrics", EURASIP Journal on Image and Video Processing, 2008).

    A pair of person and number that fits lasts for as long as their boxes overlap by ``SAME_IOU``, even where another
    would overlap more; the others are assigned so that most overlap. A person who was away keeps the last number in
    the tally. Fragmentations are those of Y. Li, C. Huang and R. Nevatia, "Learning to Associate: HybridBoosted
    Multi-Target Tracker for Crowded Scene", CVPR 2009.
    """

    def __init__(self) -> None:
        self._number_of: dict[int, int] = {}
        self._interrupted: set[int] = set()
        self._faces = self._missed = self._false = self._switches = self._fragments = 0
        self._overlap = 0.0

    def add(self, truth: Mapping[int, Box], found: Sequence[tuple[int, Box]]) -> None:
        """One frame: the box of each person who can be seen, and the number and box of each face found; px."""
        people = list(truth)
        overlap = iou_matrix([truth[person] for person in people], [box for _, box in found])
        column_of = {number: column for column, (number, _) in enumerate(found)}
        pairs: dict[int, int] = {}
        for row, person in enumerate(people):
            column = column_of.get(self._number_of.get(person, -1), -1)
            if column >= 0 and column not in pairs.values() and overlap[row, column] >= SAME_IOU:
                pairs[row] = column
        rows = [row for row in range(len(people)) if row not in pairs]
        columns = [column for column in range(len(found)) if column not in pairs.values()]
        if rows and columns:
            for i, j in assign(1 - overlap[rows][:, columns], 1 - SAME_IOU + 1e-9):
                pairs[rows[i]] = columns[j]
        self._faces += len(people)
        self._missed += len(people) - len(pairs)
        self._false += len(found) - len(pairs)
        for row, person in enumerate(people):
            if row not in pairs:
                if person in self._number_of:
                    self._interrupted.add(person)
                continue
            number = found[pairs[row]][0]
            self._switches += self._number_of.get(person, number) != number
            self._number_of[person] = number
            self._fragments += person in self._interrupted
            self._interrupted.discard(person)
            self._overlap += float(overlap[row, pairs[row]])

    def figures(self) -> TrackingFigures:
        hits = self._faces - self._missed
        return TrackingFigures(
            self._faces, self._missed, self._false, self._switches, self._fragments, self._overlap / max(hits, 1)
        )


def compare(truth: Iterable[Mapping[int, Box]], reports: Iterable[FrameReport]) -> TrackingFigures:
    """The figures of a whole sequence: the people of each frame, and the report of what was found in it."""
    tally = TrackingTally()
    for people, report in zip(truth, reports, strict=True):
        tally.add(people, [(face.track_id, face.detection.box) for face in report.faces])
    return tally.figures()
