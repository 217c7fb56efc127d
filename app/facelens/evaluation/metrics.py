"""Figures of merit, each on plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens.geometry import iou_matrix
from facelens.types import Box
from facelens.vision.schemes import SHARES

Array = npt.NDArray[np.float64]


def pearson(a: npt.ArrayLike, b: npt.ArrayLike) -> float | None:
    """Correlation; None where it is not defined."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(x) < 2 or x.std() == 0 or y.std() == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def auc(scores: npt.ArrayLike, positive: npt.ArrayLike) -> float | None:
    """Area under the ROC curve as the rank statistic, ties counting half; None where a class is empty."""
    s, y = np.asarray(scores, np.float64), np.asarray(positive, bool)
    n, m = int(y.sum()), int((~y).sum())
    if not n or not m:
        return None
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[y].sum() - n * (n + 1) / 2) / (n * m))


def nme(points: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean distance of 68 points over the distance of the outer eye corners (iBUG points 37 and 46)."""
    p, t = np.asarray(points, np.float64), np.asarray(truth, np.float64)
    eyes = float(np.linalg.norm(t[36] - t[45]))
    return float(np.linalg.norm(p - t, axis=1).mean() / max(eyes, 1e-9))


def nme5(points: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean distance of the five points (eyes, nose tip, corners of the mouth) that 68 give, over that of the eyes."""
    p, t = np.asarray(points, np.float64), np.asarray(truth, np.float64)
    five = SHARES["five"] @ p
    eyes = float(np.linalg.norm(t[0] - t[1]))
    return float(np.linalg.norm(five - t, axis=1).mean() / max(eyes, 1e-9))


def points15_error(points: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Mean squared coordinate error of the 15 points read from 68, in px of a 96 px crop of 1.25 times their hull.

    The crop and the root of the mean are those of Kaggle's Facial Keypoints Detection (2013), as far as a picture with
    68 points can give them: the square around the 15 true points' box, 1.25 times as large.
    """
    ours, theirs = (SHARES["kaggle15"] @ np.asarray(p, np.float64) for p in (points, truth))
    side = 1.25 * float(np.ptp(theirs, axis=0).max())
    return float(np.mean(((ours - theirs) * 96 / max(side, 1e-9)) ** 2))


class DetectionTally:
    """Collects matched detections picture by picture and sums them up.

    Matching is greedy by confidence at IoU ``iou``, each face once. Faces that are ignored or whose larger side is
    below ``min_face`` px count neither way, nor do detections on them (IoU ``iou``, or the centre inside), nor do
    unmatched detections smaller than that in a picture with faces. AP is the area under the interpolated curve of
    precision over recall (Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010).
    """

    def __init__(self, min_face: float, threshold: float, iou: float = 0.4) -> None:
        self.min_face, self.threshold, self.iou = min_face, threshold, iou
        self.pictures = 0
        self.faces = 0
        self.alarmed = 0
        self._confidences: list[float] = []
        self._hits: list[bool] = []

    def add(self, found: Sequence[tuple[Box, float]], truth: Sequence[Box], ignore: Sequence[bool]) -> None:
        """One picture: detections (box, confidence), true boxes, and which of those are ignored; stored pixels."""
        self.pictures += 1
        counts = [not skip and max(box.width, box.height) >= self.min_face for box, skip in zip(truth, ignore)]
        self.faces += sum(counts)
        found = sorted(found, key=lambda item: -item[1])
        overlap = iou_matrix([box for box, _ in found], truth)
        taken = [False] * len(truth)
        alarm = False
        for row, (box, confidence) in enumerate(found):
            order = np.argsort(-overlap[row], kind="stable").tolist()
            hit = next((i for i in order if overlap[row, i] >= self.iou and counts[i] and not taken[i]), None)
            if hit is not None:
                taken[hit] = True
                self._confidences.append(confidence)
                self._hits.append(True)
                continue
            if any(not counts[i] and self._covers(truth[i], box, overlap[row, i]) for i in range(len(truth))):
                continue
            # a small detection may be a small face that nobody labelled; on a face-free picture it is an alarm
            if truth and max(box.width, box.height) < self.min_face:
                continue
            self._confidences.append(confidence)
            self._hits.append(False)
            alarm = alarm or confidence >= self.threshold
        self.alarmed += alarm

    def _covers(self, region: Box, box: Box, overlap: float) -> bool:
        x, y = box.centre
        inside = region.x <= x <= region.right and region.y <= y <= region.bottom
        return overlap >= self.iou or inside

    def figures(self) -> dict[str, Any]:
        """ap, recall and false_per_image at the threshold, recall_at_01, min_face, and the counts behind them."""
        order = np.argsort(-np.array(self._confidences), kind="stable")
        hits = np.array(self._hits, bool)[order]
        confidences = np.array(self._confidences)[order]
        true, false = np.cumsum(hits), np.cumsum(~hits)
        kept = confidences >= self.threshold
        out: dict[str, Any] = {"min_face": self.min_face, "pictures": self.pictures, "faces": self.faces}
        out["false_per_image"] = float((~hits[kept]).sum() / max(self.pictures, 1))
        out["pictures_with_alarm"] = float(self.alarmed / max(self.pictures, 1))
        if self.faces:
            recall, precision = true / self.faces, true / np.maximum(true + false, 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            out["ap"] = float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope))
            out["recall"] = float(hits[kept].sum() / self.faces)
            within = np.flatnonzero(false / max(self.pictures, 1) <= 0.1)
            out["recall_at_01"] = float(true[within[-1]] / self.faces) if len(within) else 0.0
        return out
