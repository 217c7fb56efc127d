"""The draw list: what is shown, where chips go, and that painting only touches what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facelens.overlay import (
    Disc,
    OverlayOptions,
    Panel,
    Ring,
    Stroke,
    Text,
    ViewMap,
    draw_list,
    label_parts,
    person_colour,
)
from facelens.paint_cv import annotate
from facelens.types import AgeEstimate, Box, Detection, Face, FaceScore, FrameReport, GenderEstimate, Landmarks
from facelens.vision.attributes import age_estimate

VIEW = ViewMap(1.0, 0.0, 0.0, 640, 480)


def measure(text: str, size: float, bold: bool) -> float:
    return len(text) * size * 0.6


def age() -> AgeEstimate:
    p = np.exp(-0.5 * ((np.arange(101) - 39) / 5) ** 2)
    return age_estimate(p / p.sum())


def face(number: int, box: Box, probability: float = 0.97) -> Face:
    five = Landmarks(
        np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]) * box.width + [box.x, box.y], "five"
    )
    turn = np.linspace(0, 6, 68)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1) * box.width / 3 + box.centre
    return Face(
        number,
        Detection(box, 0.9, five),
        age(),
        GenderEstimate("female", probability),
        Landmarks(ring, "ibug68"),
        score=FaceScore(82, (), ()),
    )


def listed(*faces: Face, **options: object) -> tuple[object, ...]:
    report = FrameReport(0, 0.0, (640, 480), faces)
    return draw_list(report, OverlayOptions(**options), VIEW, measure)  # type: ignore[arg-type]


def test_everything_is_drawn_and_each_toggle_takes_its_part_away() -> None:
    one = face(1, Box(200, 150, 120, 150))
    every = listed(one)
    assert sum(isinstance(i, Stroke) for i in every) == 8
    assert sum(isinstance(i, Ring) for i in every) == 2
    assert sum(isinstance(i, Disc) and i.colour == "#FFFFFF" for i in every) == 68
    assert [i.text for i in every if isinstance(i, Text)] == ["82", "1", "39 (33–45)", "female"]
    assert not any(isinstance(i, Stroke) for i in listed(one, boxes=False))
    assert not any(isinstance(i, Ring) for i in listed(one, scores=False))
    assert [i.text for i in listed(one, labels=False) if isinstance(i, Text)] == ["82"]
    assert sum(isinstance(i, Disc) and i.colour == "#FFFFFF" for i in listed(one, points="kaggle15")) == 15
    assert sum(isinstance(i, Disc) and i.colour == "#FFFFFF" for i in listed(one, points="five")) == 5
    assert sum(isinstance(i, Disc) and i.colour == "#FFFFFF" for i in listed(one, points="none")) == 0


def test_points_that_may_be_far_off_are_faint() -> None:
    one = face(1, Box(200, 150, 120, 150))
    assert one.landmarks is not None
    spread = np.full(68, 2.0)
    spread[:9] = 9.0
    unsure = replace(one, landmarks=Landmarks(one.landmarks.points, "ibug68", spread))
    alphas = [i.alpha for i in listed(unsure) if isinstance(i, Disc) and i.colour == "#FFFFFF"]
    assert alphas == [0.35] * 9 + [0.8] * 59


def test_doubt_is_a_word() -> None:
    assert label_parts(face(1, Box(0, 0, 99, 99), 0.55))[-1] == "not sure"


def boxes_of(items: tuple[object, ...]) -> list[Box]:
    panels = [Box(i.x, i.y, i.width, i.height) for i in items if isinstance(i, Panel)]
    discs = [
        Box(i.x - i.radius, i.y - i.radius, 2 * i.radius, 2 * i.radius)
        for i in items
        if isinstance(i, Disc) and i.alpha == 0.82
    ]
    return panels + discs


@pytest.mark.parametrize(
    "faces",
    [
        [Box(-30, -20, 120, 150)],
        [Box(560, 400, 120, 150)],
        [Box(200, 150, 120, 150), Box(230, 160, 120, 150)],
        [Box(100, 100, 60, 70), Box(170, 100, 60, 70), Box(240, 100, 60, 70), Box(310, 105, 60, 70)],
    ],
)
def test_chips_stay_inside_and_apart(faces: list[Box]) -> None:
    found = boxes_of(listed(*[face(i + 1, b) for i, b in enumerate(faces)]))
    for box in found:
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= 640
        assert box.bottom <= 480
    for i, a in enumerate(found):
        for b in found[i + 1 :]:
            wide = min(a.right, b.right) - max(a.x, b.x)
            high = min(a.bottom, b.bottom) - max(a.y, b.y)
            assert wide <= 0.01 or high <= 0.01


def test_text_keeps_its_size_when_the_picture_is_small_in_the_view() -> None:
    report = FrameReport(0, 0.0, (1920, 1080), (face(1, Box(600, 450, 360, 450)),))
    small = draw_list(report, OverlayOptions(), ViewMap(0.3333, 10, 20, 640, 360, 10, 20), measure)
    assert {i.size for i in small if isinstance(i, Text)} == {13.0}


def test_colours_repeat_only_after_all_were_used() -> None:
    assert len({person_colour(i) for i in range(1, 7)}) == 6
    assert person_colour(7) == person_colour(1)


def test_annotate_draws_on_a_copy() -> None:
    image = np.full((480, 640, 3), 90, np.uint8)
    report = FrameReport(0, 0.0, (640, 480), (face(1, Box(200, 150, 120, 150)),))
    done = annotate(image, report)
    assert (image == 90).all()
    changed = (done != 90).any(axis=2)
    assert changed[150:300, 195:325].any()
    assert not changed[400:, :150].any()
