"""How good a detector is: average precision, recall at a rate of false alarms, alarms on empty pictures, points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from convert.detector_data import Array, Labelled, Picture

Detect = Callable[[Picture], Array]
"""A picture to its faces N x 15 (x, y, w, h, five points, score) in its px, best first, low scores included."""

OVERLAP = 0.4
"""IoU from which a detection has found a face."""
THRESHOLD = 0.6
"""The score from which the engine draws a face."""


def yunet_form(file: Path, longest: int = 640, threshold: float = 0.02) -> Detect:
    """Run a file of the ``FaceDetectorYN`` form as the engine does: by OpenCV, the longest side at ``longest`` px."""
    detector = cv2.FaceDetectorYN.create(str(file), "", (longest, longest), threshold, 0.3, 5000)

    def detect(picture: Picture) -> Array:
        scale = longest / max(picture.shape[:2])
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        detector.setInputSize(size)
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        faces = detector.detect(cv2.resize(picture, size, interpolation=kind))[1]
        if faces is None:
            return np.zeros((0, 15), np.float32)
        out = np.array(faces, np.float32)
        out[:, :14] /= scale
        return np.asarray(out[np.argsort(-out[:, 14])], np.float32)

    return detect


def ious(box: Array, boxes: Array) -> Array:
    """Intersection over union of one box with several (x y w h)."""
    wide = np.minimum(box[0] + box[2], boxes[:, 0] + boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    high = np.minimum(box[1] + box[3], boxes[:, 1] + boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    whole = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.asarray(shared / np.maximum(whole, 1e-9), np.float32)


def judge(
    faces: Array, boxes: Array, ignore: npt.NDArray[np.bool_], smallest: float
) -> tuple[list[float], list[float], int]:
    """Scores of the hits, scores of the false alarms, and the number of faces that count, in one picture.

    Ignored and smaller faces count neither way, nor does a detection on one of them, nor an unmatched detection smaller
    than ``smallest``.
    """
    counts = ~ignore & (boxes[:, 2:].max(1, initial=0) >= smallest)
    free = counts.copy()
    hits, alarms = [], []
    for face in faces[np.argsort(-faces[:, 14])]:
        overlap = ious(face[:4], boxes)
        best = int(np.argmax(np.where(free, overlap, -1))) if free.any() else -1
        if best >= 0 and overlap[best] >= OVERLAP:
            free[best] = False
            hits.append(float(face[14]))
            continue
        x, y = face[0] + face[2] / 2, face[1] + face[3] / 2
        inside = (x >= boxes[:, 0]) & (x <= boxes[:, 0] + boxes[:, 2])
        inside &= (y >= boxes[:, 1]) & (y <= boxes[:, 1] + boxes[:, 3])
        excused = ~counts & (inside | (overlap >= OVERLAP))
        if not excused.any() and max(face[2], face[3]) >= smallest:
            alarms.append(float(face[14]))
    return hits, alarms, int(counts.sum())


@dataclass(frozen=True)
class Figures:
    """Detection figures of a set of pictures; ``recall`` is the one at 0.1 false alarms a picture."""

    faces: int
    pictures: int
    ap: float
    recall: float
    score_there: float
    recall_at_threshold: float
    alarms_at_threshold: float


def figures(found: Sequence[Array], truth: Labelled, which: Sequence[int], smallest: float = 24) -> Figures:
    """Figures over the pictures ``which`` of ``truth``, whose detections are ``found``."""
    hits: list[float] = []
    alarms: list[float] = []
    total = 0
    for index in which:
        good, bad, count = judge(found[index], truth.boxes[index], truth.ignore[index], smallest)
        hits += good
        alarms += bad
        total += count
    scores = np.array(hits + alarms)
    order = np.argsort(-scores, kind="stable")
    good_ones = np.concatenate([np.ones(len(hits)), np.zeros(len(alarms))])[order]
    true, false = np.cumsum(good_ones), np.cumsum(1 - good_ones)
    recall, precision = true / max(total, 1), true / np.maximum(true + false, 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    ap = float(np.sum(np.diff(np.concatenate([[0], recall])) * envelope)) if len(order) else 0.0
    allowed = np.flatnonzero(false <= 0.1 * len(which))
    last = int(allowed[-1]) if len(allowed) else -1
    return Figures(
        total,
        len(which),
        ap,
        float(recall[last]) if last >= 0 else 0.0,
        float(scores[order][last]) if last >= 0 else 1.0,
        float(np.sum(np.array(hits) >= THRESHOLD) / max(total, 1)),
        float(np.sum(np.array(alarms) >= THRESHOLD) / max(len(which), 1)),
    )


def alarm_rate(detect: Detect, pictures: Sequence[Picture], threshold: float = THRESHOLD) -> float:
    """Share of face-free pictures in which something scores ``threshold`` or more."""
    return float(np.mean([bool((detect(p)[:, 14] >= threshold).any()) for p in pictures]))


def point_error(detect: Detect, truth: Labelled, which: Sequence[int]) -> tuple[float, float]:
    """Mean distance of the five points over the eyes' distance, and the share of faces found.

    Each picture is laid in the middle of a grey square at such a size that its face is about a quarter of it.
    """
    errors: list[float] = []
    for index in which:
        picture, box = truth.pictures[index], truth.boxes[index][0]
        side = max(picture.shape[0], picture.shape[1], round(4 * float(max(box[2:]))))
        ground = np.full((side, side, 3), 114, np.uint8)
        top, left = (side - picture.shape[0]) // 2, (side - picture.shape[1]) // 2
        ground[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        faces = detect(ground)
        faces = faces[faces[:, 14] >= THRESHOLD]
        if not len(faces):
            continue
        overlap = ious(box + np.array([left, top, 0, 0], np.float32), faces[:, :4])
        if overlap.max() < OVERLAP:
            continue
        five = faces[int(overlap.argmax()), 4:14].reshape(5, 2) - [left, top]
        want = truth.points[index][0].reshape(5, 2)
        eyes = float(np.hypot(*(want[0] - want[1])))
        if eyes > 2:
            errors.append(float(np.hypot(*(five - want).T).mean() / eyes))
    return float(np.mean(errors)) if errors else float("nan"), len(errors) / max(1, len(which))
