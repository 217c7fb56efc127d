"""The sheet of figures: how the run goes, and what each network runs on with the proof of it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from facelens.gui import wording
from facelens.gui.dialogs import Sheet
from facelens.gui.widgets import button, label
from facelens.livestats import LiveStats
from facelens.runtime import Proof
from facelens.scheduler import Plan
from facelens.timing import Spread

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
COLUMN = 74
"""Least width of a column of figures in px, so that nothing moves when digits come and go."""


class _Table(QGridLayout):
    """Names on the left, figures in columns on the right; a row is made when it is first needed."""

    def __init__(self, *columns: str) -> None:
        super().__init__()
        self.setHorizontalSpacing(20)
        self.setVerticalSpacing(8)
        self.setColumnStretch(0, 1)
        self.cells: list[list[QLabel]] = []
        self.heads = [label("caption", title) for title in columns]
        for place, head in enumerate(self.heads, 1):
            self.addWidget(head, 0, place, RIGHT)
            self.setColumnMinimumWidth(place, COLUMN)

    def fill(self, rows: Sequence[Sequence[str]], columns: int | None = None) -> None:
        """Texts by row, the name first; only the first so many columns of figures are shown."""
        shown = len(self.heads) if columns is None else columns
        for place, head in enumerate(self.heads, 1):
            head.setVisible(place <= shown)
        while len(self.cells) < len(rows):
            made = [label("text") for _ in rows[len(self.cells)]]
            for place, cell in enumerate(made):
                self.addWidget(cell, len(self.cells) + 1, place, RIGHT if place else Qt.AlignmentFlag.AlignLeft)
            self.cells.append(made)
        for number, made in enumerate(self.cells):
            for place, cell in enumerate(made):
                cell.setVisible(number < len(rows) and place <= shown)
                if number < len(rows):
                    cell.setText(rows[number][place])


class FiguresSheet(Sheet):
    """Figures of the source that runs and of the networks; ``show_run`` and ``show_networks`` keep it up to date."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, QCoreApplication.translate("FiguresSheet", "Figures"), 560)
        self.times = _Table(self.tr("half within"), self.tr("95 %"), self.tr("99 %"), self.tr("longest"))
        self.frames = _Table(self.tr("captured"), self.tr("analysed"), self.tr("shown"), self.tr("skipped"))
        self.networks = _Table(self.tr("runs on"), self.tr("one face"), self.tr("on the CPU"), self.tr("ratio"))
        for title, table in ((self.tr("Times"), self.times), (self.tr("Frames"), self.frames)):
            self._section(title, table)
        self.work = label("caption")
        self.work.setWordWrap(True)
        self.column.addWidget(self.work)
        self.column.addSpacing(12)
        self._section(self.tr("Networks"), self.networks)
        self.mend = QWidget()
        self._mending = QVBoxLayout(self.mend)
        self._mending.setContentsMargins(0, 8, 0, 0)
        self._mending.setSpacing(6)
        self._mended: tuple[tuple[str, str], ...] = ()
        self.column.addWidget(self.mend)
        self.mend.hide()
        done = button("primary", self.tr("Done"))
        done.clicked.connect(self.accept)
        self.foot(done)
        self.show_run(None, None, None)
        self.show_plan(None)

    def _section(self, title: str, table: QGridLayout) -> None:
        self.column.addWidget(label("title", title.upper()))
        self.column.addLayout(table)
        self.column.addSpacing(12)

    def show_run(self, delay: Spread | None, beat: Spread | None, live: tuple[LiveStats, int] | None) -> None:
        """Times from capture to paint, gaps of the window's thread, and the source's frames with how many were shown;
        None where nothing has run."""
        rows = ((self.tr("Camera to screen"), delay), (self.tr("Window answers"), beat))
        self.times.fill([[name, *self._spread(values)] for name, values in rows])
        counts = ["–"] * 4
        if live is not None:
            stats, shown = live
            seen = (stats.frames_captured, stats.frames_analysed, shown, stats.frames_skipped)
            counts = [str(count) for count in seen]
        self.frames.fill([[self.tr("Since the source started"), *counts]])

    def show_plan(self, plan: Plan | None) -> None:
        """How often networks run, and what is given up where there is not enough time."""
        self.work.setText(wording.plan(plan))

    @staticmethod
    def _spread(values: Spread | None) -> list[str]:
        if values is None:
            return ["–"] * 4
        return [wording.tenths(value) for value in (values.p50, values.p95, values.p99, values.max)]

    def show_networks(self, proofs: Sequence[Proof]) -> None:
        """What each network runs on, and what is to be mended."""
        rows = []
        for proof in proofs:
            # against itself the CPU proves nothing
            card = proof.got != "cpu"
            ratio = wording.times(proof.ratio) if card and proof.ratio is not None else "–"
            beside = wording.milliseconds(proof.cpu_ms if card else None)
            rows.append([proof.network, wording.runs_on(proof.got), wording.milliseconds(proof.ms), beside, ratio])
        # on the CPU alone there is nothing to compare
        self.networks.fill(rows, None if any(proof.got != "cpu" for proof in proofs) else 2)
        wanted = wording.mending(proofs)
        if wanted != self._mended:
            self._mended = wanted
            self._show_mending()

    def _show_mending(self) -> None:
        while (item := self._mending.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for reason, repair in self._mended:
            self._mending.addWidget(label("warning", wording.sentence(reason)))
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(12)
            command = label("text", repair, wrap=True)
            command.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            copy = button("plain", self.tr("Copy"), self.tr("Copy what mends it"))
            copy.clicked.connect(lambda _=False, text=repair: QApplication.clipboard().setText(text))
            row.addWidget(command, 1)
            row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
            self._mending.addWidget(line)
        self.mend.setVisible(bool(self._mended))
