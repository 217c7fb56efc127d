"""People on the move, as a detector would see them: made from truth, without pictures or networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facelens.geometry import ARCFACE_TEMPLATE, iou_matrix
from facelens.types import Box, Detection, Face, FrameReport, Landmarks

SIZE = (1280, 720)
HIDDEN_SHARE, HIDDEN_IOU = 0.45, 0.3
"""A face is not found where nearer ones cover so much of it, or where their boxes overlap so much that a detector
keeps but one of them."""
_FIVE = (ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)) / 75.0
"""The five points relative to a face's box, in its sizes."""

Path = Callable[[float], tuple[float, float, float]]
"""Seconds -> x and y of the centre and size (root of the box's area), px."""


@dataclass(frozen=True, slots=True)
class Person:
    """A face on its way. ``depth``: who has less covers others; None: the larger face is the nearer one.

    ``away``: spans of seconds in which nobody is there. ``turn``: how far the points lie to one side, in sizes, as of
    a head that looks where it goes.
    """

    path: Path
    depth: float | None = None
    away: tuple[tuple[float, float], ...] = ()
    turn: float = 0.0

    def there(self, seconds: float) -> bool:
        return not any(start <= seconds < end for start, end in self.away)

    def number(self, place: int, seconds: float) -> int:
        """The number of the person at ``place``: another one after each absence of more than 1 s."""
        return 100 * sum(end <= seconds and end - start > 1.0 for start, end in self.away) + place + 1


