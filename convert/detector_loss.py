"""The detector's loss: focal scores over all cells, overlap and points on the cells that own a face."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

BOX, POINTS = 2.0, 12.0
GAMMA = 2.0


def _corners(box: Any) -> tuple[Any, Any, Any, Any]:
    x, y, w, h = tf.unstack(box, axis=-1)
    return x, y, x + w, y + h


def overlaps(a: Any, b: Any) -> tuple[Any, Any]:
    """IoU and generalised IoU of boxes ... x 4 (x y w h)."""
    ax, ay, ar, ab = _corners(a)
    bx, by, br, bb = _corners(b)
    inter = tf.nn.relu(tf.minimum(ar, br) - tf.maximum(ax, bx)) * tf.nn.relu(tf.minimum(ab, bb) - tf.maximum(ay, by))
    union = (ar - ax) * (ab - ay) + (br - bx) * (bb - by) - inter + 1e-6
    hull = (tf.maximum(ar, br) - tf.minimum(ax, bx)) * (tf.maximum(ab, bb) - tf.minimum(ay, by)) + 1e-6
    iou = inter / union
    return iou, iou - (hull - union) / hull


def _focal(logits: Any, target: Any) -> Any:
    """Cross-entropy to a soft target, times the distance to it (quality focal loss, Li et al. 2020)."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    return entropy * tf.abs(target - tf.sigmoid(logits)) ** GAMMA


def detector_loss(rows: Any, target: Any, cells: Any) -> dict[str, Any]:
    """Parts ``scores``, ``box``, ``points`` and their weighted sum ``loss`` of a batch.

    Args:
        rows: B x A x 16 network output (logits).
        target: B x A x 18 of ``detector_targets.assign``.
        cells: A x 3 of ``detector_targets.grid``.

    Cells of weight 0 (ignored faces) count in no part; faces without points count in no part of ``points``.
    """
    positive, weight = target[..., 0] * target[..., 1], target[..., 1]
    count = tf.maximum(tf.reduce_sum(positive), 1.0)
    place, stride = cells[:, :2], cells[:, 2:3]
    owners = tf.where(positive > 0)
    row, want = tf.gather_nd(rows, owners), tf.gather_nd(target, owners)
    place, stride = tf.gather(place, owners[:, 1]), tf.gather(stride, owners[:, 1])
    size = tf.exp(tf.clip_by_value(row[:, 4:6], -8.0, 5.0)) * stride
    box = tf.concat([place + row[:, 2:4] * stride - size / 2, size], -1)
    iou, giou = overlaps(box, want[:, 2:6])

    quality = tf.scatter_nd(owners, tf.stop_gradient(tf.clip_by_value(iou, 0.0, 1.0)), tf.shape(positive, tf.int64))
    # a face in small counts as one in large: cells are many for the large ones, few for the small ones
    scores = tf.reduce_sum(weight * (_focal(rows[..., 0], positive) + _focal(rows[..., 1], quality))) / count
    points = tf.tile(place, (1, 5)) + row[:, 6:16] * stride
    error = tf.abs(points - want[:, 6:16]) / tf.maximum(want[:, 17:18], 1.0)
    beta = 0.02
    smooth = tf.where(error < beta, 0.5 * error**2 / beta, error - 0.5 * beta)
    known = want[:, 16]
    points_loss = tf.reduce_sum(known * tf.reduce_mean(smooth, -1)) / tf.maximum(tf.reduce_sum(known), 1.0)
    box_loss = tf.reduce_sum(1 - giou) / count
    return {
        "loss": scores + BOX * box_loss + POINTS * points_loss,
        "scores": scores,
        "box": box_loss,
        "points": points_loss,
    }
