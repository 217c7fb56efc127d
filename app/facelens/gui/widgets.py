"""Small drawn parts: bars, columns, a waiting ring, the face picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEasingCurve, QPointF, QRectF, Qt, QTimer, QVariantAnimation
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QSizePolicy, QWidget

from facelens.gui import theme as look
from facelens.gui.theme import Theme
from facelens.types import Image

FADE_MS = 120
QUIET = 0.5
"""Opacity of a bar that stands beside a likelier one."""


def label(role: str, text: str = "", wrap: bool = False) -> QLabel:
    """A label whose type and colour follow its ``role`` in the style sheet."""
    made = QLabel(text)
    made.setProperty("role", role)
    made.setWordWrap(wrap)
    made.setTextFormat(Qt.TextFormat.PlainText)
    return made


class ElidedLabel(QLabel):
    """A label that takes what room there is and ends in "…" where that is too little."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
            painter.setPen(self.palette().windowText().color())
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def button(role: str, text: str = "", tip: str = "", checkable: bool = False) -> QPushButton:
    """A button whose look follows its ``role`` in the style sheet; ``tip`` also names it to screen readers."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.setAccessibleName(text or tip)
    made.setCheckable(checkable)
    as_button(made, role)
    return made


def as_button(item: QPushButton, role: str) -> None:
    """Give a button the look of ``role``; keys belong to the window's shortcuts, and Tab still reaches it."""
    item.setProperty("role", role)
    item.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def to_qimage(image: Image) -> QImage:
    """A QImage of its own memory from a BGR picture."""
    image = np.ascontiguousarray(image)
    height, width = image.shape[:2]
    return QImage(image.data, width, height, 3 * width, QImage.Format.Format_BGR888).convertToFormat(
        QImage.Format.Format_RGB32
    )


class _Moving(QWidget):
    """A widget with values that glide to their new place in 120 ms."""

    def __init__(self, theme: Theme, count: int) -> None:
        super().__init__()
        self.theme = theme
        self._from = np.zeros(count)
        self._to = np.zeros(count)
        self._now = np.zeros(count)
        self._glide = QVariantAnimation(self)
        self._glide.setDuration(FADE_MS)
        self._glide.setStartValue(0.0)
        self._glide.setEndValue(1.0)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._glide.valueChanged.connect(self._moved)
        theme.changed.connect(self.update)

    def glide(self, values: Sequence[float]) -> None:
        target = np.clip(np.asarray(values, np.float64), 0, 1)
        if np.allclose(target, self._to, atol=0.002):
            return
        self._from, self._to = self._now.copy(), target
        self._glide.stop()
        self._glide.start()

    def _moved(self, progress: float) -> None:
        self._now = self._from + (self._to - self._from) * progress
        self.update()


