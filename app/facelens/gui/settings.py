"""What the window remembers: one frozen record a setting, kept by QSettings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QCoreApplication, QObject, QSettings, QStandardPaths, Signal

from facelens.gui.translate import QT_TRANSLATE_NOOP
from facelens.overlay import OverlayOptions
from facelens.sources import Wishes
from facelens.tracking import USUAL_SMOOTHING
from facelens.vision.score import DEFAULT_WEIGHTS

Kind = Literal["choice", "switch", "share", "folder", "hidden"]
CONTEXT = "settings"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        key: its name in the store, "group/name".
        kind: how the dialog shows it: a list of choices, a switch, a share 0..100, a folder; "hidden" stays out.
        default: value until the user changes it; its type is the setting's type.
        title, help: words for the dialog, untranslated.
        choices: (value, untranslated word) pairs of a "choice".
    """

    key: str
    kind: Kind
    default: Any
    title: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def group(self) -> str:
        return self.key.split("/", 1)[0]


def _share(component: str) -> int:
    return round(100 * DEFAULT_WEIGHTS[component])


GROUPS: tuple[tuple[str, str], ...] = (
    ("look", QT_TRANSLATE_NOOP("settings", "Look")),
    ("camera", QT_TRANSLATE_NOOP("settings", "Cameras and clips")),
    ("score", QT_TRANSLATE_NOOP("settings", "Face score")),
    ("engine", QT_TRANSLATE_NOOP("settings", "Computing")),
    ("files", QT_TRANSLATE_NOOP("settings", "Files")),
)
"""Groups of the dialog, in order; settings of other groups are not in it."""

