"""One slot between two threads: what waits in it while it is held, and when it is drained."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from facelens import handoff
from facelens.handoff import HandOff
from facelens.types import Frame

PATIENCE = 10.0
PICTURE = np.zeros((4, 4, 3), np.uint8)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(handoff, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_frame_that_was_never_held_is_handed_on_as_it_is(clock: Clock) -> None:
    slot, frame = HandOff(), Frame(PICTURE, 0, 100.0)
    slot.put(frame, wait=True)
    clock.now += 5
    assert slot.take() is frame


def test_a_frame_that_waited_in_pauses_counts_as_captured_later(clock: Clock) -> None:
    slot = HandOff()
    slot.hold(True)
    clock.now += 50
    slot.hold(False)
    slot.put(Frame(PICTURE, 7, clock.now, 0.28), wait=True)
    for pause in (3.0, 4.0):
        clock.now += 1
        slot.hold(True)
        slot.hold(True)
        clock.now += pause
        slot.hold(False)
    frame = slot.take()
    assert frame is not None
    assert frame.captured_at == pytest.approx(157.0), "of nine seconds seven were pauses"
    assert (frame.index, frame.moment) == (7, 0.28)


def test_it_is_drained_when_the_taker_comes_back_and_nothing_is_held() -> None:
    slot, wanted = HandOff(), threading.Event()
    taken: list[Frame | None] = []

    def drained(unless: bool = False) -> threading.Thread:
        thread = threading.Thread(target=lambda: slot.drained(lambda: unless or wanted.is_set()))
        thread.start()
        return thread

    slot.put(Frame(PICTURE), wait=True)
    waiting = drained()
    assert slot.take() is not None
    waiting.join(0.05)
    assert waiting.is_alive(), "the frame is still in work"
    slot.hold(True)
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    waiting.join(0.05)
    assert waiting.is_alive(), "someone may still go back in a pause"
    drained(unless=True).join(PATIENCE)
    slot.hold(False)
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    slot.drop()
    drained().join(PATIENCE)
    taker.join(PATIENCE)
    assert taken == [None]
