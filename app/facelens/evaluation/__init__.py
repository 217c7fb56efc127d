"""Measures the whole pipeline, detector included, on a pack of labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facelens.errors import UsageError
from facelens.evaluation.conditions import measure
from facelens.evaluation.faces import FaceTally
from facelens.evaluation.metrics import DetectionTally
from facelens.evaluation.packs import Pack, Row, open_pack, padded
from facelens.files import shown
from facelens.types import Box, Face, FrameReport, Image

THRESHOLD = 0.6
"""Confidence at which faces count as found; AP and recall_at_01 also use what the engine returns below it."""
LOW_CONFIDENCE = 0.05
"""``EngineOptions.min_confidence`` for packs of scenes, so that AP sees the whole curve."""

Progress = Callable[[int, int], None]

__all__ = [
    "LOW_CONFIDENCE",
    "THRESHOLD",
    "Analyzer",
    "Measurement",
    "central",
    "engine_fields",
    "evaluate",
    "open_pack",
]


def engine_fields(pack: Pack) -> dict[str, Any]:
    """Fields of ``EngineOptions`` that a pack asks for: the parts its labels speak of, and a low confidence for AP."""
    if pack.kind == "faces":
        return {"parts": pack.parts, "min_confidence": THRESHOLD}
    return {"parts": frozenset(), "min_confidence": LOW_CONFIDENCE}


class Analyzer(Protocol):
    """What can be measured: an ``Engine``, or one of ``peers.PEERS``."""

    def analyze(self, frame: Image) -> FrameReport: ...


class Measurement:
    """Collects the reports of one analyzer on the rows of a pack; ``evaluate`` says what the figures mean.

    Faces count as found from the confidence ``threshold`` on.
    """

    def __init__(self, pack: Pack, min_face: float = 24.0, threshold: float = THRESHOLD) -> None:
        self.pack = pack
        self._threshold = threshold
        self._scenes = DetectionTally(min_face, threshold)
        self._faces = FaceTally(pack.columns)
        self._rows = self._detected = 0
        self.unreadable = 0
        """Rows whose picture cannot be decoded; they count as pictures in which nothing is found."""

    def add(self, row: Row, analyzer: Analyzer) -> None:
        """Analyse the row's picture and compare with its labels."""
        self._rows += 1
        self.unreadable += row.image is None
        if self.pack.kind == "faces":
            self._add_face(row, analyzer)
        else:
            self._add_scene(row, analyzer)

    def _add_face(self, row: Row, analyzer: Analyzer) -> None:
        if row.image is None:
            self._faces.add(row.labels, None, 1.0, (0.0, 0.0))
            return
        image, scale, offset = padded(row.image)
        faces = [face for face in analyzer.analyze(image).faces if face.detection.confidence >= self._threshold]
        face = central(faces, image)
        self._faces.add(row.labels, face, scale, offset, measure(row.image, row.labels))

    def _add_scene(self, row: Row, analyzer: Analyzer) -> None:
        faces = () if row.image is None else analyzer.analyze(row.image).faces
        found = [(face.detection.box, face.detection.confidence) for face in faces]
        self._detected += any(confidence >= self._threshold for _, confidence in found)
        boxes = [Box(*map(float, box)) for box in row.labels.get("boxes") or []]
        ignored = row.labels.get("ignore") or [False] * len(boxes)
        self._scenes.add(found, boxes, [bool(skip) for skip in ignored])

    def figures(self, intervals: bool = False) -> dict[str, Any]:
        """All figures of the rows so far."""
        split = self.pack.split if self.pack.split_column else "all"
        head: dict[str, Any] = {"pack": self.pack.path.name, "split": split}
        if self.unreadable:
            head["unreadable"] = self.unreadable
        if self.pack.kind == "faces":
            return head | self._faces.figures(intervals)
        return head | {"rows": self._rows, "detected": self._detected, "detection": self._scenes.figures()}


def evaluate(
    pack: str | Path,
    engine: Analyzer,
    split: str | None = None,
    limit: int | None = None,
    min_face: float = 24.0,
    progress: Progress | None = None,
    intervals: bool = False,
) -> dict[str, Any]:
    """Run every picture of a split through the engine and compare with the labels.

    Pictures of single faces are padded and small ones enlarged (``packs.padded``); of the faces found at
    ``THRESHOLD`` the one nearest the centre counts.

    A face not found counts as wrong: as a wrong gender and age bucket; in ``age_mae`` as the median age of the rows
    would do; in the score's figures as their mean score; in ``smile_auc`` as probability 0.5; in ``landmarks_nme`` and
    ``landmarks5_nme`` as 1. In ``age_coverage`` and ``points15_rmse`` it does not count. ``found_only`` holds the
    figures of the faces found alone. A row without a label is left out of its figure.

    - The age bucket is the pack's bucket that holds most of the age distribution (of each of the pack's own buckets,
      the sum over its years).
    - Scores within 1..5 are compared with the appearance on that scale. On any other scale the appearance is first
      given the mean and spread of the labels, so that score_mae and score_rmse say how well it ranks, like Pearson.
    - Detection: greedy by confidence at IoU 0.4, see ``metrics.DetectionTally``; ``recall``, ``false_per_image`` and
      ``pictures_with_alarm`` at ``THRESHOLD``, ``recall_at_01`` at 0.1 false alarms a picture. A pack with neither
      boxes nor face labels holds pictures without faces: every detection is a false alarm.

    Args:
        split, limit: see ``packs.open_pack``.
        engine: with ``engine_fields(open_pack(pack))``, or AP sees only confident detections.
        min_face: faces whose larger side is smaller, in px of the stored picture, count neither way in detection.
        progress: called with (rows done, rows in all).
        intervals: also give 95 % bootstrap intervals of the figures of faces, under ``intervals``.

    Returns:
        pack, split, unreadable (rows whose picture cannot be decoded, where there are any), rows, detected (rows with a
        face found), and what the columns allow of: age_mae, age_coverage (share of ages inside the 80 % band in whole
        years; of buckets see ``faces.FaceTally``), age_bucket_accuracy, age_bucket_one_off, gender_accuracy,
        expression_accuracy (of the rows where one of the eight vote shares is larger than the others; a face not found
        is wrong), landmarks_nme (over the distance of the outer eye corners), landmarks5_nme (of the five points, over
        the distance of the eyes; both 1 where the face is not found), points15_rmse
        (``metrics.points15_error``, of the faces found), score_pearson, score_mae, score_rmse, smile_auc, glasses_auc,
        glasses_accuracy; by_group (for each column of ``faces.GROUPS``, age, expression, and each of
        ``conditions.CONDITIONS``: value: n, detected, figures); found_only; detection.

    Raises:
        UsageError: see ``packs.open_pack`` and ``packs.Pack``, or none of the pictures can be decoded.
    """
    opened = open_pack(pack, split, limit)
    measurement = Measurement(opened, min_face)
    for index, row in enumerate(opened):
        measurement.add(row, engine)
        if progress:
            progress(index + 1, opened.rows)
    if measurement.unreadable == opened.rows:
        why = f"none of its {opened.rows} pictures can be decoded"
        raise UsageError(f"Cannot evaluate on {shown(opened.path)}", why, "Store picture files (WebP, JPEG, PNG) there")
    return measurement.figures(intervals)


def central(faces: Sequence[Face], image: Image) -> Face | None:
    """The face nearest the centre of a picture; None where there is none."""
    centre = np.array([image.shape[1], image.shape[0]]) / 2
    return min(faces, key=lambda f: float(np.linalg.norm(np.array(f.detection.box.centre) - centre)), default=None)
