"""Augmentation of aligned crops: geometry in one warp, then what cameras do to pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from convert.faces.data import STORED
from facelens.geometry import CropSpec, Matrix, compose, similarity
from facelens.types import Points
from facelens.vision.crop import cut

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly crops are varied. Rotation in degrees, scale and shift as shares, the rest probabilities."""

    rotation: float = 7.0
    scale: float = 0.07
    shift: float = 0.03
    degrade: float = 0.36
    grey: float = 0.15
    dark: float = 0.12
    erase: float = 0.3


def placement(spec: CropSpec, stored: CropSpec = STORED) -> Matrix:
    """The matrix from a stored crop to the crop that a network reads."""
    return similarity(stored.template, spec.template)


def warp(
    rng: np.random.Generator, spec: CropSpec, strength: Strength, stored: CropSpec = STORED, five: Points | None = None
) -> tuple[Matrix, bool]:
    """A random matrix from the stored crop to the network's crop, and whether it mirrors the face.

    ``five``: points in pixels of the stored crop that align the face, None for those that cut it.
    """
    size = spec.size
    angle = np.radians(rng.normal(0, strength.rotation))
    zoom = np.exp(rng.normal(0, strength.scale))
    move = rng.normal(0, strength.shift * size, 2)
    flip = bool(rng.random() < 0.5)
    cos, sin, middle = np.cos(angle) * zoom, np.sin(angle) * zoom, (size - 1) / 2
    turn = np.array([[cos, -sin], [sin, cos]])
    if flip:
        turn = turn @ np.diag([-1.0, 1.0])
    vary = np.concatenate([turn, (middle - turn @ [middle, middle] + move)[:, None]], axis=1)
    usual = placement(spec, stored) if five is None else similarity(five, spec.template)
    return compose(vary, usual), flip


def degrade(rng: np.random.Generator, picture: Picture, strength: Strength) -> Picture:
    """Low resolution, blur, motion, noise, compression, grey, dim or coloured light, contrast, something in front."""
    size = picture.shape[0]
    image: Any = picture
    if rng.random() < strength.degrade:
        kind = rng.integers(5)
        if kind == 0:
            small = int(size * rng.uniform(0.2, 0.6))
            image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))
        elif kind == 1:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, size / 60))
        elif kind == 2:
            length = int(rng.integers(3, 3 + size // 14))
            kernel = np.zeros((length, length), np.float32)
            angle = rng.uniform(0, np.pi)
            step = np.array([np.cos(angle), np.sin(angle)]) * length / 2
            centre = (length - 1) / 2
            ends = [tuple(int(v) for v in np.round(centre + s * step)) for s in (-1, 1)]
            cv2.line(kernel, ends[0], ends[1], 1.0)
            image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1.0))
        elif kind == 3:
            noise = rng.standard_normal((size, size, 1), np.float32) * rng.uniform(3, 22)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        else:
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))])
            image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    gain, offset = np.exp(rng.normal(0, 0.18)), rng.normal(0, 14)
    if rng.random() < strength.dark:
        gain *= rng.uniform(0.25, 0.6)
    tint = np.exp(rng.normal(0, 0.06, 3)) * gain
    levels = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((levels - 110) * tint + 110 * min(gain, 1.1) + offset, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < strength.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < strength.erase:
        height, width = (rng.uniform(0.08, 0.4, 2) * size).astype(int) + 1
        y, x = rng.integers(0, size - height), rng.integers(0, size - width)
        image = image.copy()
        image[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    return np.asarray(image, np.uint8)


def sample(
    rng: np.random.Generator,
    image: Picture,
    spec: CropSpec,
    strength: Strength,
    stored: CropSpec = STORED,
    five: Points | None = None,
) -> tuple[Picture, Matrix, bool]:
    """An augmented crop, the matrix that made it from the stored crop, and whether it is mirrored; see ``warp``."""
    matrix, flip = warp(rng, spec, strength, stored, five)
    return degrade(rng, cut(image, matrix, spec.size), strength), matrix, flip


def plain(images: npt.NDArray[np.uint8], spec: CropSpec, stored: CropSpec = STORED) -> npt.NDArray[np.uint8]:
    """Stored crops as the network reads them at run time, without augmentation."""
    matrix = placement(spec, stored)
    return np.stack([cut(np.asarray(image), matrix, spec.size) for image in images])