@dataclass(frozen=True, slots=True)
class Flaws:
    """What the detector gets wrong: standard deviations in face sizes, and rates.

    ``jitter`` moves boxes and points, ``breathing`` changes the box's size. ``missed``: share of faces not found.
    ``false``: mean number of false alarms a frame. ``doubles``: share of faces found twice. ``uneven``: the time
    between frames varies by this share, and one frame in ten is skipped where it is not 0.
    """

    jitter: float = 0.02
    breathing: float = 0.02
    missed: float = 0.0
    false: float = 0.0
    doubles: float = 0.0
    uneven: float = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A sequence: ``reports`` as an engine would give them, with detections alone, and the ``truth`` of each frame: the
    box of everybody who can be seen, by a number that is new after an absence of more than 1 s."""

    name: str
    reports: tuple[FrameReport, ...]
    truth: tuple[dict[int, Box], ...]
    owners: tuple[tuple[int, ...], ...]
    """Of each face of each report: the number of the person, 0 for a false alarm."""


def box_of(x: float, y: float, size: float) -> Box:
    width, height = size * 0.88, size / 0.88
    return Box(x - width / 2, y - height / 2, width, height)


def film(name: str, people: Sequence[Person], seconds: float, fps: float, flaws: Flaws, seed: int) -> Scene:
    """Watch ``people`` for ``seconds`` at ``fps``; the same seed gives the same scene."""
    rng = np.random.default_rng(seed)
    reports, truth, owners = [], [], []
    for index, at in enumerate(_times(seconds, fps, flaws.uneven, rng)):
        places = {n: person.path(at) for n, person in enumerate(people) if person.there(at)}
        places = {n: (x, y, size) for n, (x, y, size) in places.items() if 0 <= x < SIZE[0] and 0 <= y < SIZE[1]}
        boxes = {n: box_of(*place) for n, place in places.items()}
        seen = _seen(people, places, boxes)
        faces: list[tuple[Face, int]] = []
        for n in seen:
            if rng.random() < flaws.missed:
                continue
            for copy in range(1 + (rng.random() < flaws.doubles)):
                # a second detection is a little worse than the first one
                face = _detected(places[n], people[n].turn, flaws, 1.5 if copy else 1.0, rng)
                faces.append((face, people[n].number(n, at)))
        for _ in range(rng.poisson(flaws.false)):
            place = (rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1]), rng.uniform(30, 160))
            faces.append((_detected(place, rng.normal(0, 0.1), flaws, 2.0, rng), 0))
        mixed = [faces[i] for i in rng.permutation(len(faces))]
        reports.append(FrameReport(index, at, SIZE, tuple(face for face, _ in mixed)))
        owners.append(tuple(owner for _, owner in mixed))
        truth.append({people[n].number(n, at): boxes[n] for n in seen})
    return Scene(name, tuple(reports), tuple(truth), tuple(owners))


def _times(seconds: float, fps: float, uneven: float, rng: np.random.Generator) -> list[float]:
    times, at = [], 0.0
    while at < seconds:
        if uneven == 0 or rng.random() >= 0.1:
            times.append(at)
        at += float(rng.uniform(1 - uneven, 1 + uneven)) / fps
    return times


def _seen(people: Sequence[Person], places: dict[int, tuple[float, float, float]], boxes: dict[int, Box]) -> list[int]:
    """Who is not covered, nearest first."""

    def depth(n: int) -> float:
        given = people[n].depth
        return given if given is not None else -places[n][2]

    seen: list[int] = []
    nearer: list[int] = []
    for n in sorted(places, key=depth):
        box = boxes[n]
        overlap = iou_matrix([box], [boxes[m] for m in nearer])[0] if nearer else np.zeros(0)
        common = [o / (1 + o) * (box.area + boxes[m].area) / box.area for o, m in zip(overlap, nearer)]
        clash = any(o > HIDDEN_IOU and m in seen for o, m in zip(overlap, nearer))
        if sum(common) < HIDDEN_SHARE and not clash:
            seen.append(n)
        nearer.append(n)
    return seen


def _detected(
    place: tuple[float, float, float],
    turn: float,
    flaws: Flaws,
    worse: float,
    rng: np.random.Generator,
) -> Face:
    x, y, size = place
    dx, dy = rng.normal(0, flaws.jitter * worse * size, 2)
    found = size * math.exp(rng.normal(0, flaws.breathing * worse))
    points = rng.normal(_FIVE, flaws.jitter / 2)
    points[:, 0] += turn
    five = Landmarks((points * size + [x, y + 0.05 * size]).astype(np.float32), "five")
    confidence = float(np.clip(rng.normal(0.85, 0.05) / worse**0.3, 0.6, 1))
    return Face(0, Detection(box_of(x + dx, y + dy, found), confidence, five))


def _line(x: float, y: float, vx: float, vy: float, size: float, growth: float = 0.0) -> Path:
    """From (x, y) at vx, vy px/s; the size grows e-fold in 1 / growth s."""
    return lambda t: (x + vx * t, y + vy * t, size * math.exp(growth * t))


def _still(x: float, y: float, size: float) -> Path:
    """Sitting, which nobody does quite still."""
    return lambda t: (x + 0.04 * size * math.sin(1.9 * t), y + 0.03 * size * math.sin(1.3 * t + 1), size)


def _swing(x: float, y: float, across: float, period: float, phase: float, size: float) -> Path:
    return lambda t: (x + across * math.sin(2 * math.pi * t / period + phase), y, size)


def _stop_behind(x: float, y: float, speed: float, place: float, rest: float, back: bool, size: float) -> Path:
    """To ``place`` at ``speed`` px/s, rest there so many seconds, and on, or back where it came from."""
    arrive = abs(place - x) / speed
    way = math.copysign(speed, place - x)

    def path(t: float) -> tuple[float, float, float]:
        before, after = min(t, arrive), max(t - arrive - rest, 0.0)
        return x + way * before + (-way if back else way) * after, y, size

    return path


def two_crossing(seed: int, flaws: Flaws = Flaws()) -> Scene:
    r = np.random.default_rng(seed)
    size, v, y = r.uniform(60, 120), r.uniform(150, 320), r.uniform(200, 500)
    people = [
        Person(_line(640 - 2 * v, y, v, 0, size), 0, turn=0.06),
        Person(_line(640 + 1.9 * v, y + r.uniform(-30, 30), -0.95 * v, 0, size * r.uniform(0.85, 1.1)), 1, turn=-0.06),
    ]
    return film("two crossing", people, 4.0, r.choice([15, 24, 30]), flaws, seed)


def three_crossing(seed: int, flaws: Flaws = Flaws()) -> Scene:
    r = np.random.default_rng(seed)
    size, v = r.uniform(60, 110), r.uniform(160, 300)
    people = [
        Person(_line(640 - 2 * v, 360, v, 0, size), 0, turn=0.06),
        Person(_line(640 + 2.2 * v, 350, -v, 0, size * r.uniform(0.85, 1.1)), 1, turn=-0.06),
        Person(_line(640 + r.uniform(-40, 40), 360 - 0.8 * v, 0, 0.4 * v, size * r.uniform(0.85, 1.1)), 2),
    ]
    return film("three crossing", people, 4.0, r.choice([15, 24, 30]), flaws, seed)


def one_behind_another(seed: int, flaws: Flaws = Flaws()) -> Scene:
    """One walks behind another, is out of sight for up to 1 s, and comes out on either side."""
    r = np.random.default_rng(seed)
    front, size, v = r.uniform(130, 170), r.uniform(80, 100), r.uniform(200, 300)
    # how far apart the centres are when the one behind is no longer found
    reach = 0.44 * front + 0.44 * size - 0.45 * 0.88 * size
    rest = max(r.uniform(0.5, 0.85) - 2 * reach / v, 0.0)
    behind = _stop_behind(640 - 2 * v, 350, v, 640, rest, bool(seed % 2), size)
    people = [Person(_still(640, 360, front), 0), Person(behind, 1, turn=0.05)]
    return film("one behind another", people, 4.5, r.choice([15, 24, 30]), flaws, seed)


def near_and_far(seed: int, flaws: Flaws = Flaws()) -> Scene:
    """One comes near while another goes away, and their ways cross."""
    r = np.random.default_rng(seed)
    growth = r.uniform(0.35, 0.5)
    people = [
        Person(_line(350, 300, r.uniform(200, 230), 25, 40, growth)),
        Person(_line(930, 400, -r.uniform(200, 230), -25, 200, -growth)),
    ]
    return film("near and far", people, 4.0, r.choice([15, 24, 30]), flaws, seed)


def fast_at_10_fps(seed: int, flaws: Flaws = Flaws()) -> Scene:
    """Heads that swing by two thirds of their size from frame to frame, one above another."""
    r = np.random.default_rng(seed)
    size = r.uniform(70, 100)
    people = [
        Person(_swing(400, 170, 2.0 * size, r.uniform(1.9, 2.4), r.uniform(0, 6), size)),
        Person(_swing(800, 330, 2.0 * size, r.uniform(1.9, 2.4), r.uniform(0, 6), size)),
        Person(_swing(600, 530, 2.0 * size, r.uniform(1.9, 2.4), r.uniform(0, 6), size)),
    ]
    return film("fast at 10 fps", people, 6.0, 10, flaws, seed)


def leaving_and_back(seed: int, flaws: Flaws = Flaws()) -> Scene:
    """One is away for 1.3 to 2.5 s and counts as somebody new, one for 0.4 to 0.8 s and does not; one stays."""
    r = np.random.default_rng(seed)
    people = [
        Person(_still(300, 300, 100), away=((1.5, 1.5 + r.uniform(1.3, 2.5)),)),
        Person(_still(620, 340, 90), away=((1.0, 1.0 + r.uniform(0.4, 0.8)), (3.0, 3.0 + r.uniform(0.4, 0.8)))),
        Person(_still(950, 320, 120)),
    ]
    return film("leaving and back", people, 6.0, r.choice([15, 24, 30]), flaws, seed)


def jittered(seed: int) -> Scene:
    """Three who sit side by side; boxes that shake by 7 % and breathe by 6 % of their size."""
    people = [Person(_still(400 + 150 * n, 350 + 20 * n, 110)) for n in range(3)]
    return film("jittered boxes", people, 4.0, 30, Flaws(jitter=0.07, breathing=0.06), seed)


EVERY_FLAW = Flaws(jitter=0.04, breathing=0.04, missed=0.1, false=0.05, doubles=0.1)

SUITE: dict[str, tuple[bool, Callable[[int], Scene]]] = {
    "two crossing": (True, two_crossing),
    "three crossing": (True, three_crossing),
    "one behind another, up to 1 s": (True, one_behind_another),
    "near and far": (True, near_and_far),
    "fast at 10 fps": (True, fast_at_10_fps),
    "leaving and coming back": (True, leaving_and_back),
    "jittered boxes": (True, jittered),
    "every face found twice, one time in five": (True, lambda seed: two_crossing(seed, Flaws(doubles=0.2))),
    "two crossing, 10 % not found": (False, lambda seed: two_crossing(seed, Flaws(missed=0.1))),
    "two crossing, 20 % not found": (False, lambda seed: two_crossing(seed, Flaws(missed=0.2))),
    "three crossing, 15 % not found": (False, lambda seed: three_crossing(seed, Flaws(missed=0.15))),
    "fast at 10 fps, 10 % not found": (False, lambda seed: fast_at_10_fps(seed, Flaws(missed=0.1))),
    "two crossing, 0.3 false alarms a frame": (False, lambda seed: two_crossing(seed, Flaws(false=0.3))),
    "leaving and coming back, with every flaw": (False, lambda seed: leaving_and_back(seed, EVERY_FLAW)),
}
"""Scenes by name: whether every face that can be seen is found, and how to make the scene of a seed."""
