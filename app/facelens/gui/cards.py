"""The cards of the side panel: each shows one thing that was read in the chosen face."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout

from facelens.gui import wording
from facelens.gui.theme import Theme
from facelens.gui.widgets import Bar, Columns, FacePicture, label
from facelens.types import AgeEstimate, Expression, Face, FaceScore, GenderEstimate, Image

PICTURE = 54
"""Side of the face picture in px."""
SCORE_ROWS, TIPS, EXPRESSION_ROWS = 8, 2, 3
ANY_HEIGHT = 16777215
"""Qt's own greatest height of a widget in px, which lifts the limit."""
MARGINS, TIGHT_MARGINS = (18, 14, 18, 16), (18, 12, 18, 12)
"""Of a card in px: left, top, right, bottom."""
ROW_NAME = 108
"""Width of the names before bars in px, the same on every card so that the bars stand in line."""


class Card(QFrame):
    """A surface with a title. ``heights`` in px: where there is room, and where the panel must make do with less."""

    heights = (0, 0)

    def __init__(self, title: str) -> None:
        super().__init__()
        self.tight = False
        self.setProperty("role", "card")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(*MARGINS)
        self.column.setSpacing(8)
        self.title = label("title", title.upper())
        self.header = QHBoxLayout()
        self.header.setSpacing(12)
        self.header.addWidget(self.title, 1)
        self.column.addLayout(self.header)

    def fit(self, tight: bool) -> None:
        """Take the height and margins for ample or for tight room."""
        self.tight = tight
        self.column.setContentsMargins(*(TIGHT_MARGINS if tight else MARGINS))
        self.setFixedHeight(self.heights[tight])

    def put(self, words: QLabel, place: int) -> None:
        """Words beside the title in tight room, else in the column at ``place``."""
        if self.tight:
            self.header.addWidget(words)
        else:
            self.column.insertWidget(place, words)

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


def bar_rows(theme: Theme, token: str, count: int) -> tuple[QGridLayout, list[tuple[QLabel, Bar, QLabel]]]:
    """A grid of rows, and each row's name, bar and figure."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, ROW_NAME)
    grid.setColumnMinimumWidth(2, 22)
    rows = []
    for index in range(count):
        row = label("row"), Bar(theme, token), label("caption")
        row[2].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for place, widget in enumerate(row):
            grid.addWidget(widget, index, place)
        rows.append(row)
    return grid, rows


class PersonCard(Card):
    heights = (108, 80)

    def __init__(self, theme: Theme) -> None:
        super().__init__("")
        self.picture = FacePicture(theme, PICTURE)
        self.seen, self.words = label("text"), label("caption")
        self._lines = lines = QVBoxLayout()
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
        self.fit(False)

    def fit(self, tight: bool) -> None:
        super().fit(tight)
        # beside the picture where there is no room above it
        if tight:
            self._lines.insertWidget(1, self.title)
        else:
            self.header.insertWidget(0, self.title, 1)

    def show_face(self, face: Face, picture: Image, seen: str) -> None:
        self.title.setText(self.tr("Person {number}").format(number=face.track_id).upper())
        self.picture.show_picture(picture)
        self.seen.setText(seen)
        self.words.setText("   ".join(wording.quality(face.quality)) if face.quality is not None else "")


class AgeCard(Card):
    heights = (196, 180)

    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Apparent age"))
        self.column.setSpacing(6)
        self.years, self.band = self.number("number")
        self.columns = Columns(theme, wording.age_ticks())
        self.column.addWidget(self.columns, 1)
        self.fit(False)
        self.setToolTip(
            self.tr("The age people would guess from this picture, and the range that holds 80 % of guesses.")
        )

    def show_age(self, age: AgeEstimate) -> None:
        self.years.setText(f"{age.years:.0f}")
        self.band.setText(wording.band(age))
        self.columns.show_values([float(share) for share in age.range_probabilities])


class GenderCard(Card):
    heights = (84, 60)

    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Perceived gender"))
        self.bar, self.words = Bar(theme, "accent"), label("text")
        self.column.addWidget(self.bar)
        self.column.addStretch(1)
        self.fit(False)
        self.setToolTip(self.tr("What people would write under this picture. It does not say who a person is."))

    def fit(self, tight: bool) -> None:
        super().fit(tight)
        self.put(self.words, 2)

    def show_gender(self, gender: GenderEstimate) -> None:
        self.words.setText(wording.gender(gender))
        self.bar.show_value(gender.probability, "accent" if gender.sure else "muted")


class ExpressionCard(Card):
    heights = (136, 104)

    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Expression"))
        self.words = label("text")
        self.grid, self.rows = bar_rows(theme, "accent", EXPRESSION_ROWS)
        for _, bar, _ in self.rows[1:]:
            bar.quiet = True
        self.column.addLayout(self.grid)
        self.column.addStretch(1)
        self.fit(False)
        self.setToolTip(self.tr("What people would call this expression. It does not say what a person feels."))

    def fit(self, tight: bool) -> None:
        super().fit(tight)
        self.grid.setVerticalSpacing(5 if tight else 8)
        self.put(self.words, 1)

    def show_expression(self, expression: Expression) -> None:
        self.words.setText(wording.expression(expression))
        token = "accent" if expression.sure else "muted"
        for (name, bar, figure), (word, share) in zip(self.rows, wording.likeliest(expression, EXPRESSION_ROWS)):
            name.setText(wording.sentence(word))
            figure.setText(f"{100 * share:.0f}")
            bar.show_value(share, token)
        self.setAccessibleName(self.tr("Expression: {words}").format(words=self.words.text()))


class ScoreCard(Card):
    """Its heights are the least ones: it takes what room the others leave."""

    heights = (236, 188)

    def __init__(self, theme: Theme) -> None:
        super().__init__(self.tr("Face score"))
        self._shown = 4
        self.value, self.of = self.number("score")
        self.of.setText(self.tr("of 100"))
        self._grid, self.rows = bar_rows(theme, "score", SCORE_ROWS)
        self.column.addLayout(self._grid)
        self.tips = label("caption", wrap=True)
        self.tips.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.column.addSpacing(4)
        self.column.addWidget(self.tips, 1)
        self._tips: tuple[str, ...] = ()
        self.fit(False)

    def fit(self, tight: bool) -> None:
        super().fit(tight)
        self.setMaximumHeight(ANY_HEIGHT)
        self.column.setSpacing(6 if tight else 8)
        self._grid.setVerticalSpacing(4 if tight else 10 if self._shown < 5 else 5)
        # room for the lines whether there are tips or not, so that nothing moves when they change
        self.tips.setMinimumHeight(17 if tight else 34)
        self._show_tips()

    def _show_tips(self) -> None:
        tips = self._tips[: 1 if self.tight else TIPS]
        self.tips.setText("\n".join(wording.sentence(tip) for tip in tips))

    def show_score(self, score: FaceScore) -> None:
        self.value.setText(f"{score.value:.0f}")
        # of the published rule's eight ranges only those that count; the bars of both kinds show the value
        parts = [part for part in score.components if score.preset != "classic" or part.weight >= 0.01]
        if len(parts) != self._shown:
            self._shown = len(parts)
            # ample is room for all ranges, or the panel would draw in and out as they come and go
            self.heights = 301 if score.preset == "classic" else 236, 188 + 19 * max(0, self._shown - 4)
            self.fit(self.tight)
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
        self._tips = score.tips
        self._show_tips()
