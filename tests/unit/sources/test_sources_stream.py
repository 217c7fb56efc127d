"""Network cameras: motion JPEG over HTTP, and RTSP, with everything that goes wrong on a network."""

from __future__ import annotations

import socket
import threading
import time
from typing import Protocol

import cv2
import pytest

from facelens.errors import SourceError, SourceLostError
from facelens.live import LiveSession
from facelens.sources import ClipSource, Notice, SteadySource, clip, open_source
from facelens.types import Frame, FrameReport


class Server(Protocol):
    host: str
    address: str
    connections: int

    def start(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture(params=["mjpeg", "rtsp"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def analyse(frame: Frame) -> FrameReport:
    return FrameReport(frame.index, frame.captured_at, (frame.width, frame.height), ())


def test_a_stream_is_live_and_gives_pictures(server: Server) -> None:
    with ClipSource(server.address) as source:
        assert source.is_live
        assert source.duration is None
        assert source.size == (160, 120)
        for number in range(20):
            frame = source.read()
            assert frame is not None
            assert frame.index == number
            assert frame.image.mean() == pytest.approx(20 + 10 * number % 200, abs=4)


@pytest.mark.parametrize(
    ("path", "why"), [("/silent", "no answer within 3 s"), ("/trickle", "no answer within 3 s"), ("/page", "refused")]
)
def test_what_gives_no_pictures_is_named_within_three_seconds(mjpeg: Server, path: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError, match=why) as caught:
        ClipSource(mjpeg.host + path).open()
    assert time.monotonic() - began < 3.5
    assert "Check the address" in caught.value.remedy


def test_a_silent_rtsp_server_is_named_within_three_seconds(rtsp: Server) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError, match="no answer within 3 s"):
        ClipSource(rtsp.host + "/silent").open()
    assert time.monotonic() - began < 3.5


def test_a_refused_connection_is_named_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(SourceError, match="refused"):
            ClipSource(f"http://127.0.0.1:{unused.getsockname()[1]}/x").open()
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("path", ["/stalls", "/breaks", "/dribble"])
def test_a_stream_that_stops_is_lost_within_three_seconds(mjpeg: Server, path: str) -> None:
    with ClipSource(mjpeg.host + path) as source:
        times: list[float] = []
        with pytest.raises(SourceLostError, match="was lost"):
            times.extend(frame.captured_at for frame in iter(source.read, None))
        assert time.monotonic() - times[-1] < 3.2
    assert len(times) >= 5


def test_an_rtsp_stream_that_stops_is_lost_within_three_seconds(rtsp: Server) -> None:
    with ClipSource(rtsp.host + "/stalls") as source:
        times: list[float] = []
        with pytest.raises(SourceLostError, match="was lost"):
            times.extend(frame.captured_at for frame in iter(source.read, None))
        assert time.monotonic() - times[-1] < 3.2
    assert len(times) >= 5


def test_a_new_size_in_mid_stream_is_followed(mjpeg: Server) -> None:
    with ClipSource(mjpeg.host + "/resized") as source:
        sizes = []
        for _ in range(30):
            frame = source.read()
            assert frame is not None
            assert source.size == (frame.width, frame.height)
            sizes.append(source.size)
    assert sizes == [(160, 120)] * 10 + [(120, 160)] * 10 + [(160, 120)] * 10


def test_torn_pictures_are_passed_over(mjpeg: Server) -> None:
    with ClipSource(mjpeg.host + "/torn") as source:
        levels = [float(frame.image.mean()) for _ in range(16) if (frame := source.read()) is not None]
    expected = [20 + 10 * number for number in range(20) if number % 5 != 4]
    assert levels == pytest.approx(expected, abs=4)


def test_pictures_whose_headers_are_torn_are_passed_over(mjpeg: Server) -> None:
    with SteadySource(ClipSource(mjpeg.host + "/odd")) as source:
        frames = [source.read() for _ in range(12)]
        assert source.losses == 0
        assert source.size == (160, 120)
    assert [frame.image.shape for frame in frames if frame is not None] == [(120, 160, 3)] * 12
    expected = [20 + 10 * number for number in range(20) if number % 5 < 3]
    assert [float(frame.image.mean()) for frame in frames if frame is not None] == pytest.approx(expected, abs=4)


@pytest.mark.parametrize(("factor", "second"), [(0.0, 1500), (1e6, 3000)], ids=["quick", "slow to open"])
def test_a_stream_that_was_open_is_waited_for_no_longer_than_it_needs(
    mjpeg: Server, monkeypatch: pytest.MonkeyPatch, factor: float, second: int
) -> None:
    waits: list[int] = []
    capture = cv2.VideoCapture

    def opening(address: str, backend: int, settings: list[int]) -> cv2.VideoCapture:
        waits.append(settings[settings.index(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC) + 1])
        return capture(address, backend, settings)

    monkeypatch.setattr(cv2, "VideoCapture", opening)
    monkeypatch.setattr(clip, "AGAIN_FACTOR", factor)
    monkeypatch.setattr(clip, "AGAIN_GROWTH", 1.5)
    source = ClipSource(mjpeg.address)
    source.open()
    source.close()
    source.address = mjpeg.host + "/silent"
    for _ in range(3):
        with pytest.raises(SourceError, match="no answer"):
            source.open()
    assert waits == [3000, second, min(second * 3 // 2, 3000), min(second * 9 // 4, 3000)]


def test_nothing_but_the_clock_tells_the_time_of_a_stream(mjpeg: Server) -> None:
    with ClipSource(mjpeg.address) as source:
        frame = source.read()
        assert frame is not None
        assert frame.moment is None


def test_one_picture_a_second_is_a_stream_that_lives(mjpeg: Server) -> None:
    with SteadySource(ClipSource(mjpeg.host + "/slow")) as source:
        # the first ones lay ready when it was open, all at once
        for _ in range(8):
            assert source.read() is not None
        assert source.losses == 0
        assert source.notice is None
        assert source.rate == pytest.approx(1.0, rel=0.5)


def test_a_frozen_picture_is_told(mjpeg: Server) -> None:
    kinds: list[str] = []
    source = SteadySource(ClipSource(mjpeg.host + "/frozen"))
    source.on_notice = lambda: kinds.append(source.notice.kind if source.notice else "")
    with source:
        began = time.monotonic()
        while source.read() is not None and not kinds and time.monotonic() - began < 5:
            pass
        assert 1.5 < time.monotonic() - began < 4
    assert kinds == ["frozen"]


@pytest.mark.parametrize("path", ["/stalls", "/dribble"])
def test_a_session_stops_within_three_seconds_of_a_silent_stream(mjpeg: Server, path: str) -> None:
    session = LiveSession(open_source(mjpeg.host + path), analyse)
    session.start()
    while (result := session.latest()) is None or result.frame.index < 9:
        assert not session.wait(0.01)
    began = time.monotonic()
    assert session.stop() == ()
    assert time.monotonic() - began < 3.0


def test_a_session_stops_at_once_while_a_lost_stream_is_opened_again(mjpeg: Server) -> None:
    lost = threading.Event()
    source = open_source(mjpeg.address)
    session = LiveSession(source, analyse, on_update=lambda: source.notice and lost.set())
    session.start()
    mjpeg.stop()
    assert lost.wait(5)
    # whoever listens on its port now says nothing: each attempt to open takes its three seconds
    with socket.create_server(("127.0.0.1", int(mjpeg.host.rpartition(":")[2]))) as silent:
        silent.settimeout(5)
        caller, _ = silent.accept()
        with caller:
            began = time.monotonic()
            assert session.stop() == ()
            assert time.monotonic() - began < 0.5


def test_a_stream_comes_back_by_itself(server: Server) -> None:
    told: list[Notice | None] = []
    numbers: list[int] = []
    source = open_source(server.address)
    news = threading.Event()

    def update() -> None:
        if not told or source.notice != told[-1]:
            told.append(source.notice)
        if (result := session.latest()) is not None:
            numbers.append(result.frame.index)
        news.set()

    def until(condition: object) -> None:
        deadline = time.monotonic() + 10
        while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
            news.wait(0.05)
            news.clear()
        assert condition()  # type: ignore[operator]

    session = LiveSession(source, analyse, on_update=update)
    with session:
        until(lambda: session.stats().frames_analysed >= 5)
        server.stop()
        until(lambda: told[-1] is not None)
        seen = session.stats().frames_captured
        server.start()
        back = time.monotonic()
        until(lambda: told[-1] is None)
        assert time.monotonic() - back < 3.0
        until(lambda: bool(numbers) and numbers[-1] >= seen + 5)
        assert session.error is None
        assert not session.finished
    assert numbers == sorted(numbers), "the numbers of frames go on"
    assert source.losses == 1
    assert server.connections >= 2
    lost = told[1]
    assert lost is not None
    assert lost.kind == "lost"
    assert str(lost).startswith(f"Stream lost: {server.address} (")
    assert "Waiting for it to come back" in str(lost)


def test_a_password_is_not_shown(mjpeg: Server) -> None:
    address = mjpeg.host.replace("//", "//me:secret@") + "/page"
    with pytest.raises(SourceError) as caught:
        ClipSource(address).open()
    assert "secret" not in str(caught.value)
