"""Sources that come back by themselves, pictures that show nothing, and rates; on scripted sources and clocks."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from facelens.errors import CameraBusyError, CameraMissingError, SourceError, SourceLostError
from facelens.sources import FrameSource, Notice, SteadySource, clip, recent_rate, steady
from facelens.sources.health import Health
from facelens.types import Frame, Image

LOST = SourceLostError("Camera was lost", "it was unplugged", "Plug it in")
MISSING = CameraMissingError("There is no camera", "none is connected", "Plug it in")
BUSY = CameraBusyError("It cannot be opened", "another program is using it", "Close it")
RAMP = np.arange(200 * 300 * 3, dtype=np.uint32).reshape(200, 300, 3).astype(np.uint8)


class Script(FrameSource):
    """Each opening plays the next of ``acts``: an error to refuse with, or how many frames come before the loss."""

    is_live = True

    def __init__(self, *acts: int | Exception, live: bool = True) -> None:
        self.name, self.is_live = "script", live
        self.acts = list(acts)
        self.opened_at: list[float] = []
        self.closed = self.left = 0

    def open(self) -> None:
        self.opened_at.append(time.monotonic())
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        self.left = act
        self.size = (4, 4 + len(self.acts))

    def read(self) -> Frame | None:
        if self.left == 0:
            raise LOST
        self.left -= 1
        return Frame(np.roll(RAMP, self.left, 1), 0, time.monotonic())

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(steady, "LONGEST_PAUSE", 0.04)


def listening(source: SteadySource) -> list[str]:
    """What the source tells, in order; "" where all is well again."""
    told: list[str] = []
    source.on_notice = lambda: told.append("" if source.notice is None else source.notice.text)
    return told


def test_a_closed_source_is_gone_with_the_last_who_held_it() -> None:
    """It keeps a whole picture to compare with, 25 MiB from a 4K camera: that cannot wait for Python to look for
    circles, which it does once in minutes."""
    source = SteadySource(Script(2))
    with source:
        source.read()
    gone = weakref.ref(source)
    looks = gc.isenabled()
    gc.disable()
    try:
        del source
        assert gone() is None
    finally:
        if looks:
            gc.enable()


class TestComingBack:
    def test_frames_go_on_over_losses(self) -> None:
        script = Script(3, MISSING, MISSING, 2, 4)
        source = SteadySource(script)
        told = listening(source)
        with source:
            frames = [source.read() for _ in range(9)]
        assert [frame.index for frame in frames if frame is not None] == list(range(9))
        assert source.losses == 2
        assert told == ["Stream lost: script (it was unplugged)", ""] * 2
        assert script.closed == 3, "closed at each loss and at the end"

    def test_the_pauses_grow_to_their_limit(self) -> None:
        script = Script(1, *[MISSING] * 5, 1)
        with SteadySource(script) as source:
            assert all(source.read() for _ in range(2))
        pauses = np.diff(script.opened_at[1:])
        least = np.array([0.02, 0.04, 0.04, 0.04, 0.04])
        assert (pauses >= least - 0.001).all()
        assert (pauses <= least + 0.5).all()

    def test_who_comes_back_is_met_within_three_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert 0 < steady.FIRST_PAUSE <= steady.LONGEST_PAUSE
        # whoever comes back just after an attempt began waits for its end and a pause, and opens then
        assert clip.AGAIN_SECONDS + steady.LONGEST_PAUSE <= 2.0

    def test_a_driver_that_fails_is_tried_again(self) -> None:
        source = SteadySource(Script(1, cv2.error("broken driver"), 1))
        with source:
            assert all(source.read() for _ in range(2))
        assert source.losses == 1

    def test_one_that_opens_and_gives_nothing_is_still_lost(self) -> None:
        source = SteadySource(Script(1, 0, 0, 0, 1))
        told = listening(source)
        with source:
            assert all(source.read() for _ in range(2))
        assert source.losses == 1
        assert told == ["Stream lost: script (it was unplugged)", ""]

    def test_why_it_cannot_be_opened_is_told(self) -> None:
        source = SteadySource(Script(1, MISSING, BUSY, BUSY, 1))
        told = listening(source)
        with source:
            assert all(source.read() for _ in range(2))
        assert told == [
            "Stream lost: script (it was unplugged)",
            "Stream lost: script (another program is using it)",
            "",
        ]

    def test_the_wait_is_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(steady, "FIRST_PAUSE", 60.0)
        source = SteadySource(Script(1))
        source.on_notice = lambda: threading.Timer(0.05, source.interrupt).start() and None
        with source:
            assert source.read() is not None
            began = time.monotonic()
            assert source.read() is None
            assert time.monotonic() - began < 5
            assert source.read() is None
        assert source.notice is not None, "what was wrong at the end can still be seen"

    def test_that_it_was_stopped_is_no_news(self) -> None:
        class Waits(Script):
            def open(self) -> None:
                if self.opened_at:
                    source.interrupt()
                super().open()

        source = SteadySource(Waits(1, SourceError("It cannot be opened", "it was stopped", "Start it again")))
        told = listening(source)
        with source:
            assert source.read() is not None
            assert source.read() is None
        assert told == ["Stream lost: script (it was unplugged)"]

    def test_what_a_clip_tells_is_passed_on(self) -> None:
        class Damaged(Script):
            def read(self) -> Frame | None:
                self._tell(Notice("skipped", "A part was left out", "Copy it again"))
                return super().read()

        source = SteadySource(Damaged(1, live=False))
        told = listening(source)
        with source:
            assert source.read() is not None
        assert told == ["A part was left out"]

    def test_the_first_opening_is_not_repeated(self) -> None:
        script = Script(MISSING, 1)
        with pytest.raises(CameraMissingError):
            SteadySource(script).open()
        assert len(script.opened_at) == 1

    def test_what_is_not_live_ends_as_ever(self) -> None:
        with SteadySource(Script(1, 1, live=False)) as source:
            assert source.read() is not None
            with pytest.raises(SourceLostError):
                source.read()

    def test_size_and_rate_are_those_of_now(self) -> None:
        with SteadySource(Script(2, 2)) as source:
            source.read()
            assert source.size == (4, 5)
            assert all(source.read() for _ in range(2))
            assert source.size == (4, 4)

    def test_a_sick_picture_is_told_and_taken_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = iter([None, "frozen", "frozen", "black", None])
        monkeypatch.setattr(Health, "check", lambda self, image, now: next(answers))
        source = SteadySource(Script(5))
        told = listening(source)
        kinds = []
        with source:
            for _ in range(5):
                assert source.read() is not None
                kinds.append(source.notice and source.notice.kind)
        assert kinds == [None, "frozen", "frozen", "dead", None]
        assert told == [
            "The picture of script has stood still for 2 s",
            "The picture of script has been black for 2 s",
            "",
        ]


def look(pictures: Callable[[int], Image], seconds: float, fps: float = 30.0) -> list[tuple[float, str | None]]:
    """When the verdict on a source changes."""
    health, changes, before = Health(), [], None
    for number in range(round(seconds * fps)):
        verdict = health.check(pictures(number), number / fps)
        if verdict != before:
            changes.append((number / fps, verdict))
        before = verdict
    return changes


def flat(blue: int, green: int, red: int, noise: float = 0.0) -> Callable[[int], Image]:
    def picture(number: int) -> Image:
        rng = np.random.default_rng(number)
        full = np.full((720, 1280, 3), (blue, green, red), np.float32) + rng.normal(0, noise, (720, 1280, 3))
        return np.clip(full, 0, 255).astype(np.uint8)

    return picture


class TestHealth:
    def test_a_picture_that_moves_is_well(self) -> None:
        assert look(lambda number: np.roll(RAMP, number, 1), 4) == []

    def test_a_frozen_picture_is_told_after_two_seconds_and_taken_back_at_once(self) -> None:
        changes = look(lambda number: np.roll(RAMP, min(number, 30) + max(number - 120, 0), 1), 6)
        assert [verdict for _, verdict in changes] == ["frozen", None]
        assert changes[0][0] == pytest.approx(3.0, abs=0.1)
        assert changes[1][0] == pytest.approx(121 / 30, abs=0.01)

    def test_a_frozen_picture_stays_frozen(self) -> None:
        assert [verdict for _, verdict in look(lambda _: RAMP.copy(), 12)] == ["frozen"]

    def test_a_small_clock_in_the_picture_shows_that_it_lives(self) -> None:
        def clock(number: int) -> Image:
            image = RAMP.copy()
            # between the points that are compared
            image[0, 0] = number // 30
            return image

        assert look(clock, 8) == []

    def test_one_frame_a_second(self) -> None:
        assert look(lambda number: np.roll(RAMP, number, 1), 10, fps=1.0) == []
        assert [verdict for _, verdict in look(lambda _: RAMP, 10, fps=1.0)] == ["frozen"]

    @pytest.mark.parametrize(
        ("picture", "verdict"),
        [
            (flat(0, 0, 0), "black"),
            (flat(8, 8, 8, noise=2.0), "black"),
            (flat(0, 154, 0), "green"),
            (flat(0, 135, 0, noise=1.0), "green"),
            (flat(200, 30, 10), "flat"),
        ],
        ids=["black", "a lens under its lid", "green", "green with noise", "blue"],
    )
    def test_a_dead_picture(self, picture: Callable[[int], Image], verdict: str) -> None:
        changes = look(picture, 3, fps=10.0)
        assert [found for _, found in changes] == [verdict]
        assert changes[0][0] == pytest.approx(2.0, abs=0.15)

    @pytest.mark.parametrize("noise", [0.0, 6.0])
    def test_a_wall_is_not_dead(self, noise: float) -> None:
        light = np.linspace(120, 180, 1280, dtype=np.float32)[None, :, None]

        def wall(number: int) -> Image:
            rng = np.random.default_rng(number)
            return np.clip(light + rng.normal(0, noise or 1.0, (720, 1280, 3)), 0, 255).astype(np.uint8)

        assert look(wall, 3, fps=5.0) == []

    def test_flashes_and_green_pictures_in_between_are_nothing(self) -> None:
        green, ramp = flat(0, 154, 0)(0), np.resize(RAMP, (720, 1280, 3))
        assert look(lambda number: green if number % 5 else np.roll(ramp, number, 1), 5, fps=10.0) == []
        assert look(lambda number: np.full((72, 128, 3), number * 40 % 256, np.uint8), 5, fps=10.0) == []

    def test_another_size_is_another_picture(self) -> None:
        small, large = RAMP[:100, :100], RAMP
        assert look(lambda number: (small, large)[number // 15 % 2], 5) == []

    def test_also_where_both_have_one_sample(self) -> None:
        def card(number: int) -> Image:
            width, height = ((640, 360), (1280, 720))[number // 90]
            return (
                np.repeat(np.arange(8, dtype=np.uint8) * 30, width // 8)[None, :, None].repeat(height, 0).repeat(3, 2)
            )

        assert [verdict for _, verdict in look(card, 6)] == ["frozen", None, "frozen"]

    def test_it_costs_little(self) -> None:
        rng = np.random.default_rng(0)
        pictures = [rng.integers(0, 255, (720, 1280, 3), np.uint8) for _ in range(4)]
        health, spent = Health(), []
        for number in range(200):
            began = time.perf_counter()
            health.check(pictures[number % 4], number / 30)
            spent.append(time.perf_counter() - began)
        assert np.median(spent) < 0.0003


@pytest.mark.parametrize(
    ("times", "now", "rate"),
    [
        ([], 0.0, 0.0),
        ([1.0], 1.0, 0.0),
        ([number / 30 for number in range(90)], 89 / 30, 30.0),
        ([number / 240 for number in range(512)], 511 / 240, 240.0),
        ([0.0, 1.0, 2.0, 3.0, 4.0], 4.5, 1.0),
        ([0.0, 1.0], 1.0, 1.0),
        # what came minutes ago no longer counts as a rate
        ([0.0, 0.1, 0.2, 0.3], 60.3, 0.05),
        # it was slow and is fast now
        ([*range(10), *(9 + number / 20 for number in range(1, 61))], 12.0, 20.0),
    ],
)
def test_rates_of_late(times: Sequence[float], now: float, rate: float) -> None:
    assert recent_rate(times, now) == pytest.approx(rate, rel=0.03)
