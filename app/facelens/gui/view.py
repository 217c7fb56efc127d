"""The live view: one frame and, over it, the overlay of exactly that frame's report."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from facelens.gui import paint_qt
from facelens.gui import theme as look
from facelens.gui.theme import Theme
from facelens.gui.widgets import FADE_MS
from facelens.overlay import CHIP, CHIP_TEXT, OverlayOptions, Panel, Primitive, Text, ViewMap, draw_list
from facelens.types import Face, Frame, FrameReport, Image

COACH_HEIGHT, EDGE = 38.0, 20.0
STALE = 0.6
"""Opacity of the veil over a picture that is an old one."""


class Coach:
    """Chooses the line of coaching: a tip must last ``settle`` s to be shown, and then stays ``hold`` s or longer."""

    def __init__(self, hold: float = 2.0, settle: float = 0.5) -> None:
        self.hold, self.settle = hold, settle
        self.clear()

    def clear(self) -> None:
        self.line, self._since = "", float("-inf")
        self._candidate, self._candidate_since = "", float("-inf")

    def update(self, tip: str, now: float) -> str:
        """The line to show at ``now`` (seconds) where ``tip`` is the most useful one; "" for none."""
        if tip != self._candidate:
            self._candidate, self._candidate_since = tip, now
        held = not self.line or now - self._since >= self.hold
        if tip != self.line and held and now - self._candidate_since >= self.settle:
            self.line, self._since = tip, now
        return self.line


class LiveView(QWidget):
    """Shows pairs of frame and report, fitted into a stage with round corners, sharp on HiDPI screens."""

    chosen = Signal(int)
    """Carries the ``track_id`` of a face that was clicked."""
    resized = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.options = OverlayOptions()
        self.primitives: tuple[Primitive, ...] = ()
        self.latencies: deque[float] = deque(maxlen=120)
        """Milliseconds from capture to paint of the newest live frames."""
        self.shown_at: deque[float] = deque(maxlen=240)
        """Monotonic times at which new live frames were painted."""
        self.frame: Frame | None = None
        self.report: FrameReport | None = None
        self.live = False
        self.paused = self.stale = False
        self.dropping = False
        self.coach_line = ""
        self._coach_shown = ""
        self._chosen: int | None = None
        self._unpainted = False
        self._scaled: QImage | None = None
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._scaled_for: tuple[object, ...] = ()
        self._known: frozenset[int] = frozenset()
        self._before: tuple[OverlayOptions, frozenset[int]] | None = None
        self._fade, self._coach_fade = self._animation(), self._animation()
        self._fade.finished.connect(self._faded)
        self.setMinimumSize(320, 240)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(self.tr("Picture"))
        theme.changed.connect(self.update)

    def _animation(self) -> QVariantAnimation:
        made = QVariantAnimation(self)
        made.setDuration(FADE_MS)
        made.setStartValue(0.0)
        made.setEndValue(1.0)
        made.valueChanged.connect(lambda _: self.update())
        return made

    def show_pair(self, frame: Frame, report: FrameReport, *, live: bool) -> None:
        """Show a frame with its own report."""
        self.frame, self.report, self.live = frame, report, live
        self._unpainted = True
        ids = frozenset(face.track_id for face in report.faces)
        if ids - self._known:
            self._begin_fade(self.options, self._known)
        self._known = ids
        self.update()

    def clear(self) -> None:
        """Show an empty stage."""
        self.frame = self.report = self._scaled = None
        self._scaled_for, self._known, self.primitives = (), frozenset(), ()
        self.latencies.clear()
        self.shown_at.clear()
        self.show_coach("")
        self.update()

    def set_options(self, options: OverlayOptions) -> None:
        if options != self.options:
            self._begin_fade(self.options, self._known)
            self.options = options
            self.update()

    def choose(self, track_id: int | None) -> None:
        if track_id != self._chosen:
            self._chosen = track_id
            self.update()

    def show_coach(self, line: str) -> None:
        if line != self.coach_line:
            self._coach_shown = line or self.coach_line
            self.coach_line = line
            self._coach_fade.stop()
            self._coach_fade.start()

    def set_flags(self, *, paused: bool | None = None, dropping: bool | None = None, stale: bool | None = None) -> None:
        """``stale``: the picture shown is an old one, as its camera is lost; it is dimmed."""
        self.paused = self.paused if paused is None else paused
        self.dropping = self.dropping if dropping is None else dropping
        self.stale = self.stale if stale is None else stale
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the picture lies, in logical pixels."""
        if self.frame is None:
            return QRectF(self.rect())
        across, down = self.width() / self.frame.width, self.height() / self.frame.height
        low, high = min(across, down), max(across, down)
        # a strip of a few pixels would read as a mistake: cut that much off the other way instead
        scale = high if high / low < 1.015 else low
        width, height = round(self.frame.width * scale), round(self.frame.height * scale)
        return QRectF((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def view_map(self) -> ViewMap:
        """From pixels of the picture to logical pixels of this widget; (0, 0) is the centre of the first pixel."""
        assert self.frame is not None
        place = self.picture_rect()
        scale = place.width() / self.frame.width
        half = scale / 2
        seen = place.intersected(QRectF(self.rect()))
        return ViewMap(scale, place.x() + half, place.y() + half, seen.width(), seen.height(), seen.x(), seen.y())

    def face_at(self, point: QPointF) -> Face | None:
        """The smallest face under a point; a margin makes small faces easy to hit."""
        if self.report is None:
            return None
        view, hits = self.view_map(), []
        for face in self.report.faces:
            box = view.box(face.detection.box)
            if QRectF(box.x, box.y, box.width, box.height).adjusted(-8, -8, 8, 8).contains(point):
                hits.append((box.area, face))
        return min(hits, key=lambda hit: hit[0])[1] if hits else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        face = self.face_at(event.position())
        if face is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(face.track_id)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.face_at(event.position()) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self.resized.emit()

    def _begin_fade(self, options: OverlayOptions, known: frozenset[int]) -> None:
        if self._before is None:
            self._before = (options, known)
            self._fade.stop()
            self._fade.start()

    def _faded(self) -> None:
        self._before = None
        self.update()

    def _picture(self) -> QImage:
        """The frame scaled to device pixels, kept until frame, size or screen change."""
        assert self.frame is not None
        place, ratio = self.picture_rect(), self.devicePixelRatioF()
        size = (max(1, round(place.width() * ratio)), max(1, round(place.height() * ratio)))
        wanted = (self.frame, size)
        if self._scaled is None or self._scaled_for != wanted:
            # averaging is slower, and shows in stills or where much is taken away
            averaged = size[0] < self.frame.width * (0.6 if self.live else 1.0)
            way = cv2.INTER_AREA if averaged else cv2.INTER_LINEAR
            small: Image = np.asarray(cv2.resize(self.frame.image, size, interpolation=way), np.uint8)
            # BGRA in memory is Qt's own RGB32, which it draws without converting
            full = np.ascontiguousarray(cv2.cvtColor(small, cv2.COLOR_BGR2BGRA), np.uint8)
            image = QImage(full.data, size[0], size[1], 4 * size[0], QImage.Format.Format_RGB32)
            image.setDevicePixelRatio(ratio)
            # the image borrows the memory of the array
            self._scaled, self._pixels, self._scaled_for = image, full, wanted
        return self._scaled

    def _overlay(self) -> tuple[Primitive, ...]:
        """Sets ``primitives`` to the draw list of the report, and returns it, faded while something changes."""
        assert self.report is not None
        view = self.view_map()
        self.primitives = draw_list(self.report, self.options, view, paint_qt.measure, chosen=self._chosen)
        if self._before is None:
            return self.primitives
        options, known = self._before
        kept = replace(self.report, faces=tuple(face for face in self.report.faces if face.track_id in known))
        old = draw_list(kept, options, view, paint_qt.measure, chosen=self._chosen)
        return paint_qt.fade(old, self.primitives, float(self._fade.currentValue() or 0.0))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        stage = QRectF(self.rect())
        painter.fillRect(stage, self.theme.colour("raised" if self.theme.palette.name == "light" else "surface"))
        if self.frame is not None and self.report is not None:
            place = self.picture_rect()
            painter.drawImage(place.topLeft(), self._picture())
            paint_qt.paint(painter, (*self._overlay(), *self._lines(place.intersected(stage))))
            if self.stale and self.live:
                self._paint_veil(painter, place, STALE)
            self._count_frame()
        if self.dropping:
            self._paint_drop(painter, stage)
        # corners are painted over, not clipped: Qt clips without antialiasing
        corners = QPainterPath()
        corners.addRect(stage)
        rounded = QPainterPath()
        rounded.addRoundedRect(stage, look.CARD_RADIUS, look.CARD_RADIUS)
        painter.fillPath(corners.subtracted(rounded), self.theme.colour("background"))
        painter.end()

    def _count_frame(self) -> None:
        if self._unpainted and self.live and self.frame is not None:
            now = time.monotonic()
            self.latencies.append((now - self.frame.captured_at) * 1000)
            self.shown_at.append(now)
        self._unpainted = False

    def _lines(self, place: QRectF) -> list[Primitive]:
        """The coaching line at the bottom left, and the word "Paused" at the top left."""
        items: list[Primitive] = []
        if self._coach_shown:
            progress = float(self._coach_fade.currentValue() or 0.0)
            alpha = progress if self.coach_line else 1 - progress
            items += self._chip(self._coach_shown, place.x() + EDGE, place.bottom() - EDGE - COACH_HEIGHT, alpha)
        if self.paused and self.live:
            items += self._chip(self.tr("Paused"), place.x() + EDGE, place.y() + EDGE, 1.0)
        return items

    @staticmethod
    def _chip(text: str, x: float, y: float, alpha: float) -> list[Primitive]:
        width = paint_qt.measure(text, look.TEXT, False) + 32
        return [
            Panel(x, y, width, COACH_HEIGHT, look.CONTROL_RADIUS, CHIP, 0.82 * alpha),
            Text(x + 16, y + COACH_HEIGHT / 2, text, look.TEXT, CHIP_TEXT, alpha=alpha),
        ]

    def _paint_veil(self, painter: QPainter, place: QRectF, opacity: float) -> None:
        veil = self.theme.colour("background")
        veil.setAlphaF(opacity)
        painter.fillRect(place, veil)

    def _paint_drop(self, painter: QPainter, stage: QRectF) -> None:
        self._paint_veil(painter, stage, 0.82)
        painter.setPen(self.theme.colour("text"))
        painter.setFont(look.font(look.TITLE, True))
        painter.drawText(stage, Qt.AlignmentFlag.AlignCenter, self.tr("Drop to read the faces"))
