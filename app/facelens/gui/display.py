"""The window's parts and what they show of the scope. What the user can do stands in ``window``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from facelens import runstats
from facelens.errors import FacelensError
from facelens.gui import wording
from facelens.gui.bars import StatusBar, TopBar
from facelens.gui.clipbar import ClipBar
from facelens.gui.coach import Coach
from facelens.gui.figures import FiguresSheet
from facelens.gui.heartbeat import Heartbeat
from facelens.gui.notices import Action, Banner, EmptyState
from facelens.gui.panel import Panel, face_picture
from facelens.gui.people import People
from facelens.gui.scope import Scope
from facelens.gui.services import Services
from facelens.gui.settings import Settings
from facelens.gui.sourcepicker import DEMO, SourcePicker
from facelens.gui.statusline import StatusLine
from facelens.gui.theme import MARGIN, Theme
from facelens.gui.view import LiveView
from facelens.livestats import Tally
from facelens.machine import rss_mib
from facelens.options import EngineOptions
from facelens.runstats import Follower
from facelens.sources import Notice
from facelens.tracking import Tracker
from facelens.types import Face


class Display(QMainWindow):
    """Lays the parts out and keeps them in step with the scope."""

    open_wanted = Signal()

    def __init__(self, services: Services, settings: Settings, theme: Theme, options: EngineOptions) -> None:
        super().__init__()
        self.settings, self.theme = settings, theme
        self.scope = Scope(services, settings, options, self)
        self.people, self.coach = People(), Coach()
        self.heartbeat = Heartbeat(self)
        self.rss_at_first: float | None = None
        """Memory when the first frame of the newest source was shown, MiB."""
        self.figures: FiguresSheet | None = None
        self._turn, self._awaited = 0, False
        self._noticed: Notice | None = None
        self._lay_out()
        self.line = StatusLine(self.status, self.scope, self.view, self.heartbeat)
        renderer = self.scope.live.renderer
        renderer.paint, renderer.drop = self.view.paint_scene, self.view.drop_scene
        self.view.resized.connect(self._place_notes)
        for banner in self.banners:
            banner.closed.connect(self._place_notes)
        self.scope.changed.connect(self._show_scope)
        self.scope.pair_changed.connect(self._show_pair)
        self.scope.problem.connect(self.show_problem)

    def _lay_out(self) -> None:
        picker = SourcePicker(self.theme, self.settings, self.scope.services.list_cameras, self.scope.tasks)
        self.top, self.status = TopBar(self.theme, picker), StatusBar(self.theme)
        self.view, self.clip, self.panel = LiveView(self.theme), ClipBar(), Panel(self.theme)
        self.empty = EmptyState(self.theme, self.view)
        self.error, self.notice = Banner(self.theme, "score"), Banner(self.theme, "accent")
        self.trouble, self.saved = Banner(self.theme, "score"), Banner(self.theme, "accent")
        self.banners = (self.error, self.trouble, self.saved, self.notice)
        self.notes = QWidget(self.view)
        stack = QVBoxLayout(self.notes)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(8)
        for banner in self.banners:
            stack.addWidget(banner)
        watched = QVBoxLayout()
        watched.setSpacing(8)
        watched.addWidget(self.view, 1)
        watched.addWidget(self.clip)
        middle = QHBoxLayout()
        middle.setContentsMargins(MARGIN, MARGIN - 1, MARGIN, MARGIN + 4)
        middle.setSpacing(MARGIN)
        middle.addLayout(watched, 1)
        middle.addWidget(self.panel)
        whole = QWidget()
        self.column = column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addLayout(middle, 1)
        column.addWidget(self.status)
        self.setCentralWidget(whole)
        self._place_notes()

    def _show_scope(self) -> None:
        scope, state, top = self.scope, self.scope.state, self.top
        self._follow_turn()
        self.heartbeat.beat(state.phase == "running")
        top.show_phase("idle" if scope.photo is not None else state.phase)
        self._show_source()
        photo = scope.photo
        top.show_title(None if photo is None else f"{photo.path.name}   {photo.index + 1} / {photo.count}")
        self.view.set_flags(paused=state.phase == "paused", running=state.phase == "running")
        self._show_age()
        self.clip.show_clip(state.duration if photo is None else None)
        self._show_position()
        self._show_notice()
        if photo is None and (state.phase in ("paused", "ended", "failed") or state.is_lost):
            # what stands still must agree: the panel with the frame that is shown
            self._show_face()
        token = {"running": "accent", "opening": "accent", "paused": "score", "failed": "score"}.get(
            state.phase, "muted"
        )
        self.status.dot.show_token("accent" if photo is not None else "score" if state.is_lost else token)
        top.snapshot.setEnabled(scope.pair is not None)
        self._show_empty()
        self._show_status()

    def _follow_turn(self) -> None:
        """Where another session has begun: its figures are its own, and its people others, whatever their numbers."""
        if self.scope.live.turn == self._turn:
            return
        self._turn, self._awaited = self.scope.live.turn, True
        self.view.clock.restart()
        self.heartbeat.restart()
        self.rss_at_first = None
        if self.scope.photo is None:
            self.people.clear()
            self.view.choose(None)
            self._hush()

    def _show_age(self) -> None:
        """A veil over a picture that is an old one, or of another source than the bar names."""
        self.view.set_flags(stale=self.scope.state.is_lost or self.scope.pair_is_old)
        if self.scope.pair_is_old:
            self._hush()

    def _hush(self) -> None:
        self.coach.clear()
        self.view.show_coach("")

    def _show_source(self) -> None:
        """The source by name, with the size and rate that it really gives."""
        state = self.scope.state
        details = wording.source_details(state.size, self.scope.live.rate)
        self.top.picker.show_source(state.address, self._source_words() or self.tr("Choose a source"), details)

    def _show_position(self) -> None:
        self.clip.show_position(self.scope.live.position)

    def _show_notice(self) -> None:
        """What is wrong with a source that goes on, for as long as it is."""
        state = self.scope.state
        notice = state.notice if self.scope.photo is None else None
        if notice == self._noticed:
            return
        self._noticed = notice
        if notice is None:
            self.trouble.dismiss()
        elif notice.kind == "lost":
            demo: Action = (self.tr("Show the demo"), lambda: self.scope.use(DEMO))
            self.trouble.show_message(str(notice), [(self.tr("Stop waiting"), self.scope.halt), demo], waiting=True)
            self._hush()
        else:
            self.trouble.show_message(str(notice))
        self._place_notes()

    def _source_words(self) -> str:
        state = self.scope.state
        if state.address == DEMO:
            return self.tr("Demo")
        if state.is_camera:
            return state.name.removeprefix("camera:") if state.name else self.tr("Camera")
        _, is_stream, place = state.name.partition("://")
        return place if is_stream else state.name and Path(state.name).name

    def _show_empty(self) -> None:
        scope, phase = self.scope, self.scope.state.phase
        demo: Action = (self.tr("Show the demo"), lambda: scope.use(DEMO))
        offers: list[Action] = [demo, (self.tr("Open…"), self.open_wanted.emit)]
        if self.view.frame is not None:
            self.empty.hide()
        elif scope.engine_error is not None and not scope.room.is_ready:
            again: list[Action] = [(self.tr("Try again"), scope.start_again)]
            self.empty.show_state(self.tr("The networks did not open"), scope.engine_error.remedy, again)
        elif not scope.room.is_ready:
            hint = self.tr("Everything stays on this computer")
            self.empty.show_state(self.tr("Opening the networks"), hint, waiting=True)
        elif phase in ("opening", "running", "paused") or scope.reading:
            hint = self._source_words() if phase == "opening" else ""
            self.empty.show_state(self.tr("Waiting for the first picture"), hint, waiting=True)
        elif phase == "idle" and scope.cameras is None:
            self.empty.show_state(self.tr("Looking for cameras"), "", waiting=True)
        else:
            hint = self.tr("Plug in a camera, or drop photos here.")
            self.empty.show_state(self.tr("No picture"), hint, offers)

    def _show_pair(self) -> None:
        pair, photo = self.scope.pair, self.scope.photo
        if pair is None:
            self._show_nothing()
            return
        self._follow_turn()
        first = self.view.frame is None
        scene, self.scope.scene = self.scope.scene, None
        self.view.show_pair(*pair, live=photo is None, scene=scene)
        self._show_age()
        anew = photo is None and self._awaited and not self.scope.pair_is_strange
        if anew:
            self._awaited, self.rss_at_first = False, rss_mib()
        if first:
            self.empty.hide()
            self.top.snapshot.setEnabled(True)
            self._show_status()
        if photo is not None:
            self.people.clear()
            self._hush()
            self._show_face()
            self._show_status()
        elif first or anew or self.panel.track_id is None or self.scope.state.phase != "running":
            # while it runs the panel keeps to its own, slower clock, so that its figures can be read
            self._show_face()

    def _show_nothing(self) -> None:
        self.view.clear()
        self.people.clear()
        self.panel.show_nobody()
        self.top.snapshot.setEnabled(False)
        self._show_empty()
        self._show_status()

    def _show_face(self) -> None:
        """The chosen face of the newest pair, in the panel; and the line of coaching for it."""
        pair, live = self.scope.pair, self.scope.photo is None
        if pair is None or self.scope.pair_is_strange:
            return
        frame, report = pair
        now = time.monotonic()
        face = self.people.update(report, now, linger=1.0 if live else 0.0)
        self.view.choose(self.people.current)
        if face is not None:
            self.panel.show_face(face, face_picture(frame, face), self._seen(face, now))
        elif self.people.current is None:
            self.panel.show_nobody()
        if live and self.scope.state.phase == "running" and not self.scope.state.is_lost:
            tip = face.score.tips[0] if face is not None and face.score is not None and face.score.tips else ""
            if face is None and not report.faces:
                tip = self.tr("No face in the picture")
            self.view.show_coach(self.coach.update(wording.sentence(tip), now))

    def _seen(self, face: Face, now: float) -> str:
        if self.scope.photo is None:
            return self.tr("seen {time}").format(time=wording.clock(self.people.seconds(face.track_id, now)))
        box = face.detection.box
        return self.tr("{width} × {height} px").format(width=round(box.width), height=round(box.height))

    def _show_status(self) -> None:
        self.line.show()

    def _show_figures(self) -> None:
        sheet = self.figures
        if sheet is not None and sheet.isVisible():
            newest, clock = self.scope.live.newest(), self.view.clock
            live = (newest[0], clock.shown().frames) if newest is not None else None
            sheet.show_run(clock.spread(), self.heartbeat.spread(), live)
            sheet.show_plan(self.scope.live.plan)
            sheet.show_networks(self.scope.room.proofs)

    def run_figures(self) -> dict[str, Any]:
        """The figures of the newest live source in the form of ``--stats``, complete once the window has closed; of
        none that has run all counts are 0."""
        live, follower = self.scope.live.newest() or (Tally().stats(0, ()), Follower(Tracker()))
        return runstats.form(
            live,
            self.view.clock.shown(),
            follower,
            heartbeat=self.heartbeat.spread(),
            rss_mib=(self.rss_at_first, rss_mib()),
            threads=self.scope.threads(),
            providers=self.scope.room.providers,
        )

    def show_problem(self, error: FacelensError) -> None:
        """An error's sentence over the view, with what can be done about it; the view goes on."""
        actions: list[Action] = []
        if error is self.scope.engine_error:
            actions.append((self.tr("Try again"), self.scope.open_networks))
        elif error is self.scope.state.error:
            actions.append((self.tr("Try again"), self.scope.start_again))
        if error is self.scope.state.error and self.scope.state.address != DEMO:
            actions.append((self.tr("Show the demo"), lambda: self.scope.use(DEMO)))
        self.error.show_message(str(error), actions)
        self._place_notes()

    def _place_notes(self) -> None:
        shown = [banner for banner in self.banners if not banner.isHidden()]
        self.notes.setVisible(bool(shown))
        # as wide as its words need, so that little of the picture is covered
        natural = max((banner.natural_width() for banner in shown), default=0)
        width = min(self.view.width() - 32, 760, natural)
        height = sum(max(banner.heightForWidth(width), banner.sizeHint().height()) for banner in shown)
        self.notes.setGeometry((self.view.width() - width) // 2, 16, width, height + 8 * max(0, len(shown) - 1))
        self.notes.raise_()
