"""Composes assets/samples/group.jpg, a picture of several faces, from the bundled public-domain portrait alone.

    python tools/compose_group.py

No other face picture is needed: five prints of the portrait, of different sizes, turned and relit, hang on a wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"
SIZE = (1280, 720)
CUT = (78, 2, 292, 350)  # x, y, width, height of head and shoulders in the portrait
FACE = (227.0, 115.0)  # middle of the face in the portrait
OVERSAMPLE = 3  # edges are drawn three times as large, then averaged down


@dataclass(frozen=True)
class Print:
    """One print on the wall: middle and scale in pixels, turn in degrees, and its light."""

    x: float
    y: float
    scale: float
    turn: float = 0.0
    gain: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)  # blue, green, red
    mirrored: bool = False
    side_light: float = 0.0  # -1..1: darker on the left or on the right
    grey: bool = False


PRINTS = (
    Print(640, 350, 1.30, turn=0.6),
    Print(268, 216, 0.80, turn=-3.0, tint=(0.86, 0.98, 1.06), gain=0.96, mirrored=True),
    Print(262, 546, 0.66, turn=4.0, gain=0.62, side_light=0.35),
    Print(1010, 218, 0.80, turn=3.5, grey=True),
    Print(1022, 548, 0.67, turn=-5.0, tint=(1.10, 1.0, 0.90), gain=1.08, mirrored=True, side_light=-0.3),
)


def wall() -> NDArray[np.float32]:
    """A calm grey-green wall, brighter in the upper middle, with fine grain; H x W x 3, BGR, 0..255."""
    width, height = (edge * OVERSAMPLE for edge in SIZE)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot((xs / width - 0.5) * 1.1, ys / height - 0.35)
    light = 1.06 - 0.5 * distance**1.5
    grain = np.random.default_rng(0).normal(0.0, 1.2, (height, width, 1)).astype(np.float32)
    colour = np.array([150.0, 154.0, 144.0], np.float32)
    return light[..., None].astype(np.float32) * colour + grain


def relight(portrait: NDArray[np.uint8], item: Print) -> NDArray[np.float32]:
    """The portrait under the print's light, H x W x 3, BGR, 0..255."""
    picture = portrait.astype(np.float32)
    if item.grey:
        picture = np.repeat(picture @ np.array([0.114, 0.587, 0.299], np.float32)[:, None], 3, axis=2)
    across = np.linspace(-1.0, 1.0, CUT[2], dtype=np.float32)
    columns = np.clip((np.arange(picture.shape[1]) - CUT[0]).astype(np.float32) / CUT[2] * 2 - 1, -1, 1)
    side = 1.0 + item.side_light * np.interp(columns, across, across).astype(np.float32)
    lit = picture * np.array(item.tint, np.float32) * item.gain * side[None, :, None]
    return np.clip(lit, 0.0, 255.0).astype(np.float32)


def placement(item: Print) -> NDArray[np.float64]:
    """The 2 x 3 matrix that takes portrait pixels to pixels of the group picture."""
    x, y, width, height = CUT
    angle = math.radians(item.turn)
    flip = -1.0 if item.mirrored else 1.0
    linear = item.scale * np.array(
        [[math.cos(angle) * flip, -math.sin(angle)], [math.sin(angle) * flip, math.cos(angle)]]
    )
    offset = np.array([item.x, item.y]) - linear @ np.array([x + width / 2, y + height / 2])
    return np.hstack([linear, offset[:, None]])


def blend_panel(
    canvas: NDArray[np.float32],
    matrix: NDArray[np.float64],
    grow: float,
    colour: tuple[float, float, float],
    blur: float,
) -> None:
    """Fills the print's outline, `grow` portrait pixels larger on each side, softened by `blur` canvas pixels."""
    x, y, width, height = CUT
    corners = np.array(
        [
            [x - grow, y - grow],
            [x + width + grow, y - grow],
            [x + width + grow, y + height + grow],
            [x - grow, y + height + grow],
        ]
    )
    outline = corners @ matrix[:, :2].T + matrix[:, 2]
    mask = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.round(outline * 16).astype(np.int32), 1.0, shift=4)
    if blur:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur), np.float32) * 0.45
    canvas += mask[..., None] * (np.array(colour, np.float32) - canvas)


def compose(portrait: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[NDArray[np.float64], ...]]:
    """The group picture (720 x 1280 x 3, BGR) and, for every print, the matrix from portrait pixels to its pixels."""
    canvas = wall()
    x, y, width, height = CUT
    inside = np.zeros(portrait.shape[:2], np.float32)
    inside[y : y + height, x : x + width] = 1.0
    matrices = tuple(placement(item) for item in PRINTS)
    for item, matrix in zip(PRINTS, matrices, strict=True):
        large = matrix * OVERSAMPLE
        fall = large.copy()
        fall[:, 2] += np.array([6.0, 14.0]) * OVERSAMPLE
        mat = 16 / item.scale
        frame = 22 / item.scale
        blend_panel(canvas, fall, frame, (38.0, 40.0, 36.0), 12.0 * OVERSAMPLE)
        blend_panel(canvas, large, frame, (44.0, 47.0, 50.0), 0.0)
        blend_panel(canvas, large, mat, (233.0, 238.0, 240.0), 0.0)
        size = (canvas.shape[1], canvas.shape[0])
        lit = cv2.warpAffine(
            relight(portrait, item), large, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        mask = cv2.warpAffine(inside, large, size, flags=cv2.INTER_LINEAR)[..., None]
        canvas += mask * (lit - canvas)
    small = cv2.resize(canvas, SIZE, interpolation=cv2.INTER_AREA)
    return np.clip(np.round(small), 0, 255).astype(np.uint8), matrices


def main() -> None:
    portrait = cv2.imread(str(SAMPLES / "astronaut.jpg"), cv2.IMREAD_COLOR)
    if portrait is None:
        raise SystemExit("assets/samples/astronaut.jpg cannot be read; restore it from the repository.")
    picture, _ = compose(np.asarray(portrait, np.uint8))
    cv2.imwrite(str(SAMPLES / "group.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 93])


if __name__ == "__main__":
    main()
