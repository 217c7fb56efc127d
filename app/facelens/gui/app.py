"""Starts the window."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

# before PySide6: on Windows the libraries of ONNX Runtime must be found before Qt's
from facelens import runtime  # isort: skip  # noqa: F401

from PySide6.QtCore import QCoreApplication, QSettings, QTimer
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication

from facelens import report
from facelens.errors import DisplayError
from facelens.gui import settings as keys
from facelens.gui.services import Services
from facelens.gui.settings import Settings
from facelens.gui.theme import Theme
from facelens.gui.window import Window
from facelens.gui.worker import as_shown
from facelens.options import EngineOptions
from facelens.resources import asset

log = logging.getLogger(__name__)

ICON_SIZES = (16, 32, 48, 128, 256)
WINDOWLESS = ("offscreen", "minimal", "minimalegl", "vnc", "linuxfb", "eglfs")
"""Qt platforms that need no desktop."""
SWITCH_SECONDS = 0.001
"""How long another thread may keep Python to itself while the window's thread waits for its turn; usually 5 ms."""
REMEDY = "Start it from a desktop, or use 'facelens live --headless' or 'facelens score'"


@contextmanager
def display() -> Iterator[None]:
    """Make sure that Qt can open a window, as Qt itself aborts the process where it cannot; make it inside.

    The connection that proves it is held meanwhile: an X server without a desktop starts anew when its last client
    leaves, and refuses the next one for a moment.

    Raises:
        DisplayError: no display is named, none answers, or a library that Qt needs for it is missing.
    """
    connection = _connect() if sys.platform.startswith("linux") else None
    try:
        yield
    finally:
        if connection is not None:
            connection()


def _connect() -> Callable[[], None] | None:
    """Connect to the X server where Qt will; returns what disconnects, None where Qt needs no X server."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(";")[0].split(":")[0]
    if platform in WINDOWLESS:
        return None
    what = "Cannot open the window"
    wayland, x11 = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if platform != "xcb" and wayland:
        socket = Path(os.environ.get("XDG_RUNTIME_DIR", "/run/user"), wayland)
        if socket.exists():
            return None
    if not x11:
        raise DisplayError(what, "there is no display: neither DISPLAY nor WAYLAND_DISPLAY leads to one", REMEDY)
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        missing = str(error).split(":")[0]
        raise DisplayError(what, f"the library {missing} is missing", "Install libxcb1 and libxcb-cursor0") from error
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(x11.encode(), None)
    if xcb.xcb_connection_has_error(connection):
        xcb.xcb_disconnect(connection)
        raise DisplayError(what, f"the display {x11} does not answer or does not let this user in", REMEDY)
    return partial(xcb.xcb_disconnect, connection)


def application() -> QApplication:
    """The QApplication, made on first call, with Facelens's name and icon."""
    # import cv2 points both at its own Qt, which is not PySide6's
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        os.environ.pop(name, None)
    running = QApplication.instance()
    made = running if isinstance(running, QApplication) else QApplication(["facelens"])
    made.setApplicationName("Facelens")
    made.setApplicationDisplayName("Facelens")
    made.setOrganizationName("Facelens")
    made.setDesktopFileName("facelens")
    made.setWindowIcon(app_icon())
    return made


def app_icon() -> QIcon:
    """Facelens's icon in all its sizes, from the installed package."""
    icon = QIcon()
    for size in ICON_SIZES:
        pixmap = QPixmap()
        if pixmap.loadFromData(asset(f"icons/facelens-{size}.png").read_bytes()):
            icon.addPixmap(pixmap)
    return icon


def with_settings(settings: Settings) -> EngineOptions:
    """Engine options as the user set them, or the command line for this time."""
    return EngineOptions(
        threads=None,
        provider=settings.get(keys.PROVIDER),
        finder=settings.get(keys.FINDER),
        preset=settings.preset(),
        weights=settings.weights(),
    )


def _show_faults(window: Window) -> None:
    """Show an exception that nothing caught once, instead of losing it; it cannot call itself."""
    busy = False
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        nonlocal busy
        before(kind, error, trace)
        if busy or issubclass(kind, KeyboardInterrupt):
            return
        busy = True
        try:
            window.show_problem(as_shown(error, QCoreApplication.translate("errors", "Something went wrong")))
        finally:
            busy = False

    sys.excepthook = hook


@contextmanager
def _ended_by_interrupt(window: Window) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C in the terminal close the window, where Python would raise it in whatever Qt calls at the moment.

    Yields what tells whether it was pressed. Qt gives Python the time to notice with the window's next clock.
    """
    pressed = False

    def close(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        # not from here: this runs in the middle of something else
        QTimer.singleShot(0, window.close)

    before = signal.getsignal(signal.SIGINT)
    # whoever started this may want Ctrl-C to pass it by; and only the main thread may listen
    listens = before not in (signal.SIG_IGN, None) and threading.current_thread() is threading.main_thread()
    if listens:
        signal.signal(signal.SIGINT, close)
    try:
        yield lambda: pressed
    finally:
        if listens:
            signal.signal(signal.SIGINT, before)


def run(
    source: str | None = None,
    paths: Sequence[str] = (),
    quit_after_ms: int | None = None,
    screenshot: Path | None = None,
    stats: str | None = None,
    for_now: Mapping[str, Any] | None = None,
) -> int:
    """Open the window and stay until it is closed.

    Args:
        source: an address for ``sources.open_source``; None: what was shown last, a camera, or the demo.
        paths: pictures or folders to show first.
        quit_after_ms: close by itself after so many milliseconds.
        for_now: settings by key that hold for this time only.
        screenshot: with ``quit_after_ms``: save the window as a picture there before closing.
        stats: write the figures of the newest live source there as JSON when the window has closed, zeros where none
            ran; "-" is standard output.

    Returns:
        The exit code: 0; 130 where Ctrl-C closed the window; 3 where the networks never opened; with ``quit_after_ms``
        that of what the source failed by, if it did.

    Raises:
        DisplayError: no window can be opened here.
        OutputError: the figures cannot be written.
    """
    with display():
        qt = application()
    settings = Settings(QSettings())
    settings.use_for_now(for_now or {})
    theme = Theme(qt, settings.get(keys.THEME))
    window = Window(Services(), settings, theme, with_settings(settings))
    # comparing with the truth costs the analysis a little
    window.scope.live.judged = stats is not None
    hook, interval = sys.excepthook, sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    _show_faults(window)
    window.show()
    window.begin(source, paths)
    if quit_after_ms is not None:

        def leave() -> None:
            if screenshot is not None and not window.grab().save(str(screenshot)):
                log.error("cannot write the screenshot %s", screenshot)
            window.close()

        QTimer.singleShot(quit_after_ms, leave)
    with _ended_by_interrupt(window) as interrupted:
        code = qt.exec()
    sys.excepthook = hook
    sys.setswitchinterval(interval)
    if stats is not None:
        report.write_json(stats, window.run_figures())
    scope = window.scope
    if interrupted():
        return 130
    if scope.engine_error is not None and not scope.room.has_opened:
        return 3
    # whoever stays at the window is told there, and may go on with something else
    failed = scope.state.error if quit_after_ms is not None else None
    return code if failed is None else failed.exit_code
