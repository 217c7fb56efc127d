"""Changes of a picture: those that should change no reading, and those after which one should be less sure."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facelens.types import Image

Change = Callable[[Image], Image]


def _warp(angle: float = 0.0, zoom: float = 1.0, move: float = 0.0) -> Change:
    def change(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
        matrix[:, 2] += move * min(height, width)
        out = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
        return np.asarray(out, np.uint8)

    return change


def smaller(image: Image, scale: float) -> Image:
    """The picture with ``scale`` times as many pixels a side, each the mean of those it covers."""
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _light(gain: float) -> Change:
    return lambda image: np.clip(image.astype(np.float32) * gain, 0, 255).astype(np.uint8)


def _jpeg(quality: int) -> Change:
    def change(image: Image) -> Image:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def _blur(share: float) -> Change:
    return lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), share * min(image.shape[:2])), np.uint8)


def _tiny(share: float) -> Change:
    def change(image: Image) -> Image:
        size = (max(round(image.shape[1] * share), 1), max(round(image.shape[0] * share), 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)

    return change


def _half(image: Image) -> Image:
    out = image.copy()
    out[:, image.shape[1] // 2 :] = 114
    return out


STEADY: dict[str, Change] = {
    "moved 2 %": _warp(move=0.02),
    "5 % larger": _warp(zoom=1.05),
    "5 % smaller": _warp(zoom=0.95),
    "turned 4 degrees": _warp(angle=4),
    "turned -4 degrees": _warp(angle=-4),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "15 % darker": _light(0.85),
    "15 % brighter": _light(1.15),
    "JPEG 60": _jpeg(60),
}
"""Changes that should change no reading."""

DOUBT: dict[str, Change] = {
    "as it is": lambda image: image,
    "dark (x 0.2)": _light(0.2),
    "very dark (x 0.07)": _light(0.07),
    "blown out (x 3)": _light(3.0),
    "blurred": _blur(0.02),
    "very blurred": _blur(0.05),
    "a quarter of the pixels a side": _tiny(0.25),
    "a tenth of the pixels a side": _tiny(0.1),
    "turned 45 degrees": _warp(angle=45),
    "turned 90 degrees": _warp(angle=90),
    "half hidden": _half,
}
"""Changes after which a reading should be less sure."""
