"""The window's own line icons, drawn in any colour."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF


def line_icon(name: str, colour: QColor, size: int = 16) -> QIcon:
    """One of the window's own icons: play, pause, stop, dot, camera, star, gear, chevron, close, back, panel."""
    ratio = 3
    pixmap = QPixmap(QSize(size * ratio, size * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(size / 16, size / 16)
        pen = QPen(colour, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if name in ("play", "pause", "stop"):
            painter.setBrush(QBrush(colour))
        if name == "play":
            painter.drawPolygon(QPolygonF([QPointF(5, 3.2), QPointF(12.5, 8), QPointF(5, 12.8)]))
        elif name == "pause":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(QRectF(3.5, 2.5, 3.4, 11), 1.2, 1.2)
            painter.drawRoundedRect(QRectF(9.1, 2.5, 3.4, 11), 1.2, 1.2)
        elif name == "stop":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(QRectF(3, 3, 10, 10), 2, 2)
        elif name == "dot":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(colour))
            painter.drawEllipse(QPointF(8, 8), 5, 5)
        elif name == "camera":
            painter.drawPolyline(
                QPolygonF([QPointF(5.2, 4.4), QPointF(6.4, 2.6), QPointF(9.6, 2.6), QPointF(10.8, 4.4)])
            )
            painter.drawRoundedRect(QRectF(1.6, 4.4, 12.8, 9), 2, 2)
            painter.drawEllipse(QPointF(8, 8.8), 2.4, 2.4)
        elif name == "star":
            turns = (math.radians(36 * step - 90) for step in range(10))
            radii = (7.0 if step % 2 == 0 else 3.1 for step in range(10))
            corners = [QPointF(8 + r * math.cos(turn), 8.4 + r * math.sin(turn)) for r, turn in zip(radii, turns)]
            painter.drawPolygon(QPolygonF(corners))
        elif name == "chevron":
            painter.drawPolyline(QPolygonF([QPointF(4, 6), QPointF(8, 10), QPointF(12, 6)]))
        elif name == "back":
            painter.drawPolyline(QPolygonF([QPointF(10, 3.5), QPointF(5.5, 8), QPointF(10, 12.5)]))
        elif name == "close":
            painter.drawLine(QPointF(4, 4), QPointF(12, 12))
            painter.drawLine(QPointF(12, 4), QPointF(4, 12))
        elif name == "panel":
            painter.drawRoundedRect(QRectF(2, 3, 12, 10), 2, 2)
            painter.drawLine(QPointF(9.5, 3), QPointF(9.5, 13))
        elif name == "gear":
            painter.drawEllipse(QPointF(8, 8), 4.1, 4.1)
            painter.drawEllipse(QPointF(8, 8), 1.2, 1.2)
            for step in range(8):
                turn = step * math.pi / 4
                cos, sin = math.cos(turn), math.sin(turn)
                painter.drawLine(QPointF(8 + 4.6 * cos, 8 + 4.6 * sin), QPointF(8 + 6.4 * cos, 8 + 6.4 * sin))
        else:
            raise ValueError(f"no icon named {name}")
    return QIcon(pixmap)
