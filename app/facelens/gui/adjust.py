"""What a setting that the user changed does to the scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from facelens.gui import settings as keys
from facelens.gui.settings import Setting
from facelens.sources import is_address

if TYPE_CHECKING:
    from facelens.gui.scope import Scope


def adjust(scope: Scope, setting: Setting) -> None:
    """Let the value that ``setting`` has now count for what runs."""
    settings, live, state = scope.settings, scope.live, scope.state
    runs = state.phase in ("opening", "running", "paused")
    may_be_clip = state.phase == "opening" and not (state.is_camera or is_address(state.address))
    if setting.group == "score":
        scope.room.set_score(settings.preset(), settings.weights())
        if scope.photo is not None:
            # a slider sends many values: one new score, once it rests
            QTimer.singleShot(0, scope.photos.again)
    elif setting is keys.SMOOTHING:
        live.set_smoothing(settings.smoothing())
    elif setting is keys.MIRROR:
        live.set_mirror(settings.wishes())
    elif setting in (keys.CAMERA_SIZE, keys.CAMERA_FPS) and state.is_camera and runs:
        # what is held stays so
        live.use(state.address, settings.wishes(), hold=live.held)
    elif setting is keys.PACE and runs and (state.duration is not None or may_be_clip):
        live.use(state.address, settings.wishes(), live.position, hold=live.held)
    elif setting is keys.EVERY_FRAME:
        live.set_whole(settings.every_frame())
    elif setting in (keys.PROVIDER, keys.FINDER):
        scope.room.open(settings.get(keys.PROVIDER), settings.get(keys.FINDER))
