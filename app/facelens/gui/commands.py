"""The window's commands and their keys, in one table: shortcuts and the help sheet are both made from it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from facelens.gui.translate import QT_TRANSLATE_NOOP

CONTEXT = "commands"


@dataclass(frozen=True, slots=True)
class Command:
    """``name`` is the window's method for it, ``keys`` portable key names, the first one shown."""

    name: str
    keys: tuple[str, ...]
    title: str

    @property
    def words(self) -> str:
        """The title in the user's language."""
        return QCoreApplication.translate(CONTEXT, self.title)


COMMANDS: tuple[Command, ...] = (
    Command("toggle_pause", ("Space",), QT_TRANSLATE_NOOP("commands", "Pause and go on")),
    Command("snapshot", ("S",), QT_TRANSLATE_NOOP("commands", "Save picture and JSON")),
    Command("toggle_recording", ("R",), QT_TRANSLATE_NOOP("commands", "Record the view; stop recording")),
    Command("save_best_shots", ("Shift+B",), QT_TRANSLATE_NOOP("commands", "Save the best shot of each person")),
    Command("open_files", ("O", "Ctrl+O"), QT_TRANSLATE_NOOP("commands", "Open pictures or a clip")),
    Command("use_demo", ("D",), QT_TRANSLATE_NOOP("commands", "Show the demo")),
    Command("back", ("Esc",), QT_TRANSLATE_NOOP("commands", "Back to live; leave full screen")),
    Command("previous_photo", ("Left",), QT_TRANSLATE_NOOP("commands", "Previous picture; 5 s back in a clip")),
    Command("next_photo", ("Right",), QT_TRANSLATE_NOOP("commands", "Next picture; 5 s on in a clip")),
    Command("toggle_boxes", ("B",), QT_TRANSLATE_NOOP("commands", "Boxes on or off")),
    Command("toggle_labels", ("L",), QT_TRANSLATE_NOOP("commands", "Labels on or off")),
    Command("next_points", ("P",), QT_TRANSLATE_NOOP("commands", "Points: none, 5, 15, 68")),
    Command("toggle_scores", ("C",), QT_TRANSLATE_NOOP("commands", "Scores on or off")),
    Command("next_person", ("N",), QT_TRANSLATE_NOOP("commands", "Next person in the panel")),
    Command("toggle_full_screen", ("F", "F11"), QT_TRANSLATE_NOOP("commands", "Full screen")),
    Command("toggle_theme", ("T",), QT_TRANSLATE_NOOP("commands", "Dark or light")),
    Command("show_figures", ("I",), QT_TRANSLATE_NOOP("commands", "Figures: times, frames, networks")),
    Command("show_settings", ("Ctrl+,",), QT_TRANSLATE_NOOP("commands", "Settings")),
    Command("show_help", ("F1", "?"), QT_TRANSLATE_NOOP("commands", "This list")),
    Command("close", ("Ctrl+Q",), QT_TRANSLATE_NOOP("commands", "Quit")),
)
