"""Chooses where frames come from: cameras by name, the demo, a file, an address."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QPushButton, QStyle, QStyleOptionButton, QStylePainter

from facelens.gui import settings as keys
from facelens.gui.icons import line_icon
from facelens.gui.settings import Setting, Settings, words
from facelens.gui.theme import Theme
from facelens.gui.worker import Tasks
from facelens.sources import CameraInfo

DEMO = "demo"


class SourcePicker(QPushButton):
    """A button that tells the source, and opens the menu of sources and of what cameras are asked for.

    The menu opens at once with the cameras known so far; they are looked for again meanwhile, in a thread.
    """

    picked = Signal(str)
    """Carries an address for ``open_source``."""
    file_wanted = Signal()
    address_wanted = Signal()
    listed = Signal()
    """The list of cameras is new."""

    def __init__(
        self, theme: Theme, settings: Settings, list_cameras: Callable[[], Sequence[CameraInfo]], tasks: Tasks
    ) -> None:
        super().__init__()
        self.theme, self.settings = theme, settings
        self._list_cameras, self._tasks = list_cameras, tasks
        self._looking = False
        self.cameras: tuple[CameraInfo, ...] = ()
        self.address = ""
        self._name = self.tr("Choose a source")
        self._details: tuple[str, ...] = ()
        self.setProperty("role", "picker")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(self.tr("Where the picture comes from"))
        self.setAccessibleName(self.tr("Source"))
        self.menu_ = QMenu(self)
        # made once: a menu that is filled anew keeps the menus in it
        self._choices = (self._choice(keys.CAMERA_SIZE), self._choice(keys.CAMERA_FPS))
        self.menu_.aboutToShow.connect(self._opening)
        self.setMenu(self.menu_)
        self.setMinimumWidth(130)
        self.setMaximumWidth(300)
        theme.changed.connect(self.update)

    def refresh(self) -> None:
        """Look for cameras in a thread; ``listed`` follows."""
        if not self._looking:
            self._looking = True
            self._tasks.run(lambda: tuple(self._list_cameras()), self._listed, self._not_listed, "list-cameras")

    def show_source(self, address: str, name: str, details: Sequence[str] = ()) -> None:
        """Of ``details`` (size and rate of its frames, from long to short) the first is shown that the button holds."""
        shown = (address, name, tuple(details))
        if shown == (self.address, self._name, self._details):
            return
        self.address, self._name, self._details = shown
        where = self.tr("Where the picture comes from")
        self.setToolTip("\n".join((where, f"{name}, {details[0]}")) if details else where)
        self.setAccessibleDescription(", ".join((name, *details[:1])))
        self.update()

    @property
    def shown_name(self) -> str:
        return self._name

    @property
    def details(self) -> tuple[str, ...]:
        return self._details

    def _opening(self) -> None:
        self._fill()
        self.refresh()

    def _listed(self, cameras: tuple[CameraInfo, ...]) -> None:
        new, self._looking, self.cameras = cameras != self.cameras, False, cameras
        if self.menu_.isVisible() and (new or not cameras):
            self._fill()
        self.listed.emit()

    def _not_listed(self, _error: BaseException) -> None:
        # the cameras known so far stay in the list; opening one tells what is wrong with it
        self._looking = False
        self.listed.emit()

    def _fill(self) -> None:
        self.menu_.clear()
        for camera in self.cameras:
            self._source(camera.name, address_of(camera))
        if not self.cameras:
            nothing = self.tr("Looking for cameras…") if self._looking else self.tr("No camera found")
            self.menu_.addAction(nothing).setEnabled(False)
        self.menu_.addSeparator()
        self._source(self.tr("Demo"), DEMO)
        self.menu_.addAction(self.tr("Open a file…"), self.file_wanted.emit)
        self.menu_.addAction(self.tr("Stream address…"), self.address_wanted.emit)
        self.menu_.addSeparator()
        for menu in self._choices:
            self.menu_.addMenu(menu)
        mirror = self.menu_.addAction(words(keys.MIRROR.title))
        mirror.setCheckable(True)
        mirror.setChecked(bool(self.settings.get(keys.MIRROR)))
        mirror.triggered.connect(lambda on: self.settings.set(keys.MIRROR, bool(on)))

    def _choice(self, setting: Setting) -> QMenu:
        """A menu of the choices of a setting."""
        menu = QMenu(words(setting.title), self.menu_)
        group = QActionGroup(menu)
        for value, word in setting.choices:
            action = QAction(words(word), menu)
            action.setCheckable(True)
            action.triggered.connect(lambda _=False, value=value: self.settings.set(setting, value))
            # also where it was changed elsewhere meanwhile
            menu.aboutToShow.connect(
                lambda action=action, value=value: action.setChecked(value == self.settings.get(setting))
            )
            group.addAction(action)
            menu.addAction(action)
        return menu

    def _source(self, name: str, address: str) -> None:
        action = QAction(name, self.menu_)
        action.setCheckable(True)
        action.setChecked(address == self.address)
        action.triggered.connect(lambda _=False: self.picked.emit(address))
        self.menu_.addAction(action)

    def paintEvent(self, _event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        option.features = QStyleOptionButton.ButtonFeature.None_
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        inside = self.rect().adjusted(16, 0, -36, 0)
        shown = painter.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, inside.width())
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(self.theme.colour("text"))
        painter.drawText(inside, left, shown)
        beside = inside.adjusted(painter.fontMetrics().horizontalAdvance(shown) + 12, 0, 0, 0)
        room = beside.width()
        detail = next((text for text in self._details if painter.fontMetrics().horizontalAdvance(text) <= room), "")
        painter.setPen(self.theme.colour("muted"))
        painter.drawText(beside, left, detail)
        self._paint_chevron(painter)
        painter.end()

    def _paint_chevron(self, painter: QPainter) -> None:
        place = QRect(self.width() - 32, (self.height() - 16) // 2, 16, 16)
        line_icon("chevron", self.theme.colour("muted")).paint(painter, place)


def address_of(camera: CameraInfo) -> str:
    """The address of a camera: by name, which outlasts re-plugging and tells it from others of its model."""
    return f"camera:{camera.name}"


def first_source(last: str, cameras: Sequence[CameraInfo]) -> str:
    """The address that a new window shows: what was shown ``last`` where it is there, a camera, or the demo."""
    addresses = [address_of(camera) for camera in cameras]
    if last == DEMO or last in addresses:
        return last
    return addresses[0] if addresses else DEMO
