"""How many pixels of a live view the detector sees."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facelens.types import Box, Detection, Landmarks
from facelens.vision import detector
from facelens.vision.gaze import FULL_SECONDS, LEAST_PX, Gaze

FULL, WIDE = 640, 1280


class Room:
    """Faces of given widths in a frame ``WIDE`` px wide; those under ``least`` px in the detector's view are missed."""

    def __init__(self, *widths: float, least: float = 0.0) -> None:
        self.people = [Box(500.0 * i, 0, width, width) for i, width in enumerate(widths)]
        self.least = least
        self.sides: list[int] = []

    def look(self, side: int) -> tuple[Detection, ...]:
        self.sides.append(side)
        points = Landmarks(np.zeros((5, 2)), "five")
        return tuple(Detection(box, 0.9, points) for box in self.people if box.width * side / WIDE >= self.least)


def test_the_first_look_is_full_and_the_next_is_as_quick_as_the_smallest_face_allows() -> None:
    gaze, room = Gaze(FULL), Room(400, 200)
    gaze.find(room.look, 5.0, WIDE)
    gaze.find(room.look, 5.03, WIDE)
    assert room.sides == [FULL, FULL // 2]
    small = Room(400, LEAST_PX * WIDE / 500)
    gaze = Gaze(FULL)
    gaze.find(small.look, 0.0, WIDE)
    gaze.find(small.look, 0.03, WIDE)
    assert small.sides == [FULL, round(FULL * 0.8)]
    assert gaze.side == round(FULL * 0.8)


def test_small_faces_and_nobody_get_full_looks() -> None:
    for widths in ((400.0, 40.0), ()):
        gaze, room = Gaze(FULL), Room(*widths)
        for index in range(3):
            gaze.find(room.look, index / 30, WIDE)
        assert room.sides == [FULL] * 3


def test_a_full_look_comes_every_second_and_after_a_step_back() -> None:
    gaze, room = Gaze(FULL), Room(400)
    for index in range(70):
        gaze.find(room.look, index / 30, WIDE)
    full = [index for index, side in enumerate(room.sides) if side == FULL]
    assert full == [0, 30, 60]
    assert FULL_SECONDS == 1
    gaze.find(room.look, 0.5, WIDE)
    assert room.sides[-1] == FULL


def test_a_quick_look_that_misses_somebody_is_followed_by_a_full_one() -> None:
    gaze, room = Gaze(FULL), Room(200, least=75)
    assert len(gaze.find(room.look, 0.0, WIDE)) == 1
    found = gaze.find(room.look, 0.1, WIDE)
    assert room.sides == [FULL, FULL // 2, FULL]
    assert len(found) == 1


def test_those_who_are_followed_count_as_known() -> None:
    gaze, room = Gaze(FULL), Room(300)
    gaze.find(room.look, 0.0, WIDE, ())
    gaze.find(room.look, 0.1, WIDE, Room(300).people)
    gaze.find(room.look, 0.2, WIDE, Room(300, 30).people)
    gaze.find(room.look, 0.3, WIDE, ())
    assert room.sides == [FULL, FULL // 2, FULL, FULL]


@pytest.mark.parametrize(("longest", "sides"), [(320, {640}), (400, {640, 320}), (640, {640, 320})])
def test_a_quick_look_at_a_small_frame_shows_fewer_pixels_or_is_none(longest: int, sides: set[int]) -> None:
    gaze, room = Gaze(FULL), Room(200)
    for index in range(4):
        gaze.find(room.look, index / 30, longest)
    assert set(room.sides) == sides


def test_somebody_new_does_not_stand_in_for_somebody_who_is_missed() -> None:
    gaze = Gaze(FULL)
    room = Room(400, 200, least=75)
    gaze.find(room.look, 0.0, WIDE)
    room.people = [Box(0, 0, 400, 400), Box(500, 0, 200, 200), Box(800, 300, 300, 300)]
    found = gaze.find(room.look, 0.1, WIDE)
    assert room.sides == [FULL, FULL // 2, FULL]
    assert len(found) == 3


def test_where_somebody_was_missed_the_next_quick_looks_are_closer() -> None:
    gaze, room = Gaze(FULL), Room(200, least=75)
    for index in range(30):
        assert len(gaze.find(room.look, index / 30, WIDE)) == 1
    # 75 of the frame's 200 px are seen from 480 px on
    assert room.sides[:8] == [640, 320, 640, 384, 640, 448, 640, 512]
    assert set(room.sides[8:]) == {512}


def test_what_a_quick_look_alone_has_seen_need_not_be_found_again() -> None:
    gaze, room = Gaze(FULL), Room(400)
    gaze.find(room.look, 0.0, WIDE)
    room.people.append(Box(700, 0, 100, 100))
    assert len(gaze.find(room.look, 0.1, WIDE)) == 2
    room.people.pop()
    assert len(gaze.find(room.look, 0.2, WIDE)) == 1
    assert room.sides == [FULL, FULL // 2, FULL // 2]


@pytest.mark.parametrize("size", [(416, 234), (320, 180), (213, 120), (640, 360), (1000, 563)])
def test_a_smaller_picture_is_the_mean_of_its_pixels_in_its_place(size: tuple[int, int]) -> None:
    """As by areas, but for what a last step of less than a half blurs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (9, 16, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (1280, 720), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(image + rng.normal(0, 25, image.shape), 0, 255).astype(np.uint8)
    small = detector.resized(noisy, size)
    expected = cv2.resize(noisy, size, interpolation=cv2.INTER_AREA).astype(float)
    assert small.shape == expected.shape
    off = small - expected
    assert abs(off.mean()) < 0.5
    # a pixel in the wrong place, or one for many, would differ by the noise
    assert off.std() < 25 * max(size) / 1280 * 0.8


def test_pictures_whose_sides_are_odd_are_not_cut() -> None:
    image = np.zeros((721, 1283, 3), np.uint8)
    image[-1], image[:, -1] = 255, 255
    small = detector.resized(image, (400, 225))
    assert small.shape == (225, 400, 3)
    assert small[-1].min() > 40
    assert small[:, -1].min() > 40
