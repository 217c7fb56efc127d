"""Measures the whole pipeline, detector included, on a pack of labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facelens.engine import Engine
from facelens.evaluation.faces import FaceTally
from facelens.evaluation.metrics import DetectionTally
from facelens.evaluation.packs import Pack, open_pack, padded
from facelens.types import Box, Face

THRESHOLD = 0.6
"""Confidence at which faces count as found; AP and recall_at_01 also use what the engine returns below it."""
LOW_CONFIDENCE = 0.05
"""``EngineOptions.min_confidence`` for packs of scenes, so that AP sees the whole curve."""

Progress = Callable[[int, int], None]

__all__ = ["LOW_CONFIDENCE", "THRESHOLD", "engine_fields", "evaluate", "open_pack"]


def engine_fields(pack: Pack) -> dict[str, Any]:
    """Fields of ``EngineOptions`` that a pack asks for: the parts its labels speak of, and a low confidence for AP."""
    if pack.kind == "faces":
        return {"parts": pack.parts, "min_confidence": THRESHOLD}
    return {"parts": frozenset(), "min_confidence": LOW_CONFIDENCE}


def evaluate(
    pack: str | Path,
    engine: Engine,
    split: str = "test",
    limit: int | None = None,
    min_face: float = 24.0,
    progress: Progress | None = None,
    intervals: bool = False,
) -> dict[str, Any]:
    """Run every picture of a split through the engine and compare with the labels.

    Pictures of single faces are padded and small ones enlarged (``packs.padded``); of the faces found at
    ``THRESHOLD`` the one nearest the centre counts.

    A face not found counts as wrong: as a wrong gender and age bucket; in ``age_mae`` as the median age of the rows
    would do; in the score's figures as their mean score; in ``smile_auc`` as probability 0.5; in ``landmarks_nme`` as
    1. ``found_only`` holds the figures of the faces found alone. A row without a label is left out of its figure.

    - The age bucket is the pack's bucket that holds most of the age distribution (of each of the pack's own buckets,
      the sum over its years).
    - Scores within 1..5 are compared with the appearance on that scale. On any other scale the appearance is first
      given the mean and spread of the labels, so that score_mae and score_rmse say how well it ranks, like Pearson.
    - Detection: greedy by confidence at IoU 0.4, see ``metrics.DetectionTally``; ``recall``, ``false_per_image`` and
      ``pictures_with_alarm`` at ``THRESHOLD``, ``recall_at_01`` at 0.1 false alarms a picture. A pack with neither
      boxes nor face labels holds pictures without faces: every detection is a false alarm.

    Args:
        engine: with ``engine_fields(open_pack(pack))``, or AP sees only confident detections.
        min_face: faces whose larger side is smaller, in px of the stored picture, count neither way in detection.
        progress: called with (rows done, rows in all).
        intervals: also give 95 % bootstrap intervals of the figures of faces, under ``intervals``.

    Returns:
        pack, split, rows, detected (rows with a face found), and what the columns allow of: age_mae, age_coverage
        (share of ages inside the 80 % band), age_bucket_accuracy, age_bucket_one_off, gender_accuracy,
        expression_accuracy (of the rows where one of the eight vote shares is larger than the others; a face not found
        is wrong), landmarks_nme (over the distance of the outer eye corners), score_pearson, score_mae, score_rmse,
        smile_auc; by_group (for each column of ``faces.GROUPS``, age, and expression: value: n, detected, figures);
        found_only; detection.

    Raises:
        UsageError: see ``packs.open_pack``.
    """
    opened = open_pack(pack, split, limit)
    head = {"pack": opened.path.name, "split": split if opened.split_column else "all"}
    if opened.kind == "faces":
        return head | _faces(opened, engine, progress, intervals)
    return head | _scenes(opened, engine, min_face, progress)


def _scenes(pack: Pack, engine: Engine, min_face: float, progress: Progress | None) -> dict[str, Any]:
    tally = DetectionTally(min_face, THRESHOLD)
    detected = rows = 0
    for row in pack:
        rows += 1
        faces = () if row.image is None else engine.analyze(row.image).faces
        found = [(face.detection.box, face.detection.confidence) for face in faces]
        detected += any(confidence >= THRESHOLD for _, confidence in found)
        boxes = [Box(*map(float, box)) for box in row.labels.get("boxes") or []]
        ignored = row.labels.get("ignore") or [False] * len(boxes)
        tally.add(found, boxes, [bool(skip) for skip in ignored])
        if progress:
            progress(rows, pack.rows)
    return {"rows": rows, "detected": detected, "detection": tally.figures()}


def _faces(pack: Pack, engine: Engine, progress: Progress | None, intervals: bool) -> dict[str, Any]:
    tally = FaceTally(pack.columns)
    for index, row in enumerate(pack):
        if row.image is None:
            tally.add(row.labels, None, 1.0, (0.0, 0.0))
        else:
            image, scale, offset = padded(row.image)
            faces = [face for face in engine.analyze(image).faces if face.detection.confidence >= THRESHOLD]
            centre = np.array([image.shape[1], image.shape[0]]) / 2
            tally.add(row.labels, min(faces, key=lambda face: _distance(face, centre), default=None), scale, offset)
        if progress:
            progress(index + 1, pack.rows)
    return tally.figures(intervals)


def _distance(face: Face, centre: Any) -> float:
    return float(np.linalg.norm(np.array(face.detection.box.centre) - centre))