THEME = Setting(
    "look/theme",
    "choice",
    "system",
    QT_TRANSLATE_NOOP("settings", "Theme"),
    QT_TRANSLATE_NOOP("settings", "Dark, light, or as the desktop."),
    (
        ("system", QT_TRANSLATE_NOOP("settings", "As the desktop")),
        ("dark", QT_TRANSLATE_NOOP("settings", "Dark")),
        ("light", QT_TRANSLATE_NOOP("settings", "Light")),
    ),
)
CAMERA_SIZE = Setting(
    "camera/size",
    "choice",
    "1280x720",
    QT_TRANSLATE_NOOP("settings", "Picture size"),
    QT_TRANSLATE_NOOP("settings", "What a camera is asked for; it gives the nearest it has."),
    (
        ("640x480", QT_TRANSLATE_NOOP("settings", "640 × 480")),
        ("1280x720", QT_TRANSLATE_NOOP("settings", "1280 × 720")),
        ("1920x1080", QT_TRANSLATE_NOOP("settings", "1920 × 1080")),
        ("2560x1440", QT_TRANSLATE_NOOP("settings", "2560 × 1440")),
        ("3840x2160", QT_TRANSLATE_NOOP("settings", "3840 × 2160")),
    ),
)
CAMERA_FPS = Setting(
    "camera/fps",
    "choice",
    "30",
    QT_TRANSLATE_NOOP("settings", "Frame rate"),
    choices=(
        ("15", QT_TRANSLATE_NOOP("settings", "15 frames/s")),
        ("30", QT_TRANSLATE_NOOP("settings", "30 frames/s")),
        ("60", QT_TRANSLATE_NOOP("settings", "60 frames/s")),
    ),
)
MIRROR = Setting(
    "camera/mirror",
    "switch",
    True,
    QT_TRANSLATE_NOOP("settings", "Cameras as in a mirror"),
    QT_TRANSLATE_NOOP("settings", "What is seen, read and saved alike; clips and streams are never turned."),
)
PACE = Setting(
    "camera/pace",
    "choice",
    "own",
    QT_TRANSLATE_NOOP("settings", "Clips play"),
    choices=(
        ("own", QT_TRANSLATE_NOOP("settings", "In their own time")),
        ("fast", QT_TRANSLATE_NOOP("settings", "As fast as possible")),
    ),
)
SMOOTHING = Setting(
    "look/smoothing",
    "share",
    round(100 * USUAL_SMOOTHING),
    QT_TRANSLATE_NOOP("settings", "Boxes and points"),
    QT_TRANSLATE_NOOP("settings", "Smooth on the left, quick on the right."),
)
PRESET = Setting(
    "score/preset",
    "choice",
    "default",
    QT_TRANSLATE_NOOP("settings", "Rule"),
    QT_TRANSLATE_NOOP("settings", "Classic is a published rule that looks at age alone."),
    (
        ("default", QT_TRANSLATE_NOOP("settings", "Facelens")),
        ("classic", QT_TRANSLATE_NOOP("settings", "Classic")),
        ("own", QT_TRANSLATE_NOOP("settings", "My own weights")),
    ),
)
APPEARANCE = Setting("score/appearance", "share", _share("appearance"), QT_TRANSLATE_NOOP("settings", "Appearance"))
EXPRESSION = Setting("score/expression", "share", _share("expression"), QT_TRANSLATE_NOOP("settings", "Expression"))
SYMMETRY = Setting("score/symmetry", "share", _share("symmetry"), QT_TRANSLATE_NOOP("settings", "Symmetry"))
QUALITY = Setting("score/quality", "share", _share("quality"), QT_TRANSLATE_NOOP("settings", "Picture quality"))
PROVIDER = Setting(
    "engine/provider",
    "choice",
    "auto",
    QT_TRANSLATE_NOOP("settings", "Runs on"),
    QT_TRANSLATE_NOOP("settings", "What is not there is replaced by the CPU; the status bar says so."),
    (
        ("auto", QT_TRANSLATE_NOOP("settings", "The best there is")),
        ("cpu", QT_TRANSLATE_NOOP("settings", "Processor (CPU)")),
        ("cuda", QT_TRANSLATE_NOOP("settings", "NVIDIA card (CUDA)")),
        ("tensorrt", QT_TRANSLATE_NOOP("settings", "NVIDIA card (TensorRT)")),
        ("coreml", QT_TRANSLATE_NOOP("settings", "Apple (CoreML)")),
        ("directml", QT_TRANSLATE_NOOP("settings", "Windows (DirectML)")),
    ),
)
FINDER = Setting(
    "engine/finder",
    "choice",
    "opencv",
    QT_TRANSLATE_NOOP("settings", "Faces are found by"),
    QT_TRANSLATE_NOOP("settings", "Either runs the same network on the processor, and finds the same faces."),
    (
        ("opencv", QT_TRANSLATE_NOOP("settings", "OpenCV")),
        ("onnxruntime", QT_TRANSLATE_NOOP("settings", "ONNX Runtime (faster)")),
    ),
)
EVERY_FRAME = Setting(
    "engine/every_frame",
    "switch",
    False,
    QT_TRANSLATE_NOOP("settings", "Read every face in every frame"),
    QT_TRANSLATE_NOOP("settings", "Else networks run as often as they are needed, at a fraction of the work."),
)
FOLDER = Setting(
    "files/folder",
    "folder",
    "",
    QT_TRANSLATE_NOOP("settings", "Folder"),
    QT_TRANSLATE_NOOP("settings", "Where snapshots, recordings and best shots go, and nothing but what you save."),
)
RECORD_OVERLAY = Setting(
    "files/record_overlay",
    "switch",
    True,
    QT_TRANSLATE_NOOP("settings", "Overlay in recordings"),
    QT_TRANSLATE_NOOP("settings", "As it is shown, or the picture alone. The readings go beside it either way."),
)
BOXES = Setting("overlay/boxes", "hidden", True)
LABELS = Setting("overlay/labels", "hidden", True)
POINTS = Setting(
    "overlay/points", "hidden", "ibug68", choices=(("none", ""), ("five", ""), ("kaggle15", ""), ("ibug68", ""))
)
SCORES = Setting("overlay/scores", "hidden", True)
SOURCE = Setting("source/last", "hidden", "")
NOTICE_SEEN = Setting("start/notice_seen", "hidden", False)
OPEN_FOLDER = Setting("start/open_folder", "hidden", "")

