"""The top bar and the status bar."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QWidget,
)

from facelens.gui import paint_qt
from facelens.gui import theme as look
from facelens.gui.icons import line_icon
from facelens.gui.recordbutton import RecordButton
from facelens.gui.sourcepicker import SourcePicker
from facelens.gui.theme import MARGIN, Theme
from facelens.gui.widgets import Dot, ElidedLabel, button, label
from facelens.overlay import OverlayOptions, PointsChoice

PICKER_ROOM = 170
"""Width in px that the picker of sources has beside its least, where buttons show their words."""
POINT_COUNTS: Mapping[PointsChoice, int] = {"none": 0, "five": 5, "kaggle15": 15, "ibug68": 68}


class TopBar(QFrame):
    """Name, source, start and pause, overlay toggles, record, best shots, snapshot, open, settings."""

    points_picked = Signal(str)

    def __init__(self, theme: Theme, picker: SourcePicker) -> None:
        super().__init__()
        self.theme, self.picker = theme, picker
        self.setProperty("role", "topbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(53)
        self.start, self.pause = button("icon"), button("icon")
        self.boxes = button("toggle", self.tr("Boxes"), self.tr("Brackets around faces (B)"), True)
        self.labels = button("toggle", self.tr("Labels"), self.tr("Age and gender above faces (L)"), True)
        self.points = button("toggle", self.tr("Points"), self.tr("Facial points (P)"), True)
        self.scores = button("toggle", self.tr("Scores"), self.tr("Score beside faces (C)"), True)
        self.record = RecordButton(theme)
        self.shots, self.snapshot = button("plain"), button("plain")
        self.open = button("plain", self.tr("Open…"), self.tr("Open pictures or a clip (O)"))
        self.settings = button("icon", tip=self.tr("Settings (Ctrl+,)"))
        self.panel = button("icon", tip=self.tr("Show or hide the panel"), checkable=True)
        self.back = button("plain", self.tr("Live"), self.tr("Back to live (Esc)"))
        self.title = ElidedLabel("muted")
        self._wide_points()
        self._points_menu()
        self.sources = QStackedWidget()
        self.sources.addWidget(self._row(picker, self.start, self.pause, spacing=8))
        self.sources.addWidget(self._row(self.back, self.title, spacing=14))
        self.sources.setMaximumWidth(380)
        self.sources.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._bar = row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN, 0, MARGIN, 0)
        row.setSpacing(8)
        # with its space: there is none where the name is away
        self.name = label("name", "Facelens")
        self.name.setContentsMargins(0, 0, 16, 0)
        row.addWidget(self.name)
        row.addWidget(self.sources, 3)
        row.addSpacing(8)
        for toggle in (self.boxes, self.labels, self.points, self.scores):
            row.addWidget(toggle)
        row.addStretch(1)
        for item in (self.record, self.shots, self.snapshot, self.open, self.settings, self.panel):
            row.addWidget(item)
        self._phase, self._people = "idle", -1
        self._worded = self._named = True
        self.show_shots(0)
        needs = []
        # without words and name at last, so that the window may be made as narrow
        for worded, named in ((True, True), (False, True), (False, False)):
            self._fit(worded, named)
            row.activate()
            needs.append(self.minimumSizeHint().width() + PICKER_ROOM)
        self._needs = needs[:2]
        """Widths in px from which words, and the name, are shown."""
        theme.changed.connect(self._dress)
        self.show_phase("idle")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wanted = [event.size().width() >= needed for needed in self._needs]
        if wanted != [self._worded, self._named]:
            self._fit(*wanted)
            # at once, not with the next event: nothing may lie over another in between
            self._bar.activate()

    def _fit(self, worded: bool, named: bool) -> None:
        """Words on the buttons where there is room, else icons; the product's name where there is room for that."""
        self._worded, self._named = worded, named
        self.name.setVisible(named)
        for item, word in ((self.shots, self.tr("Best shots")), (self.snapshot, self.tr("Snapshot"))):
            item.setText(word if worded else "")
            item.setProperty("role", "plain" if worded else "icon")
            item.style().unpolish(item)
            item.style().polish(item)
        self._name(self.snapshot, self.tr("Save picture and JSON (S)"))
        self._dress()

    def show_shots(self, people: int) -> None:
        """Of how many people there is a best shot to save."""
        if people == self._people:
            return
        self._people = people
        self.shots.setEnabled(people > 0)
        if people == 0:
            words = self.tr("Best shots: nobody seen yet")
        elif people == 1:
            words = self.tr("Save the best shot of 1 person (Shift+B)")
        else:
            words = self.tr("Save the best shots of {count} people (Shift+B)").format(count=people)
        self._name(self.shots, words)
        self._dress()

    @staticmethod
    def _row(*widgets: QWidget, spacing: int) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(spacing)
        for widget in widgets:
            row.addWidget(widget, 1 if isinstance(widget, (SourcePicker, QLabel)) else 0)
        return made

    def _wide_points(self) -> None:
        # as wide as its longest text, so that the bar keeps still
        widest = self.tr("Points {count}").format(count=68)
        self.points.setFixedWidth(round(paint_qt.measure(widest, look.TEXT, False)) + 30)

    def _points_menu(self) -> None:
        menu, group = QMenu(self.points), QActionGroup(self)
        self.point_actions: dict[str, QAction] = {}
        for choice, count in POINT_COUNTS.items():
            action = QAction(self.tr("{count} points").format(count=count) if count else self.tr("No points"), menu)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, choice=choice: self.points_picked.emit(choice))
            group.addAction(action)
            menu.addAction(action)
            self.point_actions[choice] = action
        self.points.setMenu(menu)

    def show_options(self, options: OverlayOptions) -> None:
        self.boxes.setChecked(options.boxes)
        self.labels.setChecked(options.labels)
        self.scores.setChecked(options.scores)
        self.points.setChecked(options.points != "none")
        count = POINT_COUNTS[options.points]
        self.points.setText(self.tr("Points {count}").format(count=count) if count else self.tr("Points"))
        self.point_actions[options.points].setChecked(True)

    def show_phase(self, phase: str) -> None:
        """Start or stop, pause or go on, as the live source stands."""
        self._phase = phase
        active, paused = phase in ("opening", "running", "paused"), phase == "paused"
        self._name(self.start, self.tr("Stop") if active else self.tr("Start"))
        self._name(self.pause, self.tr("Go on (Space)") if paused else self.tr("Pause (Space)"))
        self.pause.setEnabled(phase in ("running", "paused"))
        self._dress()

    def show_title(self, title: str | None) -> None:
        """``title`` of a picture beside the way back to live, or None for the source picker."""
        self.sources.setCurrentIndex(0 if title is None else 1)
        self.title.setText(title or "")
        self.title.setToolTip(title or "")

    @staticmethod
    def _name(item: QPushButton, words: str) -> None:
        item.setToolTip(words)
        item.setAccessibleName(words)

    def _dress(self) -> None:
        ink, quiet = self.theme.colour("text"), self.theme.colour("muted")
        active = self._phase in ("opening", "running", "paused")
        self.start.setIcon(line_icon("stop" if active else "play", ink))
        can_pause = self._phase in ("running", "paused")
        self.pause.setIcon(line_icon("play" if self._phase == "paused" else "pause", ink if can_pause else quiet))
        self.settings.setIcon(line_icon("gear", ink))
        self.panel.setIcon(line_icon("panel", ink))
        self.back.setIcon(line_icon("back", ink))
        for item, icon in ((self.shots, "star"), (self.snapshot, "camera")):
            item.setIcon(line_icon(icon, ink if item.isEnabled() else quiet) if not self._worded else QIcon())


