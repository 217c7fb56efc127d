"""Colours, type and the style sheet of the window, dark and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from facelens.resources import asset

ThemeChoice = Literal["system", "dark", "light"]

TITLE, NUMBER, TEXT, CAPTION, TICK = 17, 34, 13, 12, 10
"""Sizes of type in pixels: the product's name, the one number of a card, text, captions, marks under bars."""
MARGIN, GAP, CARD_RADIUS, CONTROL_RADIUS, PANEL_WIDTH = 20, 12, 12, 8, 340


@dataclass(frozen=True, slots=True)
class Palette:
    """The colour tokens of one theme, "#RRGGBB".

    ``accent`` and ``score`` fill bars, rings and dots; ``accent_text`` and ``score_text`` are the same hues, dark or
    light enough to be read at 4.5:1. ``track`` is the empty part of a bar, ``soft`` the ground of a switched-on toggle,
    ``record`` the dot of a running recording.
    """

    name: Literal["dark", "light"]
    background: str
    surface: str
    raised: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    accent_text: str
    score: str
    score_text: str
    soft: str
    track: str
    record: str

    @property
    def text_pairs(self) -> tuple[tuple[str, str], ...]:
        """Every (text, ground) pair of tokens that the window puts together."""
        grounds = ("background", "surface", "raised")
        pairs = [(ink, ground) for ink in ("text", "muted") for ground in grounds]
        pairs += [("accent_text", "surface"), ("accent_text", "soft"), ("accent_text", "raised")]
        pairs += [("score_text", "surface"), ("text", "hover"), ("surface", "accent_text")]
        return tuple(pairs)


DARK = Palette(
    "dark",
    background="#0F1216",
    surface="#171B21",
    raised="#212832",
    hover="#2A323D",
    line="#2A323D",
    text="#E8ECF1",
    muted="#8C97A6",
    accent="#3CC8B4",
    accent_text="#3CC8B4",
    score="#FFB454",
    score_text="#FFB454",
    soft="#1D3836",
    track="#212832",
    record="#FF5C5C",
)
LIGHT = Palette(
    "light",
    background="#F4F6F8",
    surface="#FFFFFF",
    raised="#EDF0F4",
    hover="#DCE2E9",
    line="#DCE2E9",
    text="#1B2430",
    muted="#5F6B7A",
    accent="#0E8F7E",
    accent_text="#0A6B5F",
    score="#B86E00",
    score_text="#935800",
    soft="#D5EBE7",
    track="#EDF0F4",
    record="#CF222E",
)


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1..21 (Web Content Accessibility Guidelines 2.2, "relative luminance")."""

    def luminance(colour: str) -> float:
        def linear(channel: float) -> float:
            return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

        c = QColor(colour)
        return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def font(size: float, bold: bool = False) -> QFont:
    """The system's UI font at ``size`` pixels, with figures of one width so that changing numbers do not jitter."""
    made = QFont(QApplication.font())
    made.setPixelSize(max(1, round(size)))
    made.setBold(bold)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


