"""The live view: one frame and, over it, the overlay of exactly that frame's report."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from facelens.gui import paint_qt
from facelens.gui import theme as look
from facelens.gui.coach import CHIP_HEIGHT, chip, recording_chip
from facelens.gui.frameclock import FrameClock
from facelens.gui.picture import Buffer, Scaler
from facelens.gui.scene import Look, Painter, Scene
from facelens.gui.theme import Theme
from facelens.gui.widgets import FADE_MS
from facelens.live import LiveResult
from facelens.overlay import OverlayOptions, Primitive, ViewMap, draw_list
from facelens.types import Face, Frame, FrameReport

EDGE = 20.0
STALE = 0.6
"""Opacity of the veil over a picture that is an old one."""


class LiveView(QWidget):
    """Shows pairs of frame and report, fitted into a stage with round corners, sharp on HiDPI screens.

    Live pairs come as scenes, painted in another thread; what does not, or came before the view changed, is painted
    here.
    """

    chosen = Signal(int)
    """Carries the ``track_id`` of a face that was clicked."""
    resized = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self.options = OverlayOptions()
        self.primitives: tuple[Primitive, ...] = ()
        self.clock = FrameClock()
        """Of the live frames that were painted."""
        self.frame: Frame | None = None
        self.report: FrameReport | None = None
        self.live = False
        self.paused = self.running = self.stale = False
        self.dropping = False
        self.coach_line = ""
        self.recording = ""
        self._coach_shown = ""
        self._chosen: int | None = None
        self._unpainted = False
        self._painter = Painter()
        self._scene: Scene | None = None
        self._look = Look(self.width(), self.height(), 1.0, self.options, None)
        self._scaler = Scaler()
        self._scaled: Buffer | None = None
        self._scaled_for: tuple[object, ...] = ()
        self._listed: dict[frozenset[int] | None, tuple[Primitive, ...]] = {}
        self._listed_for: tuple[object, ...] = ()
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

    def show_pair(self, frame: Frame, report: FrameReport, *, live: bool, scene: Scene | None = None) -> None:
        """Show a frame with its own report.

        Args:
            scene: the pair as ``paint_scene`` painted it; it is the view's from now on.
        """
        self._unpainted = self._unpainted or frame is not self.frame
        self.frame, self.report, self.live = frame, report, live
        self._settle()
        self._keep(scene)
        ids = frozenset(face.track_id for face in report.faces)
        if self._current() is None and ids - self._known:
            self._begin_fade(self.options, self._known)
        self._known = ids
        self.update()

    def paint_scene(self, result: LiveResult) -> Scene:
        """A result as this view shows it at the moment; the only method for another thread, and for one only."""
        return self._painter.paint(result.frame, result.report, self._look, time.monotonic())

    def drop_scene(self, scene: Scene) -> None:
        """A scene that was painted and will not be shown; from any thread."""
        self._painter.buffers.give(scene.buffer)

    def _keep(self, scene: Scene | None) -> None:
        old = self._scene
        if old is not None and (scene is not None or old.frame is not self.frame):
            self._scene = None
            self.drop_scene(old)
        self._scene = scene or self._scene

    def _current(self) -> Scene | None:
        """The scene, where it shows the frame as the view would paint it now."""
        scene = self._scene
        if scene is None or scene.frame is not self.frame or self._before is not None:
            return None
        # where frames come, a face that was just chosen stands out from the next one on
        wanted = replace(self._look, chosen=scene.look.chosen) if self.running else self._look
        return scene if scene.look == wanted else None

    def _settle(self) -> None:
        """Say how frames are shown from now on."""
        self._look = Look(self.width(), self.height(), self.devicePixelRatioF(), self.options, self._chosen)

    def clear(self) -> None:
        """Show an empty stage."""
        self.frame = self.report = None
        self._keep(None)
        self._known, self.primitives = frozenset(), ()
        self._scaled, self._scaled_for = None, ()
        self.show_coach("")
        self.update()

    def set_options(self, options: OverlayOptions) -> None:
        if options != self.options:
            self._begin_fade(self.options, self._known)
            self.options = options
            self._settle()
            self.update()

    def choose(self, track_id: int | None) -> None:
        if track_id != self._chosen:
            self._chosen = track_id
            self._settle()
            self.update()

    def show_coach(self, line: str) -> None:
        if line != self.coach_line:
            self._coach_shown = line or self.coach_line
            self.coach_line = line
            self._coach_fade.stop()
            self._coach_fade.start()

    def show_recording(self, length: str) -> None:
        """The length of a recording that runs, at the upper right; "" for none."""
        if length != self.recording:
            self.recording = length
            self.update()

    def set_flags(
        self,
        *,
        paused: bool | None = None,
        running: bool | None = None,
        dropping: bool | None = None,
        stale: bool | None = None,
    ) -> None:
        """``paused`` and ``dropping`` are shown; ``running`` tells that further frames will come; ``stale``: the
        picture shown is an old one, as its camera is lost, and is dimmed."""
        self.running = self.running if running is None else running
        self.paused = self.paused if paused is None else paused
        self.dropping = self.dropping if dropping is None else dropping
        self.stale = self.stale if stale is None else stale
        self.update()

    def picture_rect(self) -> QRectF:
        """Where the picture lies, in logical pixels."""
        return QRectF(self.rect()) if self.frame is None else self._look.place(self.frame)

    def view_map(self) -> ViewMap:
        """From pixels of the picture to logical pixels of this widget; (0, 0) is the centre of the first pixel."""
        assert self.frame is not None
        return self._look.view_map(self.frame)

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
        self._settle()
        self.resized.emit()

    def _begin_fade(self, options: OverlayOptions, known: frozenset[int]) -> None:
        if self._before is None:
            self._before = (options, known)
            self._fade.stop()
            self._fade.start()

    def _faded(self) -> None:
        self._before = None
        self.update()

    def _overlay(self) -> tuple[Primitive, ...]:
        """Sets ``primitives`` to the draw list of the report, and returns it, faded while something changes."""
        self.primitives = self._list(self.options, None)
        if self._before is None:
            return self.primitives
        return paint_qt.fade(self._list(*self._before), self.primitives, float(self._fade.currentValue() or 0.0))

    def _list(self, options: OverlayOptions, known: frozenset[int] | None) -> tuple[Primitive, ...]:
        """The draw list of the report, or of the people ``known`` in it; made once, however often it is painted."""
        assert self.report is not None
        view = self.view_map()
        made_for = (self.report, view, self._chosen, self.options, self._before)
        if made_for != self._listed_for:
            self._listed, self._listed_for = {}, made_for
        if known not in self._listed:
            kept = [face for face in self.report.faces if known is None or face.track_id in known]
            report = replace(self.report, faces=tuple(kept))
            self._listed[known] = draw_list(report, options, view, paint_qt.measure, chosen=self._chosen)
        return self._listed[known]

    def _picture(self) -> QImage:
        """The frame scaled to device pixels, kept until frame, size or screen change."""
        assert self.frame is not None
        size = self._look.pixels(self.frame)
        wanted = (self.frame, size)
        if self._scaled is None or self._scaled.size != size:
            self._scaled = Buffer(size)
        if self._scaled_for != wanted:
            self._scaler.fill(self._scaled, self.frame, live=self.live)
            self._scaled_for = wanted
        self._scaled.image.setDevicePixelRatio(self._look.ratio)
        return self._scaled.image

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._look.ratio != self.devicePixelRatioF():
            # the window went to another screen
            self._settle()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            stage = QRectF(self.rect())
            painter.fillRect(stage, self.theme.colour("raised" if self.theme.palette.name == "light" else "surface"))
            if self.frame is not None and self.report is not None:
                place = self.picture_rect()
                painted = self._current()
                if painted is not None:
                    painter.drawImage(place.topLeft(), painted.buffer.image)
                    self.primitives = painted.primitives
                else:
                    painter.drawImage(place.topLeft(), self._picture())
                    paint_qt.paint(painter, self._overlay())
                paint_qt.paint(painter, self._lines(place.intersected(stage)))
                if self.stale and self.live:
                    self._paint_veil(painter, place, STALE)
            if self.dropping:
                self._paint_drop(painter, stage)
            # corners are painted over, not clipped: Qt clips without antialiasing
            corners = QPainterPath()
            corners.addRect(stage)
            rounded = QPainterPath()
            rounded.addRoundedRect(stage, look.CARD_RADIUS, look.CARD_RADIUS)
            painter.fillPath(corners.subtracted(rounded), self.theme.colour("background"))
        if self._unpainted and self.live and self.frame is not None:
            self.clock.painted(self.frame.captured_at, time.monotonic())
        self._unpainted = False

    def _lines(self, place: QRectF) -> list[Primitive]:
        """The coaching line at the bottom left, and the word "Paused" at the top left."""
        items: list[Primitive] = []
        if self._coach_shown:
            progress = float(self._coach_fade.currentValue() or 0.0)
            alpha = progress if self.coach_line else 1 - progress
            items += chip(self._coach_shown, place.x() + EDGE, place.bottom() - EDGE - CHIP_HEIGHT, alpha)
        if self.recording:
            items += recording_chip(self.recording, place.right() - EDGE, place.y() + EDGE)
        if self.paused and self.live:
            items += chip(self.tr("Paused"), place.x() + EDGE, place.y() + EDGE, 1.0)
        return items

    def _paint_veil(self, painter: QPainter, place: QRectF, opacity: float) -> None:
        veil = self.theme.colour("background")
        veil.setAlphaF(opacity)
        painter.fillRect(place, veil)

    def _paint_drop(self, painter: QPainter, stage: QRectF) -> None:
        self._paint_veil(painter, stage, 0.82)
        painter.setPen(self.theme.colour("text"))
        painter.setFont(look.font(look.TITLE, True))
        painter.drawText(stage, Qt.AlignmentFlag.AlignCenter, self.tr("Drop to read the faces"))
