"""A live frame with its overlay, painted off the window's thread: what is left to do there is to draw one image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QTransform

from facelens.gui import paint_qt
from facelens.gui.picture import Buffer, Buffers, Scaler, Size
from facelens.gui.widgets import FADE_MS
from facelens.overlay import OverlayOptions, Primitive, ViewMap, draw_list
from facelens.types import Frame, FrameReport


@dataclass(frozen=True, slots=True)
class Look:
    """How a view shows frames: its size in logical pixels, device pixels per logical one, and what lies over them."""

    width: int
    height: int
    ratio: float
    options: OverlayOptions
    chosen: int | None

    def place(self, frame: Frame) -> QRectF:
        """Where the picture lies, in logical pixels; parts of it may lie outside."""
        across, down = self.width / frame.width, self.height / frame.height
        low, high = min(across, down), max(across, down)
        # a strip of a few pixels would read as a mistake: cut that much off the other way instead
        scale = high if high / low < 1.015 else low
        width, height = round(frame.width * scale), round(frame.height * scale)
        return QRectF((self.width - width) // 2, (self.height - height) // 2, width, height)

    def pixels(self, frame: Frame) -> Size:
        """Size of the picture in device pixels."""
        place = self.place(frame)
        return max(1, round(place.width() * self.ratio)), max(1, round(place.height() * self.ratio))

    def view_map(self, frame: Frame) -> ViewMap:
        """From pixels of the picture to logical pixels of the view; (0, 0) is the centre of the first pixel."""
        place = self.place(frame)
        scale = place.width() / frame.width
        half = scale / 2
        seen = place.intersected(QRectF(0, 0, self.width, self.height))
        return ViewMap(scale, place.x() + half, place.y() + half, seen.width(), seen.height(), seen.x(), seen.y())


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """``frame`` as ``look`` shows it, its overlay painted into ``buffer``."""

    frame: Frame
    report: FrameReport
    look: Look
    buffer: Buffer
    primitives: tuple[Primitive, ...]


class Painter:
    """Paints scenes, one after another. ``paint`` is called by one thread; ``buffers`` takes scenes' buffers back."""

    def __init__(self) -> None:
        self.buffers = Buffers()
        self._scaler, self._fade = Scaler(), _Fade()

    def paint(self, frame: Frame, report: FrameReport, look: Look, now: float) -> Scene:
        """The scene of a live frame at ``now`` s."""
        view = look.view_map(frame)
        primitives = draw_list(report, look.options, view, paint_qt.measure, chosen=look.chosen)
        items, before = (
            primitives,
            self._fade.step(frozenset(face.track_id for face in report.faces), look.options, now),
        )
        if before is not None:
            options, known, progress = before
            kept = replace(report, faces=tuple(face for face in report.faces if face.track_id in known))
            old = draw_list(kept, options, view, paint_qt.measure, chosen=look.chosen)
            items = paint_qt.fade(old, primitives, progress)
        buffer = self.buffers.take(look.pixels(frame))
        self._scaler.fill(buffer, frame, live=True)
        buffer.image.setDevicePixelRatio(look.ratio)
        place = look.place(frame)
        with QPainter(buffer.image) as painter:
            painter.setTransform(QTransform.fromTranslate(-place.x(), -place.y()))
            paint_qt.paint(painter, items)
        return Scene(frame, report, look, buffer, primitives)


class _Fade:
    """Tells what the overlay changes from, and how far it has come, where frames follow each other quickly."""

    def __init__(self) -> None:
        self._options: OverlayOptions | None = None
        self._known: frozenset[int] = frozenset()
        self._before: tuple[OverlayOptions, frozenset[int]] | None = None
        self._since = self._last = float("-inf")

    def step(
        self, ids: frozenset[int], options: OverlayOptions, now: float
    ) -> tuple[OverlayOptions, frozenset[int], float] | None:
        """The next frame: options and people before the change, and progress 0..1; None where nothing changes."""
        seconds = FADE_MS / 1000
        changed = bool(ids - self._known) or options != self._options
        if changed and self._before is None and self._options is not None:
            self._before, self._since = (self._options, self._known), now
        # with few frames a second what is new would stay faint until the next one
        slow = now - self._last > seconds / 2
        self._known, self._options, self._last = ids, options, now
        if self._before is not None and (slow or now - self._since >= seconds):
            self._before = None
        return None if self._before is None else (*self._before, (now - self._since) / seconds)