WEIGHTS = (APPEARANCE, EXPRESSION, SYMMETRY, QUALITY)
SETTINGS: tuple[Setting, ...] = (
    THEME, SMOOTHING, CAMERA_SIZE, CAMERA_FPS, MIRROR, PACE, PRESET, *WEIGHTS, PROVIDER, FINDER, EVERY_FRAME, FOLDER,
    RECORD_OVERLAY, BOXES, LABELS, POINTS, SCORES, SOURCE, NOTICE_SEEN, OPEN_FOLDER,
)  # fmt: skip


class Settings(QObject):
    """The values of ``SETTINGS``. A stored value of the wrong type, or no longer a choice, counts as the default."""

    changed = Signal(object)
    """Carries the Setting whose value is new."""

    def __init__(self, store: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._for_now: dict[str, Any] = {}

    def use_for_now(self, values: Mapping[str, Any]) -> None:
        """Values by key that hold until the user chooses others, and are not remembered; they may be no choice."""
        self._for_now = dict(values)

    def get(self, setting: Setting) -> Any:
        if setting.key in self._for_now:
            return self._for_now[setting.key]
        raw = self._store.value(setting.key, setting.default)
        default = setting.default
        if isinstance(default, bool):
            # an ini file gives strings back
            return raw if isinstance(raw, bool) else str(raw).lower() == "true"
        if isinstance(default, int):
            text = str(raw)
            return min(max(int(text), 0), 100) if text.lstrip("-").isdigit() else default
        value = raw if isinstance(raw, str) else default
        if setting.choices and value not in {choice for choice, _ in setting.choices}:
            return default
        return value

    def set(self, setting: Setting, value: Any) -> None:
        if type(value) is not type(setting.default):
            raise TypeError(f"{setting.key} takes {type(setting.default).__name__}, got {value!r}")
        if value != self.get(setting):
            self._for_now.pop(setting.key, None)
            self._store.setValue(setting.key, value)
            self.changed.emit(setting)

    def wishes(self) -> Wishes:
        """What is wished of a source."""
        width, height = (int(side) for side in str(self.get(CAMERA_SIZE)).split("x"))
        fps, paced = float(self.get(CAMERA_FPS)), self.get(PACE) == "own"
        # what is no camera is not turned, unless the command line says so
        mirror = bool(self.get(MIRROR))
        return Wishes((width, height), fps, mirror if not mirror or MIRROR.key in self._for_now else None, paced)

    def weights(self) -> dict[str, float] | None:
        """The user's own weights by component, or None where a named rule is chosen or all weights are 0."""
        if self.get(PRESET) != "own":
            return None
        values = {setting.key.split("/", 1)[1]: float(self.get(setting)) for setting in WEIGHTS}
        return values if sum(values.values()) > 0 else None

    def every_frame(self) -> bool:
        """Whether every network runs on every frame of a live source; see ``watcher.Watcher``."""
        return bool(self.get(EVERY_FRAME))

    def smoothing(self) -> float:
        """How boxes and points follow faces, from 0, smooth, to 1, quick; see ``tracking.Tracker``."""
        return int(self.get(SMOOTHING)) / 100

    def preset(self) -> str:
        """The named rule of the score; the user's own weights stand on "default"."""
        chosen = str(self.get(PRESET))
        return "default" if chosen == "own" else chosen

    def overlay(self) -> OverlayOptions:
        """What is drawn over the picture."""
        return OverlayOptions(self.get(BOXES), self.get(LABELS), self.get(POINTS), self.get(SCORES))

    def recorded_overlay(self) -> OverlayOptions | None:
        """What is drawn in recordings; None for the picture alone."""
        return self.overlay() if self.get(RECORD_OVERLAY) else None

    def snapshot_folder(self) -> str:
        chosen = str(self.get(FOLDER))
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        return chosen or f"{pictures}/Facelens"

    def bytes_of(self, key: str) -> bytes | None:
        """A blob that Qt made (window geometry), or None."""
        raw = self._store.value(f"window/{key}")
        return bytes(raw.data()) if hasattr(raw, "data") else None

    def keep_bytes(self, key: str, value: Any) -> None:
        self._store.setValue(f"window/{key}", value)

    def sync(self) -> None:
        self._store.sync()


def words(text: str) -> str:
    """``text`` of a Setting in the user's language."""
    return QCoreApplication.translate(CONTEXT, text)
