"""Numbers follow people."""

from __future__ import annotations

import numpy as np

from facelens.tracking import Tracker
from facelens.types import Box, Detection, Face, FrameReport, Landmarks


def report(at: float, *boxes: Box) -> FrameReport:
    five = Landmarks(np.zeros((5, 2)), "five")
    faces = tuple(Face(i + 1, Detection(box, 0.9, five)) for i, box in enumerate(boxes))
    return FrameReport(0, at, (640, 480), faces)


def ids(found: FrameReport) -> list[int]:
    return [face.track_id for face in found.faces]


def test_numbers_stay_when_the_order_changes() -> None:
    tracker = Tracker()
    a, b = Box(0, 0, 50, 50), Box(200, 0, 50, 50)
    assert ids(tracker.update(report(0.0, a, b))) == [1, 2]
    assert ids(tracker.update(report(0.1, Box(203, 2, 50, 50), Box(4, 1, 50, 50)))) == [2, 1]


def test_a_short_absence_keeps_the_number_and_a_long_one_does_not() -> None:
    tracker = Tracker()
    a = Box(0, 0, 50, 50)
    tracker.update(report(0.0, a))
    tracker.update(report(0.3))
    assert ids(tracker.update(report(0.8, a))) == [1]
    assert ids(tracker.update(report(2.5, a))) == [2]


def test_two_faces_never_share_a_number() -> None:
    tracker = Tracker()
    tracker.update(report(0.0, Box(0, 0, 50, 50)))
    found = ids(tracker.update(report(0.1, Box(5, 0, 50, 50), Box(-8, 0, 50, 50))))
    assert sorted(found) == [1, 2]
    assert found[0] == 1
