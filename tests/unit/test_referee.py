"""The referee, by hand: two people, a few frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facelens.referee import Referee
from facelens.sources import DemoSource
from facelens.sources.base import Truth
from facelens.types import Box, Detection, Face, FrameReport, Landmarks

FIVE = np.float32([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]])
LEFT, RIGHT = 0.0, 300.0


def truth(*places: float) -> Truth:
    return Truth(tuple(Box(x, 0, 100, 120) for x in places), tuple(FIVE + np.float32([x, 0]) for x in places))


def face(number: int, x: float, off: tuple[float, float] = (0, 0)) -> Face:
    """A face found at ``x``, its points ``off`` pixels beside the true ones."""
    points = FIVE + np.float32([x, 0]) + np.float32(off)
    return Face(number, Detection(Box(x + 5, 3, 95, 118), 0.9, Landmarks(points, "five")))


def report(*faces: Face) -> FrameReport:
    return FrameReport(0, 0.0, (640, 480), faces)


def judged(*frames: tuple[FrameReport, Truth]) -> Referee:
    made = Referee()
    for found, true in frames:
        made.update(found, true)
    return made


def test_two_who_change_numbers_are_two_switches() -> None:
    both = truth(LEFT, RIGHT)
    kept = report(face(1, LEFT), face(2, RIGHT))
    changed = report(face(2, LEFT), face(1, RIGHT))
    assert judged((kept, both), (kept, both)).id_switches == 0
    assert judged((kept, both), (changed, both)).id_switches == 2
    assert judged((kept, both), (changed, both), (changed, both), (kept, both)).id_switches == 4


def test_who_comes_back_under_a_new_number_is_one_switch() -> None:
    one = truth(LEFT)
    seen = judged((report(face(1, LEFT)), one), (report(), one), (report(face(1, LEFT)), one))
    assert seen.id_switches == 0
    seen.update(report(), one)
    seen.update(report(face(7, LEFT)), one)
    assert seen.id_switches == 1


def test_a_number_that_goes_on_is_kept_where_two_overlap() -> None:
    # the second box fits the first person better, and still has the other's number
    close = truth(0.0, 40.0)
    first = report(face(1, 0.0), face(2, 40.0))
    crossed = report(face(1, 22.0), face(2, 18.0))
    assert judged((first, close), (crossed, close)).id_switches == 0


def test_a_face_where_nobody_is_counts_for_nobody() -> None:
    one = truth(LEFT)
    seen = judged((report(face(1, LEFT), face(2, RIGHT)), one), (report(face(2, LEFT + 99)), one))
    assert seen.id_switches == 0
    assert seen.jitter_px is None


def test_jitter_is_the_change_of_the_error() -> None:
    def at(x: float, off: tuple[float, float]) -> tuple[FrameReport, Truth]:
        return report(face(1, x, off)), truth(x)

    # always 4 px beside, and moving: no jitter
    assert judged(at(0, (4, 0)), at(9, (4, 0)), at(20, (4, 0))).jitter_px == pytest.approx(0, abs=1e-5)
    # by (3, 4) and back: 5 px each time
    assert judged(at(0, (0, 0)), at(0, (3, 4)), at(0, (0, 0))).jitter_px == pytest.approx(5)
    # 5 px once and 0 px once: the root of (25 + 0) / 2
    assert judged(at(0, (0, 0)), at(0, (3, 4)), at(0, (3, 4))).jitter_px == pytest.approx(math.sqrt(12.5))


def test_jitter_needs_two_frames_running() -> None:
    one = truth(LEFT)
    apart = judged((report(face(1, LEFT)), one), (report(), one), (report(face(1, LEFT, (9, 9))), one))
    assert apart.jitter_px is None


def test_the_points_that_are_shown_count() -> None:
    """Where 68 points were measured these are shown, not the detector's five."""

    def shown(off: float) -> FrameReport:
        from facelens.vision.schemes import FIVE as GROUPS

        points = np.zeros((68, 2), np.float32)
        for group, point in zip(GROUPS, FIVE):
            points[list(group)] = point + np.float32([off, 0])
        inner = face(1, LEFT, (50, 50))
        return report(Face(1, inner.detection, landmarks=Landmarks(points, "ibug68")))

    assert judged((shown(0), truth(LEFT)), (shown(2), truth(LEFT))).jitter_px == pytest.approx(2)


def test_the_demo_against_itself_is_perfect() -> None:
    source = DemoSource((320, 240), faces=3, paced=False)
    seen = Referee()
    for index in range(0, 90, 3):
        true = source.truth(index)
        faces = tuple(
            Face(number + 1, Detection(box, 0.9, Landmarks(points, "five")))
            for number, (box, points) in enumerate(zip(true.boxes, true.points))
        )
        seen.update(report(*faces), true)
    assert seen.id_switches == 0
    assert seen.jitter_px == pytest.approx(0, abs=1e-4)
