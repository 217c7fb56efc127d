"""Turns a report into a draw list: what to draw over the picture, in view pixels. Pure; nothing is painted here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facelens.geometry import transform
from facelens.types import Box, Face, FrameReport, Landmarks, Points
from facelens.vision.schemes import to_scheme

PEOPLE_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#D55E00")
"""Colours of people, from M. Okabe and K. Ito, "Color Universal Design", 2008; one each while a person is tracked."""

CHIP, CHIP_TEXT, CHIP_MUTED, RING_TRACK, SCORE = "#0F1216", "#FFFFFF", "#C3CBD6", "#3A434F", "#FFB454"
TEXT_SIZE, CHIP_HEIGHT, CHIP_PAD, GAP = 13.0, 28.0, 10.0, 8.0
RING_RADIUS = 22.0
UNSURE_SPREAD = 0.05
"""A point whose spread is a larger share of the face's width is drawn faint."""

PointsChoice = Literal["none", "five", "kaggle15", "ibug68"]
Measure = Callable[[str, float, bool], float]
"""(text, size in px, bold) -> width in px, as the painter at hand will draw it."""


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What the overlay shows."""

    boxes: bool = True
    labels: bool = True
    points: PointsChoice = "ibug68"
    scores: bool = True


@dataclass(frozen=True, slots=True)
class ViewMap:
    """Where the picture lies in the view: view = picture * scale + (dx, dy); the overlay stays in width x height px.

    ``left`` and ``top`` are the corner of the area the overlay may use, in view pixels.
    """

    scale: float
    dx: float
    dy: float
    width: float
    height: float
    left: float = 0.0
    top: float = 0.0

    def points(self, points: Points) -> Points:
        return transform(np.array([[self.scale, 0, self.dx], [0, self.scale, self.dy]]), points)

    def box(self, box: Box) -> Box:
        s = self.scale
        return Box(box.x * s + self.dx, box.y * s + self.dy, box.width * s, box.height * s)


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    points: Points
    colour: str
    width: float
    alpha: float = 1.0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Disc:
    x: float
    y: float
    radius: float
    colour: str
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Ring:
    """An arc; degrees clockwise, 0 at the top."""

    x: float
    y: float
    radius: float
    width: float
    start_deg: float
    sweep_deg: float
    colour: str
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Panel:
    x: float
    y: float
    width: float
    height: float
    radius: float
    colour: str
    alpha: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """``y`` is the vertical centre of the line."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    align: Literal["left", "centre", "right"] = "left"
    alpha: float = 1.0


Primitive = Stroke | Disc | Ring | Panel | Text


def person_colour(track_id: int) -> str:
    """The colour of a person, the same for as long as the person keeps the number."""
    return PEOPLE_COLOURS[(track_id - 1) % len(PEOPLE_COLOURS)]


def label_parts(face: Face) -> tuple[str, ...]:
    """The words of a face's chip: number, apparent age with its band, perceived gender or "not sure"."""
    parts = [str(face.track_id)]
    if face.age is not None:
        parts.append(f"{face.age.years:.0f} ({face.age.low:.0f}–{face.age.high:.0f})")
    if face.gender is not None:
        parts.append(face.gender.label if face.gender.sure else "not sure")
    return tuple(parts)


def draw_list(
    report: FrameReport, options: OverlayOptions, view: ViewMap, measure: Measure, *, chosen: int | None = None
) -> tuple[Primitive, ...]:
    """Everything to paint over the frame of ``report``, back to front, in view pixels.

    Chips avoid each other, the score rings and the edges; text keeps its size whatever the picture's scale.

    Args:
        measure: the painter's text measure.
        chosen: ``track_id`` of the face the panel shows; its brackets are drawn stronger.
    """
    items: list[Primitive] = []
    taken: list[Box] = []
    faces = sorted(report.faces, key=lambda face: -face.detection.box.area)
    for face in faces:
        box = view.box(face.detection.box)
        colour = person_colour(face.track_id)
        if options.boxes:
            items += brackets(box, colour, 3.5 if face.track_id == chosen else 2.5)
        if options.points != "none":
            items += _points(face, options.points, view)
    for face in faces:
        box = view.box(face.detection.box)
        if options.scores and face.score is not None:
            items += _score(face.score.value, box, view, taken)
    for face in faces:
        box = view.box(face.detection.box)
        if options.labels:
            items += _chip(face, box, view, taken, measure)
    return tuple(items)


