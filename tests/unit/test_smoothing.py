"""Boxes and points: still at rest, close behind in motion, alike for near and far faces."""

from __future__ import annotations

import numpy as np
import pytest

from facelens.tracking.smoothing import Cutoff, FaceSmoother, OneEuro
from facelens.types import Box, Detection, Face, Landmarks

SIZE, FPS = 150.0, 30
"""Of the face in px, and of the frames."""
SLIDER = (0.0, 0.25, 0.5, 0.75, 1.0)


def jitter(smoothing: float, fps: float = FPS, size: float = SIZE) -> float:
    """What is left of a shake of 1 % of the face, at rest; standard deviation in px."""
    rng = np.random.default_rng(0)
    one_euro, cutoff = OneEuro(), Cutoff.of(smoothing)
    out = [one_euro.step(rng.normal(300, 0.01 * size, (10, 2)), 1 / fps, size, cutoff) for _ in range(int(12 * fps))]
    return float(np.std(out[int(2 * fps) :], axis=0).mean())


def lag(smoothing: float, fps: float = FPS, speed: float = 1.0) -> float:
    """Milliseconds behind a steady motion of ``speed`` face sizes a second."""
    one_euro, cutoff = OneEuro(), Cutoff.of(smoothing)
    for index in range(int(3 * fps)):
        place = index / fps * speed * SIZE
        shown = float(one_euro.step(np.array([[place, 0.0]]), 1 / fps, SIZE, cutoff)[0, 0])
    return (place - shown) / (speed * SIZE) * 1000


@pytest.mark.parametrize(
    ("smoothing", "most_jitter", "most_lag"),
    [(0.0, 0.25, 70), (0.25, 0.32, 41), (0.5, 0.45, 25), (0.75, 0.6, 15), (1.0, 0.8, 9)],
)
def test_jitter_and_lag_are_those_of_the_readme(smoothing: float, most_jitter: float, most_lag: float) -> None:
    assert jitter(smoothing) < most_jitter  # of 1.5 px
    assert lag(smoothing) < most_lag


def test_the_slider_goes_from_smooth_to_quick() -> None:
    assert sorted(map(jitter, SLIDER)) == [jitter(s) for s in SLIDER]
    assert sorted(map(lag, SLIDER), reverse=True) == [lag(s) for s in SLIDER]


def test_faster_motion_lags_less_and_the_frame_rate_does_not_count() -> None:
    assert lag(0.5, speed=3.0) < lag(0.5, speed=1.0) / 2
    assert lag(0.5, fps=15) == pytest.approx(lag(0.5, fps=60), rel=0.1)


def test_near_and_far_faces_are_smoothed_alike() -> None:
    assert jitter(0.5, size=40.0) / 40 == pytest.approx(jitter(0.5, size=400.0) / 400)


def test_after_a_gap_the_face_is_where_it_is_found() -> None:
    one_euro, cutoff = OneEuro(), Cutoff.of(0.0)
    one_euro.step(np.zeros((3, 2)), 0.03, SIZE, cutoff)
    assert (one_euro.step(np.full((3, 2), 50.0), 0.03, SIZE, cutoff) < 50).all()
    assert (one_euro.step(np.full((3, 2), 90.0), 0.8, SIZE, cutoff) == 90).all()


def test_rows_that_come_and_go_do_not_disturb_the_others() -> None:
    few, many, cutoff = OneEuro(), OneEuro(), Cutoff.of(0.5)
    rng = np.random.default_rng(0)
    for index in range(20):
        values = rng.normal(100, 2, (9, 2))
        kept = few.step(values[:4], 0.03, SIZE, cutoff)
        more = many.step(values if index % 3 else values[:4], 0.03, SIZE, cutoff)
        assert np.allclose(kept, more[:4])


def test_a_face_keeps_its_schemes_spreads_and_confidence() -> None:
    five = Landmarks(np.full((5, 2), 20.0), "five")
    face = Face(
        1, Detection(Box(0, 0, 40, 50), 0.7, five), landmarks=Landmarks(np.ones((68, 2)), "ibug68", np.full(68, 3.0))
    )
    smoother = FaceSmoother()
    for _ in range(2):
        found, marks = smoother.step(face, 0.03, Cutoff.of(0.5))
    assert (found.box, found.confidence, found.landmarks.scheme) == (Box(0, 0, 40, 50), 0.7, "five")
    assert marks is not None
    assert (marks.scheme, marks.points.shape, marks.points.flags.writeable) == ("ibug68", (68, 2), False)
    assert marks.spread is not None
    assert marks.spread[0] == 3.0
