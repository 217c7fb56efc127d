"""Where a clip stands, under its picture: the time, a slider to move in it, and its length."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QStyle, QStyleOptionSlider, QWidget

from facelens.gui import paint_qt, wording
from facelens.gui import theme as look
from facelens.gui.widgets import label

STEP, PAGE = 5.0, 30.0
"""Seconds that an arrow key and a page key move."""
UNITS = 10
"""Steps of the slider in a second."""


class SeekSlider(QSlider):
    """A slider that goes where it is pressed."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setProperty("role", "seek")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSingleStep(round(STEP * UNITS))
        self.setPageStep(round(PAGE * UNITS))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            style = self.style()
            handle = style.subControlRect(
                QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
            )
            # where the middle of the handle can be
            span, start = self.width() - handle.width(), handle.width() / 2
            place = round(event.position().x() - start)
            self.setSliderPosition(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), place, span))
            self.triggerAction(QSlider.SliderAction.SliderMove)
        # the handle is now under the pointer, and is dragged on from there
        super().mousePressEvent(event)


class ClipBar(QWidget):
    """Shows the position in a clip; hidden for everything else."""

    wanted = Signal(float)
    """Carries the seconds from the beginning to go to."""

    def __init__(self) -> None:
        super().__init__()
        self.slider = SeekSlider()
        self.slider.setAccessibleName(self.tr("Position in the clip"))
        self.slider.setToolTip(self.tr("Move in the clip (Left and Right: 5 s)"))
        self.passed, self.length = label("caption"), label("caption")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(look.GAP)
        row.addWidget(self.passed)
        row.addWidget(self.slider, 1)
        row.addWidget(self.length)
        self.duration: float | None = None
        self.slider.actionTriggered.connect(lambda _action: self._moved())
        self.hide()

    def show_clip(self, duration: float | None) -> None:
        """``duration`` in seconds; None hides the bar."""
        if duration != self.duration:
            self.duration = duration
            if duration is not None:
                self.slider.setRange(0, max(1, round(duration * UNITS)))
                self.length.setText(wording.clock(duration))
                # so that the slider keeps its place when the minutes get two digits
                width = round(paint_qt.measure(wording.clock(duration), look.CAPTION, False)) + 4
                self.passed.setMinimumWidth(width)
                self._tell(0.0)
        self.setVisible(duration is not None)

    def show_position(self, seconds: float) -> None:
        """``seconds`` from the beginning; while the slider is dragged it stays under the pointer."""
        if self.duration is not None and not self.slider.isSliderDown():
            self.slider.setValue(round(seconds * UNITS))
            self._tell(seconds)

    def _moved(self) -> None:
        seconds = self.slider.sliderPosition() / UNITS
        self._tell(seconds)
        self.wanted.emit(seconds)

    def _tell(self, seconds: float) -> None:
        passed = wording.clock(seconds)
        if passed != self.passed.text():
            self.passed.setText(passed)
            spoken = self.tr("{passed} of {length}").format(passed=passed, length=self.length.text())
            self.slider.setAccessibleDescription(spoken)
