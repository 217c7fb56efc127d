"""One number that makes 0.6 a sensible threshold: a shift of both scores' logits, chosen on the validation pictures.

A sigmoid score means nothing in itself after a focal loss. The same shift on both logits keeps the order of the scores
nearly as it was and moves the best threshold to where the engine looks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime

from convert.detector_data import Array, Labelled, Picture
from convert.detector_export import rows_of
from convert.detector_measure import THRESHOLD, figures
from convert.detector_mine import letterbox
from convert.detector_targets import decode_cells, grid

ALARMS_EMPTY, ALARMS_SCENES = 0.025, 0.08
"""Allowed at the threshold: share of empty pictures with an alarm, false alarms a scene. Stricter than what is promised
(0.03 and 0.1), since the choice is made on the same pictures that are then reported."""
SHIFTS = np.round(np.arange(-3.0, 3.01, 0.05), 2)
FLOOR = 0.02


@dataclass(frozen=True)
class Candidates:
    """The cells K x 3 of one picture that might be a face, their rows K x 16, and canvas px per picture px."""

    cells: Array
    rows: Array
    scale: float

    def faces(self, shift: float, threshold: float) -> Array:
        """Detections N x 15 in the picture's px with both logits moved by ``shift``."""
        rows = self.rows.copy()
        score = np.clip(rows[:, :2], 1e-7, 1 - 1e-7)
        rows[:, :2] = 1 / (1 + np.exp(-(np.log(score / (1 - score)) + shift)))
        faces = decode_cells(self.cells, rows, threshold)
        faces[:, :14] /= self.scale
        return faces


def candidates(run: onnxruntime.InferenceSession, picture: Picture, longest: int = 640) -> Candidates:
    """Run the network as ``FaceDetectorYN`` does (zeros at the right and below up to multiples of 32)."""
    scale = longest / max(picture.shape[:2])
    height, width = (-(-round(side * scale) // 32) * 32 for side in picture.shape[:2])
    canvas, scale = letterbox(picture, longest, height, width)
    rows = rows_of(run, canvas)
    keep = np.sqrt(rows[:, 0] * rows[:, 1]) > FLOOR
    return Candidates(grid(height, width)[keep], rows[keep], scale)


@dataclass(frozen=True)
class Choice:
    """The chosen shift and what it gives at the threshold."""

    shift: float
    recall: float
    alarms: float
    empty: float


def calibrate(
    run: onnxruntime.InferenceSession, scenes: Labelled, empty: Sequence[Picture], smallest: float = 24
) -> Choice:
    """The shift that finds most faces at score 0.6 within the allowed alarms; if none is within, the least alarming."""
    in_scenes = [candidates(run, picture) for picture in scenes.pictures]
    in_empty = [candidates(run, picture) for picture in empty]
    best: tuple[float, float, Choice] | None = None
    for shift in SHIFTS:
        found = [c.faces(float(shift), THRESHOLD) for c in in_scenes]
        part = figures(found, scenes, range(len(found)), smallest)
        alarms = float(np.mean([bool(len(c.faces(float(shift), THRESHOLD))) for c in in_empty]))
        excess = max(0.0, alarms - ALARMS_EMPTY) + max(0.0, part.alarms_at_threshold - ALARMS_SCENES)
        choice = Choice(float(shift), part.recall_at_threshold, part.alarms_at_threshold, alarms)
        if best is None or (excess, -choice.recall) < best[:2]:
            best = (excess, -choice.recall, choice)
    assert best is not None
    return best[2]
