"""Paints the overlay's draw list with Qt, and measures text as Qt will draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from facelens.gui import theme
from facelens.overlay import Disc, Dots, Panel, Primitive, Ring, Stroke, Text


@lru_cache(maxsize=32)
def _font(size: float, bold: bool) -> QFont:
    return theme.font(size, bold)


@lru_cache(maxsize=4096)
def measure(text: str, size: float, bold: bool) -> float:
    """Width of ``text`` in pixels at ``size`` pixels; needs a QApplication."""
    return QFontMetricsF(_font(size, bold)).horizontalAdvance(text)


def paint(painter: QPainter, primitives: Sequence[Primitive]) -> None:
    """Paint primitives back to front; coordinates are those of the painter (logical pixels)."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for item in primitives:
        _paint_one(painter, item)
    painter.restore()


def _paint_one(painter: QPainter, item: Primitive) -> None:
    colour = QColor(item.colour)
    colour.setAlphaF(min(max(item.alpha, 0.0), 1.0))
    match item:
        case Stroke():
            # the brackets turn in small steps, so that no corner shows
            pen = QPen(colour, item.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.BevelJoin)
            path = QPainterPath()
            for line in item.lines.tolist():
                path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line]))
                if item.closed:
                    path.closeSubpath()
            painter.strokePath(path, pen)
        case Dots():
            # a point drawn with a round pen is a disc: one call for all of them
            pen = QPen(colour, 2 * item.radius, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPoints(QPolygonF([QPointF(x, y) for x, y in item.points.tolist()]))
        case Disc():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(colour))
            painter.drawEllipse(QPointF(item.x, item.y), item.radius, item.radius)
        case Ring():
            painter.setPen(QPen(colour, item.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            around = QRectF(item.x - item.radius, item.y - item.radius, 2 * item.radius, 2 * item.radius)
            # Qt counts sixteenths of a degree anticlockwise from three o'clock
            painter.drawArc(around, round((90 - item.start_deg) * 16), round(-item.sweep_deg * 16))
        case Panel():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(colour))
            painter.drawRoundedRect(QRectF(item.x, item.y, item.width, item.height), item.radius, item.radius)
        case Text():
            painter.setPen(colour)
            painter.setFont(_font(item.size, item.bold))
            width = measure(item.text, item.size, item.bold)
            left = item.x - {"left": 0.0, "centre": 0.5, "right": 1.0}[item.align] * width
            metrics = QFontMetricsF(painter.font())
            baseline = item.y + metrics.capHeight() / 2
            painter.drawText(QPointF(left, baseline), item.text)


def _key(item: Primitive) -> tuple[object, ...]:
    if isinstance(item, Stroke):
        return (Stroke, item.points.tobytes(), item.colour, item.width, item.alpha, item.closed)
    return (item,)


def fade(old: Sequence[Primitive], new: Sequence[Primitive], progress: float) -> tuple[Primitive, ...]:
    """The draw list at ``progress`` 0..1 between two lists: what both hold stays, the rest fades out or in."""
    if progress >= 1:
        return tuple(new)
    before, after = _kept(old), _kept(new)
    leaving = [part for item in old for part in _parts(item, after, 1 - progress, stays=False)]
    coming = [part for item in new for part in _parts(item, before, progress, stays=True)]
    return (*leaving, *coming)


def _kept(items: Sequence[Primitive]) -> set[tuple[object, ...]]:
    """The keys of a list; dots count one by one, whatever they are painted together with."""
    keys = {_key(item) for item in items if not isinstance(item, Dots)}
    return keys.union(*(_dots(item) for item in items if isinstance(item, Dots)))


def _dots(item: Dots) -> list[tuple[object, ...]]:
    return [(Dots, x, y, item.radius, item.colour, item.alpha) for x, y in item.points.tolist()]


def _parts(item: Primitive, others: set[tuple[object, ...]], share: float, *, stays: bool) -> list[Primitive]:
    """What of an item is painted in full (only with ``stays``), being in the other list too, and what at a share."""
    if not isinstance(item, Dots):
        whole = _key(item) in others
        return ([item] if stays else []) if whole else [replace(item, alpha=item.alpha * share)]
    both = np.array([key in others for key in _dots(item)], bool)
    parts: list[Primitive] = [replace(item, points=item.points[both])] if stays and both.any() else []
    return parts if both.all() else [*parts, replace(item, points=item.points[~both], alpha=item.alpha * share)]
