"""How steady the live view is, as the tables of the README's "Tracks and evidence".

python tools/steadiness.py [SECONDS] [NOISE]

1. numbers: the scenes of ``facelens.evaluation.scenes``, ten seeds each;
2. boxes and points: jitter at rest and lag in motion for each place of the slider;
3. readings: the bundled portrait before a camera with noise (SECONDS at 30 frames/s, 10; standard deviation NOISE in
   grey levels, 6), with the real networks, frame by frame and tracked.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from facelens import images, open_engine
from facelens.evaluation.scenes import SUITE
from facelens.evaluation.tracking import compare
from facelens.overlay import label_parts
from facelens.resources import asset
from facelens.tracking import Tracker
from facelens.tracking.smoothing import Cutoff, OneEuro
from facelens.types import Face, Frame

FPS, SETTLED, SEEDS = 30, 1.0, 10
FACE, SHAKE = 150.0, 0.01
"""Size of the face in px, and the standard deviation of its shake in face sizes."""


def scenes() -> None:
    """Prints how well numbers follow people."""
    print("| scene | MOTA | number changes | fragmentations |\n|---|---|---|---|")
    for name, (_, make) in SUITE.items():
        figures = []
        for scene in map(make, range(SEEDS)):
            tracker = Tracker()
            figures.append(compare(scene.truth, [tracker.update(report) for report in scene.reports]))
        errors = sum(f.missed + f.false + f.switches for f in figures)
        mota = 1 - errors / sum(f.faces for f in figures)
        print(
            f"| {name} | {mota:.3f} | {sum(f.switches for f in figures)} | {sum(f.fragmentations for f in figures)} |"
        )


def slider() -> None:
    """Prints jitter and lag of the One-Euro filter."""
    print(f"| slider | jitter at rest, px (of {FACE * SHAKE:.1f}) | lag in ms at 0.5, 1 and 3 faces/s |\n|---|---|---|")
    for place in (0, 25, 50, 75, 100):
        cutoff = Cutoff.of(place / 100)
        rng, one_euro = np.random.default_rng(0), OneEuro()
        rest = [one_euro.step(rng.normal(0, SHAKE * FACE, (20, 2)), 1 / FPS, FACE, cutoff) for _ in range(20 * FPS)]
        lags = []
        for speed in (0.5, 1.0, 3.0):
            one_euro = OneEuro()
            way = np.arange(4 * FPS) / FPS * speed * FACE
            last = [one_euro.step(np.array([[x, 0.0]]), 1 / FPS, FACE, cutoff)[0, 0] for x in way][-1]
            lags.append(f"{(way[-1] - last) / (speed * FACE) * 1000:.0f}")
        print(f"| {place} | {np.std(rest[2 * FPS :], axis=0).mean():.2f} | {', '.join(lags)} |")


def watch(seconds: float, noise: float) -> tuple[list[Face], list[Face]]:
    """The bundled portrait as a still camera with noise would see it: the engine's faces, and the tracker's."""
    picture = images.load(asset("samples/astronaut.jpg")).image
    rng = np.random.default_rng(0)
    tracker = Tracker()
    raw, shown = [], []
    with open_engine(provider="cpu") as engine:
        for index in range(round(seconds * FPS)):
            noisy = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)
            report = engine.analyze(Frame(noisy, index, index / FPS), thorough=False)
            raw += report.faces[:1]
            shown += tracker.update(report).faces[:1]
    return raw, shown


def words(face: Face) -> tuple[str, ...]:
    """What is written beside a face, but its number."""
    expression = face.expression
    said = () if expression is None else (expression.label if expression.sure else "not sure",)
    score = () if face.score is None else (f"{face.score.value:.0f}",)
    return (*label_parts(face)[1:], *said, *score)


def changes(faces: Sequence[Face]) -> int:
    """How many of the words and figures change from one face to the next, in all."""
    return sum(a != b for old, new in pairwise(map(words, faces)) for a, b in zip(old, new))


def camera(seconds: float, noise: float) -> None:
    """Prints what noise does to the readings."""
    print("| | changes a minute | box, px | points, px | age, years | score | last |\n|---|---|---|---|---|---|---|")
    for name, faces in zip(("frame by frame", "tracked"), watch(seconds, noise)):
        settled = faces[round(SETTLED * FPS) :]
        boxes = [f.detection.box for f in settled]
        corners = np.array([(b.x, b.y, b.right, b.bottom) for b in boxes])
        points = np.array([(f.landmarks or f.detection.landmarks).points for f in settled])
        years, scores = ([f.age.years for f in settled if f.age], [f.score.value for f in settled if f.score])
        spreads = (corners.std(0).mean(), points.std(0).mean(), np.std(years), np.std(scores))
        cells = " | ".join(f"{spread:.2f}" for spread in spreads)
        print(
            f"| {name} | {changes(settled) / len(settled) * FPS * 60:.0f} | {cells} | {', '.join(words(faces[-1]))} |"
        )


def main() -> int:
    scenes()
    slider()
    camera(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, float(sys.argv[2]) if len(sys.argv) > 2 else 6.0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