class ElidedButton(QPushButton):
    """A button that gives way where there is too little room, its text ending in "…"."""

    def minimumSizeHint(self) -> QSize:
        return QSize(80, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        inside = self.style().subElementRect(QStyle.SubElement.SE_PushButtonContents, option, self)
        option.text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, inside.width())
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.end()


class StatusBar(QFrame):
    """Figures on the left, a passing message in the middle, the provider and the promise on the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "statusbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(44)
        self.dot = Dot(theme)
        self.figures = tuple(label("row") for _ in range(3))
        self.message = ElidedLabel("caption")
        self.provider = ElidedButton()
        self.provider.setProperty("role", "badge")
        self.provider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.provider.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.provider.setAccessibleDescription(self.tr("What the networks run on; opens the figures"))
        self.promise = label("caption", self.tr("Everything stays on this computer"))
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN, 0, MARGIN, 0)
        row.setSpacing(0)
        row.addWidget(self.dot)
        row.addSpacing(10)
        # room for the longest figure, so that nothing moves when digits come and go
        for item, longest in zip(self.figures, ("00.0 frames/s", "0000 ms camera to screen", "0000 skipped")):
            item.setMinimumWidth(round(paint_qt.measure(longest, look.CAPTION, False)) + 14)
            row.addWidget(item)
        row.addSpacing(4)
        row.addWidget(self.message, 1)
        row.addSpacing(8)
        row.addWidget(self.provider)
        row.addSpacing(20)
        row.addWidget(self.promise)

    def show_figures(self, *texts: str, tip: str = "") -> None:
        for item, text in zip(self.figures, texts):
            item.setText(text)
            item.setToolTip(tip)

    def show_message(self, text: str, tip: str = "") -> None:
        self.message.setText(text)
        self.message.setToolTip(tip or text)

    def show_provider(self, text: str, good: bool, tip: str) -> None:
        """The badge; ``good``: nothing is to be mended."""
        role = "badge" if good else "badge-warning"
        # a style that is polished anew costs more than a frame's painting: only where something changed
        if self.provider.text() != text:
            self.provider.setText(text)
            self.provider.setAccessibleName(text)
        self.provider.setToolTip(tip)
        if self.provider.property("role") != role:
            self.provider.setProperty("role", role)
            self.provider.style().unpolish(self.provider)
            self.provider.style().polish(self.provider)
