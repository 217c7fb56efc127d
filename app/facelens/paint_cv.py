"""Paints a draw list on a picture with OpenCV, for annotated copies and recordings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from facelens.overlay import Disc, Dots, OverlayOptions, Panel, Primitive, Ring, Stroke, Text, ViewMap, draw_list
from facelens.types import FrameReport, Image

_SHIFT = 4
_UNIT = 1 << _SHIFT
"""OpenCV draws at sixteenths of a pixel."""

_ALIGN = {"left": 0.0, "centre": 0.5, "right": 1.0}


def _bgr(colour: str) -> tuple[int, int, int]:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _fixed(*values: float) -> tuple[int, ...]:
    return tuple(round(value * _UNIT) for value in values)


class _Pen:
    def __init__(self, image: Image) -> None:
        self.image = image
        self._face = cv2.FontFace("sans")

    def weight(self, bold: bool) -> int:
        return 650 if bold else 450

    def measure(self, text: str, size: float, bold: bool) -> float:
        rect: Any = cv2.getTextSize((0, 0), text, (0, 0), self._face, round(size * 1.1), self.weight(bold))
        return float(rect[2])

    def blend(self, alpha: float, left: float, top: float, right: float, bottom: float, draw: Any) -> None:
        """Draw on a copy of the region, then mix; only the region is touched."""
        height, width = self.image.shape[:2]
        x0, y0 = max(int(left) - 2, 0), max(int(top) - 2, 0)
        x1, y1 = min(int(right) + 3, width), min(int(bottom) + 3, height)
        if x1 <= x0 or y1 <= y0:
            return
        region = self.image[y0:y1, x0:x1]
        layer = region.copy()
        draw(layer, x0, y0)
        cv2.addWeighted(layer, alpha, region, 1 - alpha, 0, dst=region)

    def stroke(self, item: Stroke) -> None:
        pad = item.width
        for line in item.lines.astype(np.float64):

            def draw(layer: Image, x0: int, y0: int, line: Any = line) -> None:
                fixed = np.round((line - (x0, y0)) * _UNIT).astype(np.int32)
                cv2.polylines(
                    layer, [fixed], item.closed, _bgr(item.colour), max(round(item.width), 1), cv2.LINE_AA, _SHIFT
                )

            (left, top), (right, bottom) = line.min(0) - pad, line.max(0) + pad
            self.blend(item.alpha, left, top, right, bottom, draw)

    def disc(self, item: Disc) -> None:
        def draw(layer: Image, x0: int, y0: int) -> None:
            centre, (radius,) = _fixed(item.x - x0, item.y - y0), _fixed(item.radius)
            cv2.circle(layer, (centre[0], centre[1]), radius, _bgr(item.colour), -1, cv2.LINE_AA, _SHIFT)

        r = item.radius
        self.blend(item.alpha, item.x - r, item.y - r, item.x + r, item.y + r, draw)

    def ring(self, item: Ring) -> None:
        def draw(layer: Image, x0: int, y0: int) -> None:
            steps = max(int(abs(item.sweep_deg) / 4), 2)
            angles = np.radians(np.linspace(item.start_deg - 90, item.start_deg + item.sweep_deg - 90, steps))
            line = np.stack([item.x - x0 + item.radius * np.cos(angles), item.y - y0 + item.radius * np.sin(angles)], 1)
            fixed = np.round(line * _UNIT).astype(np.int32)
            cv2.polylines(layer, [fixed], False, _bgr(item.colour), max(round(item.width), 1), cv2.LINE_AA, _SHIFT)

        if abs(item.sweep_deg) < 0.5:
            return
        r = item.radius + item.width
        self.blend(item.alpha, item.x - r, item.y - r, item.x + r, item.y + r, draw)

    def panel(self, item: Panel) -> None:
        def draw(layer: Image, x0: int, y0: int) -> None:
            r = min(item.radius, item.width / 2, item.height / 2)
            turn = np.linspace(0, np.pi / 2, 8)
            quarter = np.stack([r * np.cos(turn), r * np.sin(turn)], 1)
            left, top = item.x - x0, item.y - y0
            right, bottom = left + item.width, top + item.height
            corners = [
                quarter * (1, 1) + (right - r, bottom - r),
                quarter[::-1] * (-1, 1) + (left + r, bottom - r),
                quarter * (-1, -1) + (left + r, top + r),
                quarter[::-1] * (1, -1) + (right - r, top + r),
            ]
            fixed = np.round(np.concatenate(corners) * _UNIT).astype(np.int32)
            cv2.fillPoly(layer, [fixed], _bgr(item.colour), cv2.LINE_AA, _SHIFT)

        self.blend(item.alpha, item.x, item.y, item.x + item.width, item.y + item.height, draw)

    def text(self, item: Text) -> None:
        width = self.measure(item.text, item.size, item.bold)
        x = item.x - _ALIGN[item.align] * width
        origin = (round(x), round(item.y + item.size * 0.36))
        size = round(item.size * 1.1)
        cv2.putText(self.image, item.text, origin, _bgr(item.colour), self._face, size, self.weight(item.bold))


def paint(image: Image, primitives: tuple[Primitive, ...]) -> Image:
    """Paint on ``image`` itself (BGR uint8, writeable) and return it."""
    pen = _Pen(image)
    for item in primitives:
        match item:
            case Stroke():
                pen.stroke(item)
            case Dots():
                for x, y in item.points.tolist():
                    pen.disc(Disc(x, y, item.radius, item.colour, item.alpha))
            case Disc():
                pen.disc(item)
            case Ring():
                pen.ring(item)
            case Panel():
                pen.panel(item)
            case Text():
                pen.text(item)
    return image


def annotate(image: Image, report: FrameReport, options: OverlayOptions | None = None) -> Image:
    """A copy of ``image`` with the overlay of ``report``."""
    copy = np.array(image, dtype=np.uint8)
    view = ViewMap(1.0, 0.0, 0.0, float(copy.shape[1]), float(copy.shape[0]))
    return paint(copy, draw_list(report, options or OverlayOptions(), view, _Pen(copy).measure))
