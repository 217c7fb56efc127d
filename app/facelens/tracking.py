"""Stable numbers for people: each frame's faces are matched one to one with those of the frames before."""

from __future__ import annotations

import dataclasses

import numpy as np

from facelens.geometry import iou_matrix
from facelens.types import Box, FrameReport

MIN_IOU = 0.2
KEEP_SECONDS = 1.0


@dataclasses.dataclass(slots=True)
class _Track:
    number: int
    box: Box
    seen_at: float


class Tracker:
    """Greedy one-to-one matching on overlap, best pair first; a lost face keeps its number for a second.

    Not thread-safe: call it from one thread, with reports in the order of their frames.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next = 1

    def update(self, report: FrameReport) -> FrameReport:
        """The same report with ``track_id`` numbers that follow people over time."""
        now = report.captured_at
        self._tracks = [t for t in self._tracks if now - t.seen_at <= KEEP_SECONDS]
        boxes = [face.detection.box for face in report.faces]
        overlap = iou_matrix([t.box for t in self._tracks], boxes)
        matched: dict[int, _Track] = {}
        while overlap.size and overlap.max() >= MIN_IOU:
            row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
            matched[int(column)] = self._tracks[int(row)]
            overlap[row, :], overlap[:, column] = -1, -1
        faces = []
        for index, face in enumerate(report.faces):
            track = matched.get(index)
            if track is None:
                track = _Track(self._next, boxes[index], now)
                self._next += 1
                self._tracks.append(track)
            track.box, track.seen_at = boxes[index], now
            faces.append(dataclasses.replace(face, track_id=track.number))
        return dataclasses.replace(report, faces=tuple(faces))
