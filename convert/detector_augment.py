"""Training crops: zoomed scenes, faces pasted on empty pictures, empty ones, and how they are spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from convert.detector_data import Array, Labelled, Picture

Rng = np.random.Generator

SMALLEST = 9.0
"""Faces below this many px in a crop are ignored."""
SEEN = 0.6
"""A face of which less than this share lies inside the crop is ignored."""
MIRRORED = (1, 0, 2, 4, 3)
"""Order of the five points after a flip: right and left change places."""


@dataclass
class Crop:
    """A picture, its faces (boxes F x 4, points F x 10, known F) and its ignored boxes G x 4, all in its px."""

    image: Picture
    boxes: Array
    points: Array
    known: Array
    ignored: Array


def similarity(scale: float, degrees: float, flip: bool, source: tuple[float, float], to: tuple[float, float]) -> Array:
    """2 x 3 matrix that scales, turns, mirrors, and brings the point ``source`` to ``to``."""
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if flip:
        linear = linear @ np.array([[-1.0, 0.0], [0.0, 1.0]])
    shift = np.array(to) - linear @ np.array(source)
    return np.concatenate([linear, shift[:, None]], 1).astype(np.float32)


def moved(boxes: Array, points: Array, matrix: Array) -> tuple[Array, Array]:
    """Boxes (upright again, of the turned centre and the scaled size) and points under ``matrix``."""
    linear, shift = matrix[:, :2], matrix[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    centre = (boxes[:, :2] + boxes[:, 2:] / 2) @ linear.T + shift
    size = boxes[:, 2:] * scale
    five = points.reshape(-1, 5, 2) @ linear.T + shift
    if np.linalg.det(linear) < 0:
        five = five[:, MIRRORED]
    return np.concatenate([centre - size / 2, size], 1), five.reshape(-1, 10)


def warp(image: Picture, matrix: Array, size: int, border: tuple[int, ...] | None) -> Picture:
    """Resample into size x size, averaging down first if it shrinks much. ``border`` None mirrors the edge."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = int(1 / scale) if scale < 0.5 else 1
    if factor > 1 and min(image.shape[:2]) >= 2 * factor:
        small = cv2.resize(image, (image.shape[1] // factor, image.shape[0] // factor), interpolation=cv2.INTER_AREA)
        half = (factor - 1) / 2
        matrix = np.stack([matrix[:, 0] * factor, matrix[:, 1] * factor, matrix[:, 2] + matrix[:, :2].sum(1) * half], 1)
        image = np.asarray(small, np.uint8)
    mode = cv2.BORDER_CONSTANT if border is not None else cv2.BORDER_REFLECT_101
    out = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=border or ())
    return np.asarray(out, np.uint8)


def settle(image: Picture, boxes: Array, points: Array, known: Array, ignore: npt.NDArray[np.bool_]) -> Crop:
    """Sort the faces of a crop into those to be found and those left out (ignored, too small, mostly outside)."""
    size = image.shape[0]
    corner = np.clip(boxes[:, :2] + boxes[:, 2:], 0, size)
    seen = np.prod(np.maximum(corner - np.clip(boxes[:, :2], 0, size), 0), 1)
    inside = seen > 0
    share = seen / np.maximum(np.prod(boxes[:, 2:], 1), 1e-6)
    good = inside & ~ignore & (share >= SEEN) & (boxes[:, 2:].max(1, initial=0) >= SMALLEST)
    left_out = inside & ~good
    return Crop(image, boxes[good], points[good], known[good], boxes[left_out])


def turn(rng: Rng) -> float:
    """Degrees: mostly a few, at times up to 25."""
    return float(rng.normal(0, 5) if rng.random() < 0.75 else rng.uniform(-25, 25))


def scene_crop(rng: Rng, source: Labelled, which: int, box: Array, span: float, size: int) -> Crop:
    """A crop of scene ``which`` in which the place ``box`` (x y w h px) spans ``span`` px and lies anywhere."""
    image = source.pictures[which]
    scale = span / float(box[2:].max())
    margin = min(span / 2, size / 2)
    to = tuple(rng.uniform(margin, size - margin, 2)) if margin < size / 2 else (size / 2, size / 2)
    centre = (float(box[0] + box[2] / 2), float(box[1] + box[3] / 2))
    matrix = similarity(scale, turn(rng), rng.random() < 0.5, centre, to)
    border = tuple(int(v) for v in rng.integers(0, 256, 3)) if rng.random() < 0.5 else (114, 114, 114)
    boxes, points = moved(source.boxes[which], source.points[which], matrix)
    return settle(warp(image, matrix, size, border), boxes, points, source.known[which], source.ignore[which])


def empty_crop(rng: Rng, image: Picture, size: int, spot: tuple[float, float, float] | None = None) -> Picture:
    """A crop of a face-free picture; ``spot`` (x, y, side in px) names what fooled the network before."""
    height, width = image.shape[:2]
    if spot is None:
        scale = size / float(min(height, width)) * float(np.exp(rng.uniform(-0.35, 0.9)))
        at = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        to = (float(rng.uniform(0.2, 0.8) * size), float(rng.uniform(0.2, 0.8) * size))
    else:
        x, y, _ = spot
        # the engine shows pictures with their longest side at 640: about that zoom, sometimes less or more
        scale = 640 / max(height, width) * float(np.exp(rng.uniform(-0.5, 0.4)))
        at, to = (x, y), (float(rng.uniform(0.15, 0.85) * size), float(rng.uniform(0.15, 0.85) * size))
    return warp(image, similarity(scale, turn(rng), rng.random() < 0.5, at, to), size, None)


def _mask(rng: Rng, height: int, width: int) -> Array:
    """Feathered superellipse, 1 inside and 0 at the rim."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    power = rng.uniform(2, 6)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
    feather = rng.uniform(0.05, 0.3)
    return np.clip((1 - radius) / feather, 0, 1).astype(np.float32)


def paste(rng: Rng, image: Picture, patch: Picture, matrix: Array) -> Picture:
    """Lay ``patch`` on ``image`` under ``matrix`` with a soft edge; coordinates of the patch map by ``matrix``."""
    size = image.shape[0]
    mask = cv2.warpAffine(_mask(rng, *patch.shape[:2]), matrix, (size, size), flags=cv2.INTER_LINEAR)[..., None]
    over = warp(patch, matrix, size, None)
    return np.asarray(image + (over.astype(np.float32) - image) * mask, np.float32).clip(0, 255).astype(np.uint8)


def pasted_crop(
    rng: Rng,
    source: Labelled,
    ground: Picture,
    chosen: Sequence[tuple[int, float]],
    patches: Sequence[Picture],
    size: int,
) -> Crop:
    """Faces of the face packs on a face-free ``ground``, with face-free ``patches`` pasted the same way beside them.

    ``chosen`` names the faces: index in ``source`` and the px that each is to span. One that finds no free place is
    left away.
    """
    image = ground
    for patch in patches:
        reach = float(rng.uniform(0.15, 0.6)) * size
        at = (patch.shape[1] / 2, patch.shape[0] / 2)
        to = (float(rng.uniform(0, size)), float(rng.uniform(0, size)))
        matrix = similarity(reach / max(patch.shape[:2]), turn(rng), rng.random() < 0.5, at, to)
        image = paste(rng, image, patch, matrix)
    boxes, points, known, taken = [], [], [], np.zeros((0, 3))
    for which, span in chosen:
        box = source.boxes[which][0]
        margin = min(0.6 * span, size / 2)
        for _ in range(8):
            to = (float(rng.uniform(margin, size - margin)), float(rng.uniform(margin, size - margin)))
            gap = np.hypot(taken[:, 0] - to[0], taken[:, 1] - to[1]) - 0.9 * (taken[:, 2] + span)
            if (gap > 0).all():
                break
        else:
            continue
        centre = (float(box[0] + box[2] / 2), float(box[1] + box[3] / 2))
        matrix = similarity(span / float(box[2:].max()), turn(rng), rng.random() < 0.5, centre, to)
        image = paste(rng, image, source.pictures[which], matrix)
        b, p = moved(source.boxes[which], source.points[which], matrix)
        boxes.append(b)
        points.append(p)
        known.append(source.known[which])
        taken = np.concatenate([taken, [[to[0], to[1], span]]])
    count = len(boxes)
    if not count:
        return nothing(image)
    return settle(image, np.concatenate(boxes), np.concatenate(points), np.concatenate(known), np.zeros(count, bool))


def close_crop(rng: Rng, source: Labelled, which: int, span: float, size: int) -> Crop:
    """One picture of a face pack as a whole, its face ``span`` px large, its edge mirrored or plain."""
    box = source.boxes[which][0]
    jitter = max(0.0, (size - span) / 2)
    to = tuple(size / 2 + rng.uniform(-jitter, jitter, 2))
    centre = (float(box[0] + box[2] / 2), float(box[1] + box[3] / 2))
    matrix = similarity(span / float(box[2:].max()), turn(rng), rng.random() < 0.5, centre, to)
    boxes, points = moved(source.boxes[which], source.points[which], matrix)
    border = tuple(int(v) for v in rng.integers(0, 256, 3))
    image = warp(source.pictures[which], matrix, size, border)
    return settle(image, boxes, points, source.known[which], source.ignore[which])


def nothing(image: Picture) -> Crop:
    """A crop without a face."""
    none = np.zeros((0, 4), np.float32)
    return Crop(image, none, np.zeros((0, 10), np.float32), np.zeros(0, np.float32), none)


def spoil(rng: Rng, image: Picture) -> Picture:
    """Light, colour, grey, blur, low resolution, noise and JPEG, each at times."""
    table = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1) / 255
    if rng.random() < 0.8:
        table = table ** float(np.exp(rng.normal(0, 0.25)))
        table = (table - 0.5) * float(np.exp(rng.normal(0, 0.2))) + 0.5 + float(rng.normal(0, 0.08))
        table = table * np.exp(rng.normal(0, 0.08, (1, 3)))
        image = np.asarray(cv2.LUT(image, (table.clip(0, 1) * 255).astype(np.uint8)[None]), np.uint8)
    if rng.random() < 0.2:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    size = image.shape[0]
    kind = rng.random()
    if kind < 0.1:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    elif kind < 0.2:
        low = max(32, int(size * rng.uniform(0.4, 0.9)))
        small = cv2.resize(image, (low, low), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    kind = rng.random()
    if kind < 0.12:
        quality = int(rng.integers(25, 80))
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    elif kind < 0.24:
        noise = np.empty((size, size, 3), np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, np.zeros(3), np.full(3, rng.uniform(2, 14)))
        image = np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)
    return image
