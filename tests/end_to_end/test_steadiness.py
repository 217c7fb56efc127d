"""With the real networks: a still face in noise is shown steadily."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from facelens import images, open_engine
from facelens.overlay import label_parts
from facelens.resources import asset
from facelens.tracking import Tracker
from facelens.types import Frame

FPS, SECONDS = 15, 3


def test_nothing_that_is_written_beside_a_still_face_changes_after_the_first_second() -> None:
    picture = images.load(asset("samples/astronaut.jpg")).image
    rng, tracker = np.random.default_rng(0), Tracker()
    shown = []
    with open_engine(provider="cpu") as engine:
        for index in range(FPS * SECONDS):
            noisy = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
            found = engine.analyze(Frame(noisy, index, index / FPS), thorough=False)
            shown += tracker.update(found).faces
    assert {face.track_id for face in shown} == {1}
    settled = shown[FPS:]
    raw = [face.raw for face in settled if face.raw is not None]
    written, read = ([(label_parts(face), face.score and f"{face.score.value:.0f}") for face in faces]
                     for faces in (settled, raw))  # fmt: skip
    assert sum(a != b for a, b in pairwise(read)) > 10, "the noise shows in single frames"
    assert sum(a != b for a, b in pairwise(written)) == 0
    corners = [
        np.array([(f.detection.box.x, f.detection.box.y) for f in faces]).std(0).mean() for faces in (settled, raw)
    ]
    assert corners[0] < 0.5 * corners[1]
