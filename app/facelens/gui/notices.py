"""Quiet messages over the view: a banner for notices and errors, and what to do when there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from facelens.gui.icons import line_icon
from facelens.gui.theme import Theme
from facelens.gui.widgets import Dot, Spinner, button, label

Action = tuple[str, Callable[[], None]]
"""A button's word and what it does."""


class Banner(QFrame):
    """One message with actions. Not modal. A new message replaces the one shown, so that errors cannot pile up."""

    closed = Signal()

    def __init__(self, theme: Theme, token: str) -> None:
        super().__init__()
        self.theme = theme
        self.setProperty("role", "banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._dot, self._spinner = Dot(theme, token), Spinner(theme, 18)
        self._text = label("text", wrap=True)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(4)
        self._close = button("icon", tip=self.tr("Close"))
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 10, 10)
        row.setSpacing(12)
        row.addWidget(self._dot)
        row.addWidget(self._spinner)
        row.addWidget(self._text, 1)
        row.addLayout(self._actions)
        row.addWidget(self._close)
        self.hide()
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def text(self) -> str:
        """The message shown, "" where none is."""
        return self._text.text() if not self.isHidden() else ""

    def show_message(self, text: str, actions: Sequence[Action] = (), *, waiting: bool = False) -> None:
        """Show a message; with a turning ring where it tells of something that is ``waiting``."""
        self._dot.setVisible(not waiting)
        self._spinner.setVisible(waiting)
        self._text.setText(text)
        self._text.setAccessibleName(text)
        while (item := self._actions.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for word, act in actions:
            made = button("quiet", word)
            made.clicked.connect(self._acting(act))
            self._actions.addWidget(made)
        self.show()
        self.raise_()

    def natural_width(self) -> int:
        """Width in px at which the message stands on one line."""
        text = self._text.fontMetrics().horizontalAdvance(self._text.text())
        around = self.sizeHint().width() - self._text.sizeHint().width()
        return text + around + 4

    def _acting(self, act: Callable[[], None]) -> Callable[[], None]:
        def clicked() -> None:
            self.dismiss()
            act()

        return clicked

    def dismiss(self) -> None:
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def _dress(self) -> None:
        self._close.setIcon(line_icon("close", self.theme.colour("muted")))


class EmptyState(QWidget):
    """What to do when there is nothing to show: a heading, a sentence, buttons; or a turning ring while waiting."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._spinner = Spinner(theme)
        self._heading = label("heading")
        self._hint = label("muted", wrap=True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._hint.setMinimumWidth(380)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(1)
        for widget in (self._spinner, self._heading, self._hint):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(6)
        column.addLayout(self._buttons)
        column.addStretch(1)
        self._actions: list[QWidget] = []
        self._over = parent
        parent.installEventFilter(self)
        self.hide()

    @property
    def heading(self) -> str:
        return self._heading.text() if not self.isHidden() else ""

    def show_state(self, heading: str, hint: str, actions: Sequence[Action] = (), *, waiting: bool = False) -> None:
        self._heading.setText(heading)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._spinner.setVisible(waiting)
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._buttons.addStretch(1)
        for index, (word, act) in enumerate(actions):
            made = button("primary" if index == 0 else "plain", word)
            made.clicked.connect(act)
            self._buttons.addWidget(made)
        self._buttons.addStretch(1)
        self._fit()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        self.setGeometry(self._over.rect())
