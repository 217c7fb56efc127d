"""Keeps the status bar in step with the scope."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject

from facelens.gui import wording
from facelens.gui.bars import StatusBar
from facelens.gui.heartbeat import Heartbeat
from facelens.gui.scope import Scope
from facelens.gui.view import LiveView


class StatusLine(QObject):
    """Fills ``bar`` with how ``view`` is served, and with what the networks of ``scope`` run on."""

    def __init__(self, bar: StatusBar, scope: Scope, view: LiveView, heartbeat: Heartbeat) -> None:
        super().__init__(bar)
        self._bar, self._scope, self._view, self._heartbeat = bar, scope, view, heartbeat
        self._good, self._got = True, list[str]()

    def show(self) -> None:
        """Figures and badge as they are at the moment; a network that has lost its card is told once."""
        self._show_figures()
        scope, pair = self._scope, self._scope.pair
        proofs = scope.room.proofs
        text, good = wording.badge(proofs, pair[1].timings if pair is not None else {})
        self._bar.show_provider(text, good, wording.badge_tip(proofs))
        if self._good and not good and any(proof.got != before for proof, before in zip(proofs, self._got)):
            scope.message.emit(text, wording.badge_tip(proofs))
        self._good, self._got = good, [proof.got for proof in proofs]

    def _show_figures(self) -> None:
        scope, photo = self._scope, self._scope.photo
        if photo is not None:
            count = len(photo.report.faces)
            faces = self.tr("1 face") if count == 1 else self.tr("{count} faces").format(count=count)
            size = self.tr("{width} × {height} px").format(width=photo.frame.width, height=photo.frame.height)
            self._bar.show_figures(faces, size, "")
        elif (stats := scope.live.stats()) is not None and scope.pair is not None:
            now, clock = time.monotonic(), self._view.clock
            self._bar.show_figures(
                self._pace(now),
                self.tr("{delay} ms camera to screen").format(delay=round(clock.delay_ms(now))),
                self.tr("{count} skipped").format(count=stats.frames_skipped),
                tip=wording.times_tip(clock.spread(), self._heartbeat.spread()),
            )
        else:
            self._bar.show_figures(self.tr("Not running"), "", "")

    def _pace(self, now: float) -> str:
        state = self._scope.state
        if state.is_lost:
            return self.tr("Waiting")
        if state.phase == "paused":
            return self.tr("Paused")
        # what has ended does not slow down, it has stopped
        rate = self._view.clock.fps(now) if state.phase == "running" else 0.0
        return self.tr("{rate} frames/s").format(rate=f"{rate:.1f}")