class Bar(_Moving):
    """A horizontal bar for one share 0..1; ``token`` names its colour in the palette, ``quiet`` takes half of it."""

    def __init__(self, theme: Theme, token: str, quiet: bool = False) -> None:
        super().__init__(theme, 1)
        self.token, self.quiet = token, quiet
        self.value = 0.0
        self.setFixedHeight(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_value(self, value: float, token: str | None = None) -> None:
        self.value = value
        if token is not None and token != self.token:
            self.token = token
            self.update()
        self.glide([value])

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            area, radius = QRectF(self.rect()), self.height() / 2
            painter.setBrush(self.theme.colour("track"))
            painter.drawRoundedRect(area, radius, radius)
            width = area.width() * float(self._now[0])
            if width > 0.5:
                colour = self.theme.colour(self.token)
                if self.quiet:
                    colour.setAlphaF(QUIET)
                painter.setBrush(colour)
                # below one height of length a rounded bar would look like a value of its own: clip it instead
                painter.setClipRect(QRectF(0, 0, width, area.height()))
                painter.drawRoundedRect(QRectF(0, 0, max(width, area.height()), area.height()), radius, radius)


class Columns(_Moving):
    """Upright bars with a word under each; the tallest in full colour, the others quieter."""

    def __init__(self, theme: Theme, ticks: Sequence[str]) -> None:
        super().__init__(theme, len(ticks))
        self.ticks = tuple(ticks)
        self.values: tuple[float, ...] = (0.0,) * len(ticks)
        self.setMinimumHeight(80)

    def show_values(self, values: Sequence[float]) -> None:
        """Shares 0..1, one a bar."""
        self.values = tuple(float(value) for value in values)
        self.glide(self.values)

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            count = len(self.ticks)
            gap, foot = 11.0, 22.0
            wide = (self.width() - gap * (count - 1)) / count
            tall = self.height() - foot
            accent, track, top = self.theme.colour("accent"), self.theme.colour("track"), int(np.argmax(self._to))
            quiet = QColor(accent)
            quiet.setAlphaF(QUIET)
            for index, share in enumerate(self._now):
                x = index * (wide + gap)
                painter.setBrush(track)
                painter.drawRoundedRect(QRectF(x, 0, wide, tall), 5, 5)
                # 3 px at least, so that a range that was weighed and found unlikely is not taken for one left out
                full = 3 + (tall - 3) * float(share)
                painter.setBrush(accent if index == top and self._to.any() else quiet)
                radius = min(5.0, full / 2)
                painter.drawRoundedRect(QRectF(x, tall - full, wide, full), radius, radius)
            painter.setFont(look.font(look.TICK))
            painter.setPen(self.theme.colour("muted"))
            for index, tick in enumerate(self.ticks):
                place = QRectF(index * (wide + gap) - gap, tall + 6, wide + 2 * gap, foot - 6)
                painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, tick)


class Spinner(QWidget):
    """An open ring that turns while something is being waited for."""

    def __init__(self, theme: Theme, size: int = 28) -> None:
        super().__init__()
        self.theme = theme
        self.setFixedSize(size, size)
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(33)
        self._timer.timeout.connect(self._turn)

    def showEvent(self, _event: object) -> None:
        self._timer.start()

    def hideEvent(self, _event: object) -> None:
        self._timer.stop()

    def _turn(self) -> None:
        self._angle = (self._angle + 10) % 360
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ring = QRectF(self.rect()).adjusted(3, 3, -3, -3)
            painter.setPen(QPen(self.theme.colour("hover"), 3))
            painter.drawEllipse(ring)
            pen = QPen(self.theme.colour("accent"), 3)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawArc(ring, -self._angle * 16, 100 * 16)


class Dot(QWidget):
    """A small disc in a colour of the palette."""

    def __init__(self, theme: Theme, token: str = "muted") -> None:
        super().__init__()
        self.theme, self.token = theme, token
        self.setFixedSize(10, 10)
        theme.changed.connect(self.update)

    def show_token(self, token: str) -> None:
        if token != self.token:
            self.token = token
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour(self.token))
            painter.drawEllipse(QRectF(0, 0, 10, 10))


class Switch(QAbstractButton):
    """A sliding switch for what is on or off."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.setCheckable(True)
        self.setFixedSize(40, 24)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            groove = QRectF(self.rect()).adjusted(2, 2, -2, -2)
            on = self.isChecked()
            painter.setPen(QPen(self.theme.colour("accent_text"), 1.5) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("accent" if on else "hover"))
            painter.drawRoundedRect(groove, groove.height() / 2, groove.height() / 2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("background" if on else "muted"))
            painter.drawEllipse(QPointF(groove.right() - 10 if on else groove.left() + 10, groove.center().y()), 7, 7)


class FacePicture(QWidget):
    """A square picture of a face with round corners."""

    def __init__(self, theme: Theme, size: int) -> None:
        super().__init__()
        self.theme = theme
        self.setFixedSize(size, size)
        self.image: QImage | None = None
        theme.changed.connect(self.update)

    def show_picture(self, image: Image | None) -> None:
        """``image``: a square BGR crop, or None for an empty tile."""
        self.image = None if image is None else to_qimage(image)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            if self.image is None:
                painter.setBrush(self.theme.colour("raised"))
            else:
                brush = QBrush(self.image)
                scale = self.width() / self.image.width()
                brush.setTransform(QTransform.fromScale(scale, scale))
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.setBrush(brush)
            painter.drawRoundedRect(QRectF(self.rect()), 8, 8)
