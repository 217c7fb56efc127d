"""The button that records: a word, and while it runs a red dot and the length of the clip."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton

from facelens.gui import paint_qt, wording
from facelens.gui import theme as look
from facelens.gui.icons import line_icon
from facelens.gui.theme import Theme
from facelens.gui.widgets import as_button


class RecordButton(QPushButton):
    """Keeps its width whatever it shows."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        as_button(self, "record")
        self._seconds: float | None = None
        self._dot = ("", "")
        self.setIconSize(QSize(14, 14))
        texts = (self.tr("Record"), "0:00:00")
        self.setFixedWidth(max(round(paint_qt.measure(text, look.TEXT, False)) for text in texts) + 50)
        theme.changed.connect(self._dress)
        self.show_recording(None, can=False)

    def show_recording(self, seconds: float | None, *, can: bool) -> None:
        """``seconds`` of the clip that is being recorded, None where none is; ``can``: one may be begun."""
        began = (self._seconds is None) != (seconds is None)
        self._seconds = seconds
        self.setEnabled(can or seconds is not None)
        self.setText(self.tr("Record") if seconds is None else wording.clock(seconds))
        self.setToolTip(self.tr("Record the view (R)") if seconds is None else self.tr("Stop recording (R)"))
        self.setAccessibleName(self.toolTip())
        if began:
            self.setProperty("recording", seconds is not None)
            self.style().unpolish(self)
            self.style().polish(self)
        self._dress()

    def _dress(self) -> None:
        token = "record" if self._seconds is not None else "text" if self.isEnabled() else "muted"
        dot = (token, self.theme.palette.name)
        if dot != self._dot:
            self._dot = dot
            self.setIcon(line_icon("dot", self.theme.colour(token)))
