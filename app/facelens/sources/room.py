"""The room behind the demo's figures: drawn, out of focus, the same every time."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facelens.sources.bands import bands
from facelens.types import Image

WARM = (0.90, 1.0, 1.07)
COOL = (1.09, 1.0, 0.92)
BOOKS = ((92, 74, 60), (64, 78, 112), (150, 158, 160), (70, 96, 74), (108, 92, 132), (44, 52, 74), (128, 138, 110))


def draw_room(size: tuple[int, int]) -> tuple[Image, Image]:
    """The room in evening and in morning light, each height x width x 3; mixed, they give any light between.

    Args:
        size: width and height in pixels.
    """
    width, height = size
    small = (max(width // 4, 16), max(height // 4, 16))
    room = _wall(*small)
    _shelf(room, *small)
    room = np.asarray(cv2.GaussianBlur(room, (0, 0), small[1] * 0.022), np.float32)
    _glow(room, 0.04, 0.30, 0.30, (36.0, 39.0, 40.0))
    _glow(room, 0.93, 0.62, 0.17, (26.0, 52.0, 74.0))
    # a lens darkens the corners
    y, x = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
    corner = np.clip(np.hypot(x / small[0] - 0.5, y / small[1] - 0.5) - 0.25, 0, None)
    room *= (1.0 - 0.7 * corner**1.4)[..., None].astype(np.float32)
    room = np.asarray(cv2.resize(room, size, interpolation=cv2.INTER_LINEAR), np.float32)
    evening, morning = np.empty((height, width, 3), np.uint8), np.empty((height, width, 3), np.uint8)
    rng = np.random.default_rng(11)
    for rows in bands(height):
        # a breath of grain, or the slow gradients show steps
        part = room[rows] + 0.8 * rng.standard_normal((len(room[rows]), width, 1), np.float32)
        for picture, tint in ((evening, WARM), (morning, COOL)):
            picture[rows] = cv2.convertScaleAbs(cv2.transform(part, np.diag(tint)))
    return evening, morning


def _wall(width: int, height: int) -> npt.NDArray[np.float32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    light = 1.06 - 0.42 * np.hypot((x - 0.30) * 0.9, y - 0.30) - 0.10 * y
    return np.asarray(light[..., None] * np.array([158.0, 163.0, 166.0]), np.float32)


def _shelf(room: npt.NDArray[np.float32], width: int, height: int) -> None:
    """Two boards with books on the right, a tall window's frame on the left."""
    rng = np.random.default_rng(5)
    unit = height / 180
    for board in (0.34, 0.66):
        top = int(board * height)
        left = int(0.70 * width)
        x = left + 4 * unit
        while x < width:
            wide, tall = rng.uniform(4, 9) * unit, rng.uniform(22, 36) * unit
            if rng.random() < 0.78:
                colour = np.array(BOOKS[int(rng.integers(len(BOOKS)))], float) * 0.92 + 14
                cv2.rectangle(room, (int(x), int(top - tall)), (int(x + wide), top), colour.tolist(), -1)
            x += wide + 0.6 * unit
        cv2.rectangle(room, (left, top), (width, top + int(4 * unit)), (96.0, 112.0, 128.0), -1)
    for x0, x1 in ((0.0, 0.075), (0.095, 0.17)):
        cv2.rectangle(room, (int(x0 * width), 0), (int(x1 * width), int(0.72 * height)), (194.0, 194.0, 190.0), -1)


def _glow(room: npt.NDArray[np.float32], x: float, y: float, radius: float, colour: tuple[float, float, float]) -> None:
    """Add a soft light at a place given in fractions of the picture."""
    height, width = room.shape[:2]
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    far = ((u - x * width) ** 2 + (v - y * height) ** 2) / (radius * height * 1.6) ** 2
    room += np.exp(-far)[..., None] * np.array(colour, np.float32)