def brackets(box: Box, colour: str, width: float) -> list[Primitive]:
    """Four rounded corners of a box."""
    arm = float(np.clip(min(box.width, box.height) * 0.18, 6, 40))
    radius = min(arm * 0.4, 10.0)
    turn = np.linspace(0, np.pi / 2, 6)
    corner = np.concatenate(
        [[[0, arm]], np.stack([radius - radius * np.cos(turn), radius - radius * np.sin(turn)], 1), [[arm, 0]]]
    )
    items: list[Primitive] = []
    for x, sx in ((box.x, 1), (box.right, -1)):
        for y, sy in ((box.y, 1), (box.bottom, -1)):
            line = (corner * (sx, sy) + (x, y)).astype(np.float32)
            items.append(Stroke(line, "#000000", width + 2, 0.25))
            items.append(Stroke(line, colour, width))
    return items


def _points(face: Face, choice: PointsChoice, view: ViewMap) -> list[Primitive]:
    landmarks: Landmarks | None = face.landmarks or face.detection.landmarks
    shown = to_scheme(landmarks, choice if choice != "none" else "five") if landmarks else None
    if shown is None:
        # fewer points were measured than asked for: show what there is
        shown = face.detection.landmarks
    size = view.box(face.detection.box).width
    radius = 2.0 if size >= 90 else 1.4 if size >= 45 else 1.0
    spread = np.zeros(len(shown.points)) if shown.spread is None else shown.spread
    faint = spread > UNSURE_SPREAD * face.detection.box.width
    return [
        Disc(float(x), float(y), radius, "#FFFFFF", 0.35 if unsure else 0.8)
        for (x, y), unsure in zip(view.points(shown.points), faint)
    ]


def _overlap(box: Box, taken: Sequence[Box]) -> float:
    return sum(
        max(0.0, min(box.right, b.right) - max(box.x, b.x)) * max(0.0, min(box.bottom, b.bottom) - max(box.y, b.y))
        for b in taken
    )


def _place(width: float, height: float, spots: Sequence[tuple[float, float]], view: ViewMap, taken: list[Box]) -> Box:
    """The spot of the first choice that is free, else the one that hides least; always inside the view."""
    best, least = None, float("inf")
    for rank, (x, y) in enumerate(spots):
        x = min(max(x, view.left + 4), max(view.left + view.width - width - 4, view.left + 4))
        y = min(max(y, view.top + 4), max(view.top + view.height - height - 4, view.top + 4))
        box = Box(x, y, width, height)
        cost = _overlap(box, taken) + rank * 0.01
        if cost < least:
            best, least = box, cost
    assert best is not None
    taken.append(best)
    return best


def _score(value: float, box: Box, view: ViewMap, taken: list[Box]) -> list[Primitive]:
    radius = RING_RADIUS if box.width >= 90 else 16.0
    d = 2 * radius
    spots = [
        (box.right + GAP, box.y - 2),
        (box.x - GAP - d, box.y - 2),
        (box.right + GAP, box.bottom - d),
        (box.x - GAP - d, box.bottom - d),
        (box.centre[0] - radius, box.bottom + GAP),
    ]
    spot = _place(d, d, spots, view, taken)
    x, y = spot.centre
    width = 4.0 if radius > 20 else 3.0
    items: list[Primitive] = [
        Disc(x, y, radius, CHIP, 0.82),
        Ring(x, y, radius - 5, width, 0, 360, RING_TRACK),
        Ring(x, y, radius - 5, width, 0, 3.6 * value, SCORE),
        Text(x, y, f"{value:.0f}", TEXT_SIZE if radius > 20 else 11.0, CHIP_TEXT, True, "centre"),
    ]
    return items


def _chip(face: Face, box: Box, view: ViewMap, taken: list[Box], measure: Measure) -> list[Primitive]:
    parts = label_parts(face)
    small = box.width < 60 and view.width < 5 * CHIP_HEIGHT * 8
    size = 11.0 if small else TEXT_SIZE
    height = 22.0 if small else CHIP_HEIGHT
    gap = 10.0
    widths = [measure(part, size, index < 2) for index, part in enumerate(parts)]
    width = CHIP_PAD * 2 + 10 + GAP + sum(widths) + gap * (len(parts) - 1)
    left = box.x
    spots = [(left, box.y - GAP - height), (left, box.bottom + GAP), (box.right - width, box.y - GAP - height)]
    spots += [(left, box.y - GAP - height - step * (height + 4)) for step in (1, 2)]
    spots += [(left, box.bottom + GAP + step * (height + 4)) for step in (1, 2)]
    spot = _place(width, height, spots, view, taken)
    middle = spot.y + height / 2
    items: list[Primitive] = [
        Panel(spot.x, spot.y, width, height, 8, CHIP, 0.82),
        Disc(spot.x + CHIP_PAD + 4, middle, 4.5, person_colour(face.track_id)),
    ]
    x = spot.x + CHIP_PAD + 10 + GAP
    for index, (part, advance) in enumerate(zip(parts, widths)):
        items.append(Text(x, middle, part, size, CHIP_TEXT if index < 2 else CHIP_MUTED, index < 2))
        x += advance + gap
    return items
