"""Digging for false alarms: where the network of the moment sees a face on train pictures that hold none there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from convert.detector_data import Array, Labelled, Picture
from convert.detector_mix import Spot
from convert.detector_targets import decode

LONGEST = 640
ALARM = 0.2
"""Score from which a place counts as worth learning from."""
MOST = 6000


def letterbox(image: Picture, longest: int, height: int, width: int) -> tuple[Picture, float]:
    """The picture with its longest side at ``longest`` in the top left of a height x width canvas, and the scale."""
    scale = longest / max(image.shape[:2])
    size = (min(width, round(image.shape[1] * scale)), min(height, round(image.shape[0] * scale)))
    canvas = np.zeros((height, width, 3), np.uint8)
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=kind)
    return canvas, scale


def probabilities(rows: Any) -> Array:
    """Rows of the training network with both scores turned into probabilities."""
    out: Array = np.array(rows, np.float32)
    out[..., :2] = 1 / (1 + np.exp(-out[..., :2]))
    return out


def covered(face: Array, boxes: Array) -> bool:
    """Whether a detection touches one of ``boxes`` (overlap, or its centre inside)."""
    if not len(boxes):
        return False
    x, y = face[0] + face[2] / 2, face[1] + face[3] / 2
    inside = (x >= boxes[:, 0]) & (x <= boxes[:, 0] + boxes[:, 2])
    inside &= (y >= boxes[:, 1]) & (y <= boxes[:, 1] + boxes[:, 3])
    wide = np.minimum(face[0] + face[2], boxes[:, 0] + boxes[:, 2]) - np.maximum(face[0], boxes[:, 0])
    high = np.minimum(face[1] + face[3], boxes[:, 1] + boxes[:, 3]) - np.maximum(face[1], boxes[:, 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    return bool((inside | (shared > 0.15 * face[2] * face[3])).any())


def dig(model: Any, pictures: Sequence[Picture], labelled: Labelled | None, batch: int = 8) -> list[Spot]:
    """False alarms (picture, x, y, side in its px), the surest first.

    Args:
        model: the training network (float32).
        pictures: train pictures.
        labelled: their faces; None where there are none at all.
    """
    forward = tf.function(lambda image: model(tf.cast(image, tf.float32), training=False), reduce_retracing=True)
    found: list[tuple[float, Spot]] = []
    order = np.argsort([p.shape[0] / p.shape[1] for p in pictures], kind="stable")
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        tall = max(pictures[i].shape[0] / max(pictures[i].shape[:2]) for i in part)
        wide = max(pictures[i].shape[1] / max(pictures[i].shape[:2]) for i in part)
        height, width = (-(-round(LONGEST * share) // 32) * 32 for share in (tall, wide))
        boxed = [letterbox(pictures[i], LONGEST, height, width) for i in part]
        rows = probabilities(forward(tf.constant(np.stack([b[0] for b in boxed]))))
        for which, (_, scale), row in zip(part, boxed, rows):
            for face in decode(row, height, width, ALARM):
                place = face[:4] / scale
                if labelled is not None and covered(place, labelled.boxes[which]):
                    continue
                x, y, side = place[0] + place[2] / 2, place[1] + place[3] / 2, place[2:].max()
                found.append((float(face[14]), (int(which), float(x), float(y), float(max(side, 8.0)))))
    found.sort(key=lambda entry: -entry[0])
    return [spot for _, spot in found[:MOST]]
