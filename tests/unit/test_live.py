"""A live session: what is skipped and what never is, how it ends, and that no failure is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from facelens.errors import CameraMissingError, SourceLostError, UsageError
from facelens.live import LiveSession
from facelens.sources import DemoSource, FrameSource, Notice
from facelens.types import Frame, FrameReport

PATIENCE = 10.0
PICTURE = np.zeros((4, 4, 3), np.uint8)


class Script(FrameSource):
    """Gives ``count`` frames, then ends or raises; ``gate`` holds the frames from number ``held`` on."""

    def __init__(
        self, count: int, *, live: bool = False, error: BaseException | None = None, held: int = 10**9
    ) -> None:
        self.name, self.is_live, self.size = "script", live, (4, 4)
        self.count, self.error, self.held = count, error, held
        self.open_error: BaseException | None = None
        self.close_error: BaseException | None = None
        self.gate = threading.Event()
        self.given, self.opened, self.closed = 0, 0, 0
        self.exhausted = threading.Event()

    def open(self) -> None:
        self.opened += 1
        if self.open_error is not None:
            raise self.open_error

    def read(self) -> Frame | None:
        if self.given >= self.held:
            assert self.gate.wait(PATIENCE)
        if self.given >= self.count:
            self.exhausted.set()
            if self.error is not None:
                raise self.error
            return None
        self.given += 1
        return Frame(PICTURE, self.given - 1, time.monotonic())

    def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error

    def interrupt(self) -> None:
        self.gate.set()


class Analysis:
    """Notes what it is given; where ``gate`` is not set, it waits inside."""

    def __init__(self, *, open_gate: bool = True, fails_at: int | None = None) -> None:
        self.seen: list[int] = []
        self.fails_at = fails_at
        self.inside, self.gate = threading.Event(), threading.Event()
        if open_gate:
            self.gate.set()

    def __call__(self, frame: Frame) -> FrameReport:
        self.seen.append(frame.index)
        self.inside.set()
        assert self.gate.wait(PATIENCE)
        if frame.index == self.fails_at:
            raise ZeroDivisionError("analysis")
        return FrameReport(frame.index, frame.captured_at, (4, 4), ())


class Updates:
    """Counts updates, and waits for what they should bring."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()
        self.session: LiveSession | None = None

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def until(self, true: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(true, PATIENCE)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [t.name for t in threading.enumerate() if t.name in ("facelens-capture", "facelens-analysis")]


def finish(session: LiveSession) -> None:
    assert session.wait(PATIENCE)
    assert session.stop() == ()


class TestClips:
    def test_every_frame_is_analysed_in_order(self) -> None:
        source, analyse, updates = Script(50), Analysis(), Updates()
        session = LiveSession(source, analyse, on_update=updates)
        session.start()
        finish(session)
        assert analyse.seen == list(range(50))
        stats = session.stats()
        assert (stats.frames_captured, stats.frames_analysed, stats.frames_skipped) == (50, 50, 0)
        assert (stats.threads_started, stats.threads_joined) == (2, 2)
        assert updates.count == 51
        assert source.closed == 1
        assert session.error is None
        result = session.latest()
        assert result is not None
        assert result.frame.index == result.report.frame_index == 49

    def test_reading_waits_for_the_analysis(self) -> None:
        source, analyse = Script(50), Analysis(open_gate=False)
        with LiveSession(source, analyse) as session:
            assert analyse.inside.wait(PATIENCE)
            assert not source.exhausted.wait(0.1)
            # one in work, one in the slot, one in the hands of the thread that waits
            assert source.given <= 3
            analyse.gate.set()
            assert session.wait(PATIENCE)
        assert analyse.seen == list(range(50))

    def test_a_pause_holds_the_clip(self) -> None:
        source, analyse, updates = Script(50), Analysis(), Updates()
        session = LiveSession(source, analyse, on_update=updates)
        session.pause()
        session.start()
        assert session.paused
        assert not analyse.inside.wait(0.1)
        assert source.given <= 2
        session.resume()
        assert not session.paused
        finish(session)
        assert analyse.seen == list(range(50))


class TestCameras:
    def test_the_newest_frame_is_analysed_and_the_others_are_counted(self) -> None:
        source, analyse = Script(10, live=True), Analysis(open_gate=False)
        session = LiveSession(source, analyse)
        source.held = 1
        session.start()
        assert analyse.inside.wait(PATIENCE)
        # while frame 0 is in work, the other nine come
        source.gate.set()
        assert source.exhausted.wait(PATIENCE)
        analyse.gate.set()
        finish(session)
        assert analyse.seen == [0, 9]
        stats = session.stats()
        assert (stats.frames_captured, stats.frames_analysed, stats.frames_skipped) == (10, 2, 8)

    def test_a_pause_holds_the_analysis_and_not_the_camera(self) -> None:
        source, analyse, updates = Script(10, live=True, held=1), Analysis(), Updates()
        session = LiveSession(source, analyse, on_update=updates)
        session.start()
        assert updates.until(lambda: session.latest() is not None)
        session.pause()
        source.gate.set()
        assert source.exhausted.wait(PATIENCE)
        assert not session.wait(0.05)
        result = session.latest()
        assert result is not None
        assert result.frame.index == 0
        session.resume()
        finish(session)
        assert analyse.seen == [0, 9]
        assert session.stats().frames_skipped == 8

    @pytest.mark.parametrize("live", [True, False])
    def test_one_frame_is_let_through_a_pause(self, live: bool) -> None:
        source, analyse, updates = Script(10**6, live=live), Analysis(), Updates()
        session = LiveSession(source, analyse, on_update=updates)
        session.pause()
        session.let_one()
        session.start()
        assert updates.until(lambda: session.latest() is not None)
        assert not session.wait(0.05)
        assert len(analyse.seen) == 1
        session.let_one()
        assert updates.until(lambda: len(analyse.seen) == 2)
        assert session.stop() == ()

    def test_a_paused_session_can_be_stopped(self) -> None:
        session = LiveSession(Script(10, live=True), Analysis())
        session.pause()
        session.start()
        assert session.stop() == ()
        assert session.finished


class TestFailures:
    def test_a_lost_camera(self) -> None:
        lost = SourceLostError("Camera was lost", "unplugged", "Plug it in")
        source, analyse, updates = Script(3, error=lost), Analysis(), Updates()
        session = LiveSession(source, analyse, on_update=updates)
        session.start()
        finish(session)
        # what came before is still shown, then the end is told
        assert analyse.seen == [0, 1, 2]
        assert updates.count == 4
        assert session.error is lost
        assert source.closed == 1
        with pytest.raises(SourceLostError, match="unplugged"):
            session.raise_error()

    def test_a_failed_analysis_ends_the_capture_too(self) -> None:
        source, updates = Script(10**6, live=True, held=1), Updates()
        session = LiveSession(source, Analysis(fails_at=0), on_update=updates)
        session.start()
        finish(session)
        assert isinstance(session.error, ZeroDivisionError)
        assert source.closed == 1
        assert updates.count == 1

    def test_a_failed_analysis_frees_a_capture_that_waits_for_it(self) -> None:
        source = Script(10**6)
        session = LiveSession(source, Analysis(fails_at=5))
        session.start()
        finish(session)
        assert isinstance(session.error, ZeroDivisionError)
        assert source.closed == 1

    def test_a_failed_tracker(self) -> None:
        class Broken:
            def update(self, report: FrameReport) -> FrameReport:
                raise KeyError("tracker")

        session = LiveSession(Script(3), Analysis(), tracker=Broken())
        session.start()
        finish(session)
        assert isinstance(session.error, KeyError)

    def test_a_failed_close(self) -> None:
        source = Script(3)
        source.close_error = OSError("close")
        session = LiveSession(source, Analysis())
        session.start()
        finish(session)
        assert isinstance(session.error, OSError)

    def test_a_failed_listener(self) -> None:
        def listener() -> None:
            raise ValueError("listener")

        session = LiveSession(Script(3), Analysis(), on_update=listener)
        session.start()
        finish(session)
        assert isinstance(session.error, ValueError)

    def test_the_first_failure_is_kept_and_the_next_one_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        source = Script(0, error=KeyError("first"))
        source.close_error = OSError("second")
        session = LiveSession(source, Analysis())
        session.start()
        finish(session)
        assert isinstance(session.error, KeyError)
        assert any(record.exc_info and isinstance(record.exc_info[1], OSError) for record in caplog.records)

    def test_without_a_failure_nothing_is_raised(self) -> None:
        session = LiveSession(Script(1), Analysis())
        session.start()
        finish(session)
        session.raise_error()
        assert session.error is None


class TestStart:
    def test_a_source_that_cannot_be_opened(self) -> None:
        source = Script(3)
        source.open_error = CameraMissingError("No camera", "none", "Plug one in")
        session = LiveSession(source, Analysis())
        with pytest.raises(CameraMissingError):
            session.start()
        assert session.finished
        assert session.error is source.open_error
        assert source.closed == 1
        assert session.stats().threads_started == 0
        assert session.stop() == ()

    def test_only_once(self) -> None:
        session = LiveSession(Script(1), Analysis())
        session.start()
        with pytest.raises(RuntimeError, match="once"):
            session.start()
        finish(session)
        with pytest.raises(RuntimeError, match="once"):
            session.start()

    def test_opened_first_and_started_later(self) -> None:
        source = Script(3)
        session = LiveSession(source, Analysis())
        session.open()
        assert session.stats().threads_started == 0
        assert not session.finished
        with pytest.raises(RuntimeError, match="once"):
            session.open()
        session.start()
        finish(session)
        assert (session.stats().frames_analysed, source.opened, source.closed) == (3, 1, 1)

    def test_opened_and_never_started(self) -> None:
        source = Script(3)
        session = LiveSession(source, Analysis())
        session.open()
        assert session.stop() == ()
        assert session.finished
        assert source.closed == 1
        assert session.stop() == ()
        assert source.closed == 1
        with pytest.raises(RuntimeError, match="once"):
            session.start()


class TestStop:
    def test_before_the_start_and_twice(self) -> None:
        session = LiveSession(Script(1), Analysis())
        assert session.stop() == ()
        assert session.finished
        with pytest.raises(RuntimeError, match="once"):
            session.start()
        assert session.stop() == ()

    def test_in_the_middle(self) -> None:
        source, updates = Script(10**9, live=True), Updates()
        session = LiveSession(source, Analysis(), on_update=updates)
        session.start()
        assert updates.until(lambda: session.latest() is not None)
        assert session.stop() == ()
        assert session.finished
        assert session.error is None
        assert source.closed == 1
        stats = session.stats()
        assert (stats.threads_started, stats.threads_joined) == (2, 2)
        assert 0 <= stats.frames_captured - stats.frames_analysed - stats.frames_skipped <= 2

    def test_a_source_that_waits_is_interrupted(self) -> None:
        updates = Updates()
        session = LiveSession(DemoSource((64, 64), fps=0.01), Analysis(), on_update=updates)
        session.start()
        assert updates.until(lambda: session.latest() is not None)
        began = time.monotonic()
        assert session.stop() == ()
        assert time.monotonic() - began < 2.0

    def test_a_thread_that_hangs_is_named(self, caplog: pytest.LogCaptureFixture) -> None:
        analyse = Analysis(open_gate=False)
        session = LiveSession(Script(3), analyse)
        session.start()
        assert analyse.inside.wait(PATIENCE)
        assert session.stop(timeout=0.05) == ("facelens-analysis",)
        assert "facelens-analysis" in str(session.error)
        assert "facelens-analysis" in caplog.text
        assert session.stats().threads_joined == 1
        analyse.gate.set()
        assert session.stop() == ()
        assert session.stats().threads_joined == 2

    def test_from_the_listener(self) -> None:
        sessions: list[LiveSession] = []
        session = LiveSession(Script(10**9, live=True), Analysis(), on_update=lambda: sessions[0].stop() and None)
        sessions.append(session)
        session.start()
        finish(session)
        assert session.error is None


class TestStats:
    def test_latency_is_measured_from_the_capture(self) -> None:
        class Late(Script):
            def read(self) -> Frame | None:
                frame = super().read()
                return frame and Frame(frame.image, frame.index, frame.captured_at - 0.5)

        session = LiveSession(Late(20), Analysis())
        session.start()
        finish(session)
        latency = session.stats().latency_ms
        assert 500 <= latency.p50 <= latency.p95 <= latency.p99 < 5000
        result = session.latest()
        assert result is not None
        assert 500 <= result.latency_ms < 5000

    def test_rates(self) -> None:
        with LiveSession(DemoSource((64, 64), fps=50.0), Analysis()) as session:
            assert not session.wait(0.5)
        stats = session.stats()
        assert stats.seconds >= 0.5
        for fps, frames in ((stats.fps_captured, stats.frames_captured), (stats.fps_analysed, stats.frames_analysed)):
            assert frames >= 3
            # a busy machine skips frames; none come too early, and all lie within the seconds
            assert (frames - 1) / stats.seconds - 0.1 <= fps <= 60

    def test_before_the_first_frame(self) -> None:
        stats = LiveSession(Script(1), Analysis()).stats()
        assert stats.frames_captured == stats.frames_analysed == stats.threads_started == 0
        assert stats.latency_ms.p99 == stats.fps_captured == stats.seconds == 0


class Clip(Script):
    """A script with a length, one frame a second."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.duration = float(count)
        self.sought: list[float] = []

    def read(self) -> Frame | None:
        frame = super().read()
        self.position = frame.index if frame is not None else self.position
        return frame

    def seek(self, seconds: float) -> None:
        self.sought.append(seconds)
        self.given = round(seconds)
        self.position = seconds


class TestSeek:
    def test_frames_go_on_from_there(self) -> None:
        source, updates, analyse = Clip(1000), Updates(), Analysis(open_gate=False)
        session = LiveSession(source, analyse, on_update=updates)
        session.start()
        assert analyse.inside.wait(PATIENCE)
        session.seek(990.0)
        assert session.position == 990.0
        analyse.gate.set()
        finish(session)
        assert analyse.seen == [0, *range(990, 1000)]
        assert source.sought == [990.0]
        stats = session.stats()
        assert stats.frames_captured == stats.frames_analysed + stats.frames_skipped

    def test_in_a_pause_the_frame_there_is_shown_and_held(self) -> None:
        source, updates, analyse = Clip(1000), Updates(), Analysis()
        session = LiveSession(source, analyse, on_update=updates)
        session.pause()
        session.start()
        for place in (500, 20, 20, 999):
            before = updates.count
            session.seek(place)
            assert updates.until(lambda before=before: updates.count > before)
            result = session.latest()
            assert result is not None
            assert result.frame.index == place
            assert not session.wait(0.05)
        assert analyse.seen == [500, 20, 20, 999]
        session.resume()
        finish(session)

    def test_of_many_wishes_the_newest_counts(self) -> None:
        source, analyse = Clip(10**6), Analysis(open_gate=False)
        with LiveSession(source, analyse) as session:
            assert analyse.inside.wait(PATIENCE)
            for place in range(1000, 2000):
                session.seek(place)
            assert session.position == 1999
            analyse.gate.set()
            deadline = time.monotonic() + PATIENCE
            while len(analyse.seen) < 20 and time.monotonic() < deadline:
                time.sleep(0.005)
        assert analyse.seen[1:3] == [1999, 2000]

    def test_a_place_can_be_wished_before_the_start(self) -> None:
        analyse = Analysis()
        session = LiveSession(Clip(10), analyse)
        session.seek(7)
        session.start()
        finish(session)
        assert analyse.seen == [7, 8, 9]

    def test_back_from_the_end_in_a_pause(self) -> None:
        source, updates, analyse = Clip(10), Updates(), Analysis()
        session = LiveSession(source, analyse, on_update=updates)
        session.pause()
        session.start()
        session.seek(9)
        assert updates.until(lambda: analyse.seen == [9])
        assert source.exhausted.wait(PATIENCE)
        assert not session.wait(0.05)
        session.seek(2)
        assert updates.until(lambda: analyse.seen == [9, 2])
        assert not session.wait(0.05)
        session.resume()
        finish(session)
        assert analyse.seen == [9, *range(2, 10)]
        assert source.closed == 1

    def test_back_from_the_end_while_the_last_frame_is_in_work(self) -> None:
        source, gate, inside = Clip(3), threading.Event(), threading.Event()
        seen: list[int] = []

        def analyse(frame: Frame) -> FrameReport:
            seen.append(frame.index)
            if frame.index == 2:
                inside.set()
                assert gate.wait(PATIENCE)
            return FrameReport(frame.index, frame.captured_at, (4, 4), ())

        session = LiveSession(source, analyse)
        session.start()
        assert source.exhausted.wait(PATIENCE)
        assert inside.wait(PATIENCE)
        session.seek(1)
        gate.set()
        finish(session)
        assert seen == [0, 1, 2, 1, 2]

    def test_a_clip_held_at_its_end_can_be_stopped(self) -> None:
        source = Clip(1)
        session = LiveSession(source, Analysis())
        session.pause()
        session.let_one()
        session.start()
        assert source.exhausted.wait(PATIENCE)
        assert session.stop() == ()
        assert session.error is None

    def test_after_the_end_a_wish_changes_nothing(self) -> None:
        session = LiveSession(Clip(3), Analysis())
        session.start()
        finish(session)
        session.seek(1.0)
        assert session.position == 2

    def test_a_camera_has_one_place_only(self) -> None:
        source = Script(10**6, live=True)
        with LiveSession(source, Analysis()) as session, pytest.raises(UsageError, match="has no other place"):
            session.seek(1.0)
        assert session.error is None


def test_a_pause_is_no_latency() -> None:
    source, analyse, updates = Script(3), Analysis(open_gate=False), Updates()
    session = LiveSession(source, analyse, on_update=updates)
    session.start()
    assert analyse.inside.wait(PATIENCE)
    session.pause()
    analyse.gate.set()
    assert updates.until(lambda: session.latest() is not None)
    began = time.monotonic()
    assert not session.wait(0.5)
    # what happened before the pause, and a slow machine after it, do count
    held, before = time.monotonic() - began, session.latest()
    assert before is not None
    session.resume()
    finish(session)
    last = session.latest()
    assert last is not None
    assert last.frame.index == 2
    since = last.published_at - before.frame.captured_at
    assert last.latency_ms / 1000 <= since - held + 0.001


def test_the_time_of_the_source_goes_with_the_report() -> None:
    class Timed(Script):
        def read(self) -> Frame | None:
            frame = super().read()
            return frame and Frame(frame.image, frame.index, frame.captured_at, 100.0 + frame.index)

    moments: list[float | None] = []

    class Tracker:
        def update(self, report: FrameReport) -> FrameReport:
            moments.append(report.moment)
            return report

    for source in (Timed(3), Script(1)):
        session = LiveSession(source, Analysis(), tracker=Tracker(), mirror=True)
        session.start()
        finish(session)
    assert moments == [100.0, 101.0, 102.0, None]


def test_a_mirror_turns_what_is_analysed_and_shown() -> None:
    class Half(Script):
        def read(self) -> Frame | None:
            frame = super().read()
            image = np.zeros((4, 6, 3), np.uint8)
            image[:, :2] = 255
            return frame and Frame(image, frame.index, frame.captured_at)

    analysed: list[int] = []

    def analyse(frame: Frame) -> FrameReport:
        analysed.append(int(frame.image[0, :, 0].argmax()))
        if frame.index == 1:
            session.mirror = False
        return FrameReport(frame.index, frame.captured_at, (6, 4), ())

    session = LiveSession(Half(6), analyse, mirror=True)
    session.start()
    finish(session)
    assert analysed[:2] == [4, 4]
    assert analysed[-1] == 0, "and back again at any time"


def test_a_notice_of_the_source_is_an_update() -> None:
    notices: list[Notice | None] = []
    source = Script(2, live=True, held=1)

    class Listener(Updates):
        def __call__(self) -> None:
            if source.notice not in notices:
                notices.append(source.notice)
            super().__call__()

    updates = Listener()
    session = LiveSession(source, Analysis(), on_update=updates)
    session.start()
    assert updates.until(lambda: session.latest() is not None)
    source._tell(Notice("frozen", "The picture stands still", "Wait"))
    assert updates.until(lambda: len(notices) == 2)
    source.gate.set()
    finish(session)


def test_reports_pass_the_tracker() -> None:
    class Tracker:
        def update(self, report: FrameReport) -> FrameReport:
            return FrameReport(report.frame_index, report.captured_at, (7, 7), ())

    session = LiveSession(Script(3), Analysis(), tracker=Tracker())
    session.start()
    finish(session)
    result = session.latest()
    assert result is not None
    assert result.report.image_size == (7, 7)
