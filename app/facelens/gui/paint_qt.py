"""Paints the overlay's draw list with Qt, and measures text as Qt will draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from facelens.gui import theme
from facelens.overlay import Disc, Panel, Primitive, Ring, Stroke, Text


@lru_cache(maxsize=32)
def _font(size: float, bold: bool) -> QFont:
    return theme.font(size, bold)


@lru_cache(maxsize=4096)
def measure(text: str, size: float, bold: bool) -> float:
    """Width of ``text`` in pixels at ``size`` pixels; needs a QApplication."""
    return QFontMetricsF(_font(size, bold)).horizontalAdvance(text)


def forget_fonts() -> None:
    """Drop measured widths, after the system's font has changed."""
    _font.cache_clear()
    measure.cache_clear()


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
            pen = QPen(colour, item.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            line = QPolygonF([QPointF(float(x), float(y)) for x, y in item.points])
            if item.closed:
                painter.drawPolygon(line)
            else:
                painter.drawPolyline(line)
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
    before, after = {_key(item) for item in old}, {_key(item) for item in new}
    leaving = [replace(item, alpha=item.alpha * (1 - progress)) for item in old if _key(item) not in after]
    coming = [item if _key(item) in before else replace(item, alpha=item.alpha * progress) for item in new]
    return (*leaving, *coming)