class Theme(QObject):
    """The theme in use. ``changed`` fires after a new palette has been applied to the application."""

    changed = Signal()

    def __init__(self, application: QApplication, choice: ThemeChoice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._choice: ThemeChoice = choice
        self.palette = self._resolve()
        # Fusion draws alike everywhere; native styles ignore parts of a style sheet
        application.setStyle("Fusion")
        application.setFont(font(TEXT))
        self._apply()
        application.styleHints().colorSchemeChanged.connect(self._follow_system)

    @property
    def choice(self) -> ThemeChoice:
        return self._choice

    def choose(self, choice: ThemeChoice) -> None:
        """Use a theme; "system" follows the desktop."""
        self._choice = choice
        self._refresh()

    def colour(self, token: str) -> QColor:
        """A token of the palette in use as a QColor."""
        return QColor(cast(str, getattr(self.palette, token)))

    def _resolve(self) -> Palette:
        if self._choice == "system":
            scheme = self._application.styleHints().colorScheme()
            return LIGHT if scheme == Qt.ColorScheme.Light else DARK
        return LIGHT if self._choice == "light" else DARK

    def _follow_system(self) -> None:
        if self._choice == "system":
            self._refresh()

    def _refresh(self) -> None:
        palette = self._resolve()
        if palette != self.palette:
            self.palette = palette
            self._apply()
            self.changed.emit()

    def _apply(self) -> None:
        p, roles = self.palette, QPalette()
        for role, token in (
            (QPalette.ColorRole.Window, p.background),
            (QPalette.ColorRole.WindowText, p.text),
            (QPalette.ColorRole.Base, p.surface),
            (QPalette.ColorRole.AlternateBase, p.raised),
            (QPalette.ColorRole.Text, p.text),
            (QPalette.ColorRole.Button, p.raised),
            (QPalette.ColorRole.ButtonText, p.text),
            (QPalette.ColorRole.ToolTipBase, p.raised),
            (QPalette.ColorRole.ToolTipText, p.text),
            (QPalette.ColorRole.PlaceholderText, p.muted),
            (QPalette.ColorRole.Highlight, p.accent_text),
            (QPalette.ColorRole.HighlightedText, p.surface),
            (QPalette.ColorRole.Link, p.accent_text),
            (QPalette.ColorRole.Accent, p.accent),
        ):
            roles.setColor(role, QColor(token))
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
            roles.setColor(QPalette.ColorGroup.Disabled, role, QColor(p.muted))
        self._application.setPalette(roles)
        self._application.setStyleSheet(style_sheet(p))


def style_sheet(p: Palette) -> str:
    """The style sheet of a palette. Widgets say what they are by the dynamic property ``role``."""
    # a style sheet can show an arrow only from a file
    chevron = asset(f"icons/chevron-{p.name}.svg").as_posix()
    return f"""
QWidget {{ font-size: {TEXT}px; color: {p.text}; }}
QMainWindow, QDialog {{ background: {p.background}; }}
QWidget[role="bar"] {{ background: {p.surface}; }}
QWidget[role="topbar"] {{ background: {p.surface}; border-bottom: 1px solid {p.line}; }}
QWidget[role="statusbar"] {{ background: {p.surface}; border-top: 1px solid {p.line}; }}
QFrame[role="card"] {{ background: {p.surface}; border: 1px solid {p.line}; border-radius: {CARD_RADIUS}px; }}
QFrame[role="banner"] {{ background: {p.raised}; border: 1px solid {p.line}; border-radius: {CARD_RADIUS}px; }}
QLabel {{ background: transparent; }}
QLabel[role="name"] {{ font-size: {TITLE}px; font-weight: 700; }}
QLabel[role="title"] {{ font-size: {CAPTION}px; font-weight: 700; color: {p.muted}; }}
QLabel[role="heading"] {{ font-size: {TITLE}px; font-weight: 700; }}
QLabel[role="caption"] {{ font-size: {CAPTION}px; color: {p.muted}; }}
QLabel[role="row"] {{ font-size: {CAPTION}px; }}
QLabel[role="muted"] {{ color: {p.muted}; }}
QLabel[role="number"] {{ font-size: {NUMBER}px; font-weight: 700; }}
QLabel[role="score"] {{ font-size: {NUMBER}px; font-weight: 700; color: {p.score_text}; }}
QLabel[role="warning"] {{ font-size: {CAPTION}px; font-weight: 700; color: {p.score_text}; }}
QLabel[role="key"] {{ font-size: {CAPTION}px; background: {p.raised}; border-radius: 6px; padding: 3px 8px; }}
QPushButton {{
    background: {p.raised}; color: {p.text}; border: 1px solid transparent; border-radius: {CONTROL_RADIUS}px;
    min-height: 30px; padding: 0 14px;
}}
QPushButton:hover {{ background: {p.hover}; }}
QPushButton:focus {{ border: 1px solid {p.accent_text}; }}
QPushButton:disabled {{ color: {p.muted}; }}
QPushButton:checked {{ background: {p.soft}; color: {p.accent_text}; }}
QPushButton[role="record"] {{ padding: 0 10px; text-align: left; }}
QPushButton[recording="true"] {{ border: 1px solid {p.record}; }}
QPushButton[role="toggle"] {{ padding: 0 12px; color: {p.muted}; }}
QPushButton[role="toggle"]:checked {{ color: {p.accent_text}; }}
QPushButton[role="icon"] {{ padding: 0; min-width: 30px; max-width: 30px; }}
QPushButton[role="picker"] {{ text-align: left; padding: 0 34px 0 14px; }}
QPushButton[role="primary"] {{ background: {p.accent_text}; color: {p.surface}; }}
QPushButton[role="quiet"] {{ background: transparent; color: {p.accent_text}; padding: 0 10px; }}
QPushButton[role="quiet"]:hover {{ background: {p.hover}; }}
QPushButton[role="badge"], QPushButton[role="badge-warning"] {{
    background: transparent; color: {p.accent_text}; font-size: {CAPTION}px; font-weight: 700; min-height: 26px;
    padding: 2px 8px 0 8px;
}}
QPushButton[role="badge-warning"] {{ color: {p.score_text}; }}
QPushButton[role="badge"]:hover, QPushButton[role="badge-warning"]:hover {{ background: {p.raised}; }}
QPushButton::menu-indicator {{ width: 0; image: none; }}
QMenu {{ background: {p.surface}; border: 1px solid {p.line}; padding: 6px; }}
QMenu::item {{ padding: 7px 24px 7px 12px; border-radius: 6px; color: {p.text}; }}
QMenu::item:selected {{ background: {p.raised}; }}
QMenu::item:disabled {{ color: {p.muted}; }}
QMenu::separator {{ height: 1px; background: {p.line}; margin: 6px 8px; }}
QMenu::indicator {{ width: 8px; height: 8px; border-radius: 4px; margin-left: 8px; background: transparent; }}
QMenu::indicator:checked {{ background: {p.accent}; }}
QLineEdit, QComboBox {{
    background: {p.raised}; border: 1px solid {p.line}; border-radius: {CONTROL_RADIUS}px; min-height: 30px;
    padding: 0 10px; selection-background-color: {p.accent_text}; selection-color: {p.surface};
}}
QLineEdit:focus, QComboBox:focus {{ border: 1px solid {p.accent_text}; }}
QComboBox::drop-down {{ border: 0; width: 28px; }}
QComboBox::down-arrow {{ image: url("{chevron}"); width: 12px; height: 12px; }}
QComboBox QAbstractItemView {{
    background: {p.surface}; border: 1px solid {p.line}; selection-background-color: {p.raised};
    selection-color: {p.text}; padding: 4px; outline: 0;
}}
QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line}; padding: 6px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: 0; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {p.hover}; border-radius: 3px; min-height: 32px; margin-left: 6px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QSlider {{ min-height: 24px; }}
QSlider::groove:horizontal {{ height: 6px; border-radius: 3px; background: {p.hover}; }}
QSlider::sub-page:horizontal {{ border-radius: 3px; background: {p.score}; }}
QSlider::sub-page:horizontal:disabled {{ background: {p.muted}; }}
QSlider::handle:horizontal {{ width: 16px; margin: -5px 0; border-radius: 8px; background: {p.text}; }}
QSlider::handle:horizontal:disabled {{ background: {p.muted}; }}
QSlider[role="seek"]::sub-page:horizontal {{ background: {p.accent}; }}
QSlider[role="seek"]::handle:horizontal:focus {{ background: {p.accent_text}; }}
"""
