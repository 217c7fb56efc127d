"""What every source promises, held against each of them.

The camera takes part where a V4L2 device is emulated for this process (tests/end_to_end/test_cameras.py does that).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facelens.errors import SourceError, UsageError
from facelens.sources import CameraSource, ClipSource, DemoSource, FrameSource, PhotosSource, SteadySource
from facelens.types import Frame

CAMERAS = os.environ.get("FAKEV4L2_DIR")
KINDS = (
    "demo",
    "demo in real time",
    "clip",
    "clip at its own rate",
    "photos",
    "stream",
    "stream that comes back",
    "RTSP stream",
    "clip on a server",
)
KINDS += ("camera", "camera that comes back") if CAMERAS else ()
CAMERA = 60


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[], FrameSource]:
    """Makes a new source over the same frames each time."""
    kind = request.param
    if kind.startswith("camera"):
        assert CAMERAS is not None
        (Path(CAMERAS) / f"video{CAMERA}").touch()
        return lambda: SteadySource(CameraSource(CAMERA)) if "back" in kind else CameraSource(CAMERA)
    if "stream" in kind:
        address = request.getfixturevalue("rtsp" if "RTSP" in kind else "mjpeg").address
        return lambda: SteadySource(ClipSource(address)) if "back" in kind else ClipSource(address)
    if kind == "photos":
        photo_folder = request.getfixturevalue("photo_folder")
        return lambda: PhotosSource([photo_folder])
    if "server" in kind:
        address = request.getfixturevalue("clip_address")
        return lambda: SteadySource(ClipSource(address))
    if kind.startswith("clip"):
        path = request.getfixturevalue("clip_file")
        return lambda: ClipSource(path, paced="rate" in kind)
    return lambda: DemoSource((160, 120), paced="real" in kind, fps=60.0)


def read_some(source: FrameSource, count: int) -> list[Frame]:
    frames = []
    while len(frames) < count and (frame := source.read()) is not None:
        frames.append(frame)
    return frames


class TestConformance:
    def test_frames_are_pictures_in_order(self, make: Callable[[], FrameSource]) -> None:
        before = time.monotonic()
        with make() as source:
            frames = read_some(source, 4)
            assert len(frames) == 4
            for frame in frames:
                assert frame.image.dtype == np.uint8
                assert frame.image.ndim == 3
                assert frame.image.shape[2] == 3
                assert source.size == (frame.width, frame.height)
            numbers = [frame.index for frame in frames]
            assert numbers[0] == 0
            assert numbers == sorted(set(numbers))
            if not source.is_live:
                assert numbers == [0, 1, 2, 3]
            times = [frame.captured_at for frame in frames]
            assert times == sorted(times)
            assert before <= times[0]
            assert times[-1] <= time.monotonic()

    def test_what_it_is_called_and_how_fast(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            assert source.name
            assert source.fps is None or source.fps > 0
            assert source.size is not None

    def test_the_reader_may_keep_a_picture(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            first = source.read()
            assert first is not None
            kept = first.image.copy()
            second = source.read()
            assert second is not None
            assert not np.shares_memory(first.image, second.image)
            assert np.array_equal(first.image, kept)

    def test_nothing_is_read_from_a_closed_source(self, make: Callable[[], FrameSource]) -> None:
        source = make()
        assert source.read() is None
        source.close()
        source.open()
        assert source.read() is not None
        source.close()
        source.close()
        assert source.read() is None

    def test_it_opens_again_and_starts_anew(self, make: Callable[[], FrameSource]) -> None:
        source = make()
        for _ in range(2):
            with source:
                frames = read_some(source, 2)
                assert len(frames) == 2
                assert frames[0].index == 0

    def test_it_is_closed_where_the_reader_fails(self, make: Callable[[], FrameSource]) -> None:
        source = make()
        with pytest.raises(ZeroDivisionError), source:
            raise ZeroDivisionError
        assert source.read() is None

    def test_an_interrupted_read_comes_back(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            assert source.read() is not None
            source.interrupt()
            began = time.monotonic()
            source.read()
            assert time.monotonic() - began < 1.0

    def test_an_interrupt_before_it_is_open_is_kept_or_harmless(self, make: Callable[[], FrameSource]) -> None:
        source = make()
        source.interrupt()
        began = time.monotonic()
        # those that open slowly give up
        with contextlib.suppress(SourceError):
            source.open()
            source.read()
        assert time.monotonic() - began < 1.0
        source.close()
        with source:
            assert source.read() is not None

    def test_what_can_be_looked_at_from_outside(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            read_some(source, 3)
            assert source.rate is None or source.rate > 0
            assert source.notice is None
            assert source.losses == 0
            assert source.position >= 0
            assert source.duration is None or source.duration > source.position

    def test_it_moves_where_it_has_a_length_and_says_so_where_not(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            if source.duration is None:
                with pytest.raises(UsageError, match="has no other place to go to"):
                    source.seek(0.0)
                assert source.read() is not None
                return
            assert source.fps is not None
            everything = {frame.index: frame.image for frame in read_some(source, 10**6)}
            assert len(everything) == round(source.duration * source.fps)
            for index in (5, 0, len(everything) - 1, 3, 3):
                source.seek(index / source.fps)
                frame = source.read()
                assert frame is not None
                assert frame.index == index
                assert np.array_equal(frame.image, everything[index])
                assert source.position == pytest.approx(index / source.fps, abs=0.5 / source.fps)
            # what lies outside is the nearest end
            for seconds, index in ((-1.0, 0), (10**6, len(everything) - 1)):
                source.seek(seconds)
                frame = source.read()
                assert frame is not None
                assert frame.index == index
            assert source.read() is None

    def test_it_can_be_read_by_another_thread_than_opened_it(self, make: Callable[[], FrameSource]) -> None:
        frames: list[Frame] = []
        with make() as source:
            thread = threading.Thread(target=lambda: frames.extend(read_some(source, 2)))
            thread.start()
            thread.join(10)
        assert len(frames) == 2

    def test_no_thread_is_left(self, make: Callable[[], FrameSource]) -> None:
        with make() as source:
            source.read()
        deadline = time.monotonic() + 5
        while any(t.name == "facelens-open" for t in threading.enumerate()) and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        assert not any(t.name == "facelens-open" for t in threading.enumerate())
