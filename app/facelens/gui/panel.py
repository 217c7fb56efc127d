"""The side panel: everything that is read in the chosen face, on five cards."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from facelens.geometry import CropSpec
from facelens.gui.cards import PICTURE, AgeCard, Card, ExpressionCard, GenderCard, PersonCard, ScoreCard
from facelens.gui.theme import GAP, PANEL_WIDTH, Theme
from facelens.gui.widgets import label
from facelens.types import Face, Frame, Image
from facelens.vision.crop import align

PICTURE_SPEC = CropSpec(3 * PICTURE, 0.7)
"""The crop of a face that the panel shows, three times as fine as its picture for HiDPI screens."""


def face_picture(frame: Frame, face: Face) -> Image:
    """The face of ``frame`` upright and square, as the panel shows it."""
    return align(frame.image, face.detection.landmarks.points, PICTURE_SPEC)[0]


class Panel(QScrollArea):
    """The cards of the chosen face; where a part was not asked for, or is not known, its card is away.

    Where the window is too low for them, the cards draw in before they scroll.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(PANEL_WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.track_id: int | None = None
        self.person, self.age, self.gender = PersonCard(theme), AgeCard(theme), GenderCard(theme)
        self.expression, self.score = ExpressionCard(theme), ScoreCard(theme)
        self._cards = (self.person, self.age, self.gender, self.expression, self.score)
        self.nobody = Card(self.tr("Nobody yet"))
        self.nobody.column.addWidget(
            label("muted", self.tr("Look towards the camera, or drop photos anywhere in the window."), wrap=True)
        )
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for card in (self.nobody, *self._cards):
            column.addWidget(card, 1 if card is self.score else 0)
        column.addStretch(0)
        self.setWidget(inside)
        self.verticalScrollBar().rangeChanged.connect(self._make_room)
        self._column = column
        self.show_nobody()

    def _make_room(self, _low: int, high: int) -> None:
        """Beside the cards for the scroll bar, where there is one, so that they keep their width."""
        self.setFixedWidth(PANEL_WIDTH + (GAP if high > 0 else 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = [card for card in self._cards if not card.isHidden()]
        ample = sum(card.heights[False] for card in shown) + GAP * (len(shown) - 1)
        for card in shown:
            if card.tight != (ample > self.height()):
                card.fit(not card.tight)

    def show_nobody(self) -> None:
        self.track_id = None
        for card in self._cards:
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
        self.expression.setVisible(face.expression is not None)
        if face.expression is not None:
            self.expression.show_expression(face.expression)
        self.score.setVisible(face.score is not None)
        if face.score is not None:
            self.score.show_score(face.score)
        self._fit()
        self._column.setStretch(self._column.count() - 1, 0 if face.score is not None else 1)
