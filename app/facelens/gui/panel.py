"""The side panel: everything that is read in the chosen face, on four cards."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from facelens.geometry import CropSpec
from facelens.gui import wording
from facelens.gui.theme import GAP, PANEL_WIDTH, Theme
from facelens.gui.widgets import Bar, Columns, FacePicture, label
from facelens.types import AgeEstimate, Face, FaceScore, Frame, GenderEstimate, Image
from facelens.vision.crop import align

PICTURE, PICTURE_SPEC = 54, CropSpec(162, 0.7)
"""Side of the face picture in px, and the crop it shows, three times as fine for HiDPI screens."""
SCORE_ROWS, TIPS = 8, 2


def face_picture(frame: Frame, face: Face, mirror: bool) -> Image:
    """The face of ``frame`` upright and square, as the panel shows it; ``mirror`` turns it left to right."""
    crop, _ = align(frame.image, face.detection.landmarks.points, PICTURE_SPEC)
    return np.ascontiguousarray(crop[:, ::-1]) if mirror else crop


class Card(QFrame):
    """A surface with a title."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(18, 14, 18, 16)
        self.column.setSpacing(8)
        self.title = label("title", title.upper())
        self.column.addWidget(self.title)

    def number(self, role: str) -> tuple[QLabel, QLabel]:
        """A big number, and a quiet caption that stands on its line."""
        number, caption = label(role), label("muted")
        # Qt aligns boxes, not baselines: lift the caption by what the big type hangs lower
        caption.setContentsMargins(0, 0, 0, 6)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(number, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(caption, 1, Qt.AlignmentFlag.AlignBottom)
        self.column.addLayout(row)
        return number, caption


class PersonCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__("")
        self.picture = FacePicture(theme, PICTURE)
        self.seen, self.words = label("text"), label("caption")
        lines = QVBoxLayout()
        lines.setSpacing(4)
        lines.addStretch(1)
        lines.addWidget(self.seen)
        lines.addWidget(self.words)
        lines.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.picture)
        row.addLayout(lines, 1)
        self.column.addLayout(row)
        self.setFixedHeight(108)

    def show_face(self, face: Face, picture: Image, seen: str) -> None:
        self.title.setText(self.tr("Person {number}").format(number=face.track_id).upper())
        self.picture.show_picture(picture)
        self.seen.setText(seen)
        self.words.setText("   ".join(wording.quality(face.quality)) if face.quality is not None else "")


class AgeCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Apparent age"))
        self.column.setSpacing(6)
        self.years, self.band = self.number("number")
        self.columns = Columns(theme, wording.age_ticks())
        self.column.addWidget(self.columns, 1)
        self.setFixedHeight(196)
        self.setToolTip(
            self.tr("The age people would guess from this picture, and the range that holds 80 % of guesses.")
        )

    def show_age(self, age: AgeEstimate) -> None:
        self.years.setText(f"{age.years:.0f}")
        self.band.setText(wording.band(age))
        self.columns.show_values([float(share) for share in age.range_probabilities])


class GenderCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Perceived gender"))
        self.bar, self.words = Bar(theme, "accent"), label("text")
        self.column.addWidget(self.bar)
        self.column.addWidget(self.words)
        self.column.addStretch(1)
        self.setFixedHeight(84)
        self.setToolTip(self.tr("What people would write under this picture. It does not say who a person is."))

    def show_gender(self, gender: GenderEstimate) -> None:
        self.words.setText(wording.gender(gender))
        self.bar.show_value(gender.probability, "accent" if gender.sure else "muted")


class ScoreCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Face score"))
        self.value, self.of = self.number("score")
        self.of.setText(self.tr("of 100"))
        self.rows: list[tuple[QLabel, Bar, QLabel]] = []
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(0, 108)
        grid.setColumnMinimumWidth(2, 22)
        for index in range(SCORE_ROWS):
            row = label("row"), Bar(theme, "score"), label("caption")
            row[2].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            for place, widget in enumerate(row):
                grid.addWidget(widget, index, place)
            self.rows.append(row)
        self.column.addLayout(grid)
        self.tips = label("caption", wrap=True)
        self.tips.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # room for two lines whether there are tips or not, so that nothing moves when they change
        self.tips.setMinimumHeight(34)
        self.column.addSpacing(4)
        self.column.addWidget(self.tips, 1)
        self.setMinimumHeight(236)

    def show_score(self, score: FaceScore) -> None:
        self.value.setText(f"{score.value:.0f}")
        # of the published rule's eight ranges only those that count; the bars of both kinds show the value
        parts = [part for part in score.components if score.preset != "classic" or part.weight >= 0.01]
        self._grid.setVerticalSpacing(10 if len(parts) < 5 else 5)
        for index, (name, bar, figure) in enumerate(self.rows):
            part = parts[index] if index < len(parts) else None
            for widget in (name, bar, figure):
                widget.setVisible(part is not None)
            if part is None:
                continue
            name.setText(wording.component(part.name))
            figure.setText(f"{part.value:.0f}")
            bar.show_value(part.value / 100)
            tip = self.tr("{value} of 100, counts {weight} % of the score")
            for widget in (name, bar, figure):
                widget.setToolTip(tip.format(value=f"{part.value:.0f}", weight=f"{100 * part.weight:.0f}"))
        self.tips.setText("\n".join(wording.sentence(tip) for tip in score.tips[:TIPS]))


class Panel(QScrollArea):
    """The cards of the chosen face. Where a part was not asked for, its card is away."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(PANEL_WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.track_id: int | None = None
        self.person, self.age, self.gender = PersonCard(theme), AgeCard(theme), GenderCard(theme)
        self.score = ScoreCard(theme)
        self.nobody = Card(self.tr("Nobody yet"))
        self.nobody.column.addWidget(
            label("muted", self.tr("Look towards the camera, or drop photos anywhere in the window."), wrap=True)
        )
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for card in (self.nobody, self.person, self.age, self.gender):
            column.addWidget(card)
        column.addWidget(self.score, 1)
        column.addStretch(0)
        self.setWidget(inside)
        self.verticalScrollBar().rangeChanged.connect(self._make_room)
        self._column = column
        self.show_nobody()

    def _make_room(self, _low: int, high: int) -> None:
        """Beside the cards for the scroll bar, where there is one, so that they keep their width."""
        self.setFixedWidth(PANEL_WIDTH + (GAP if high > 0 else 0))

    def show_nobody(self) -> None:
        self.track_id = None
        for card in (self.person, self.age, self.gender, self.score):
            card.hide()
        self.nobody.show()
        self._column.setStretch(self._column.count() - 1, 1)

    def show_face(self, face: Face, picture: Image, seen: str) -> None:
        """Show a face with its ``face_picture``; ``seen`` says since when, or how large it is in a still picture."""
        self.track_id = face.track_id
        self.nobody.hide()
        self.person.show_face(face, picture, seen)
        self.person.show()
        self.age.setVisible(face.age is not None)
        if face.age is not None:
            self.age.show_age(face.age)
        self.gender.setVisible(face.gender is not None)
        if face.gender is not None:
            self.gender.show_gender(face.gender)
        self.score.setVisible(face.score is not None)
        if face.score is not None:
            self.score.show_score(face.score)
        self._column.setStretch(self._column.count() - 1, 0 if face.score is not None else 1)
