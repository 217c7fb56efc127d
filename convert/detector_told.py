"""Five points of faces as the landmarks network that ships finds them, for pictures whose own points are a detector's.

Those of the packs are YuNet's: 8 % of the distance of the eyes off on landmarks68. The landmarks network, which reads
a face in twelve views, is 4.6 % off there (val, the mean of all 68). A round of 24 minutes with these points, begun
from detector-1, had .118 of the distance of the eyes on mtfl5 val (.131 before), .126 on landmarks68 (.134), and found
.884 of the hand-labelled faces at 0.1 false alarms a picture (.860). It does not ship: networks that learned faces as
detector-1 aligns them read those that it aligns a little worse (gender of FairFace val .901 for .906), so they are to
learn from it first, and it found fewer of the largest faces (.90 for .945), as it saw few wide crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from convert.detector_data import Array, Picture
from convert.faces.teach import look_closely, teachers_of
from facelens.registry import load_registry
from facelens.runtime import open_network
from facelens.types import Landmarks
from facelens.vision.landmarks import TASK
from facelens.vision.schemes import to_scheme

SURE = 0.85
"""Share of the faces whose points are believed: those with the least spread. Of the others no points are learned."""


def told(pictures: Sequence[Picture], fives: Array, cache: Path, name: str, models: Path) -> tuple[Array, Array]:
    """Points N x 10 in px and which of them are known (N, 1 or 0); found once for each network and kept in ``cache``.

    Args:
        pictures: N, BGR.
        fives: N x 10 px, from which the network starts.
        name: of the pack and its part.
    """
    spec = teachers_of(load_registry(models), (TASK,))[TASK]
    path = cache / f"{name}-{len(pictures)}-{spec.sha256[:8]}-told.npz"
    if not path.exists():
        network = open_network(spec, "cpu", 1)
        points, spread = np.array(fives, np.float32), np.full(len(pictures), np.inf)
        for row in track(range(len(pictures)), description=f"telling {name}"):
            found = look_closely(network, pictures[row], fives[row].reshape(5, 2))
            five = to_scheme(Landmarks(found.points, "ibug68"), "five")
            assert five is not None
            points[row] = five.points.reshape(10)
            eyes = float(np.hypot(*(five.points[0] - five.points[1])))
            spread[row] = np.inf if found.spread is None else float(found.spread.mean()) / max(eyes, 1.0)
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, points=points, known=(spread <= np.quantile(spread, SURE)).astype(np.float32))
        partial.replace(path)
    with np.load(path) as kept:
        return kept["points"], kept["known"]
