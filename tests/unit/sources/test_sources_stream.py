"""Network cameras: motion JPEG over HTTP, with everything that goes wrong on a network."""

from __future__ import annotations

import socket
import time
from typing import Protocol

import pytest

from facelens.errors import SourceError, SourceLostError
from facelens.sources import ClipSource


class Server(Protocol):
    host: str
    address: str


def test_a_stream_is_live_and_gives_pictures(mjpeg: Server) -> None:
    with ClipSource(mjpeg.address) as source:
        assert source.is_live
        assert source.size == (160, 120)
        for number in range(20):
            frame = source.read()
            assert frame is not None
            assert frame.index == number


@pytest.mark.parametrize(
    ("path", "why"), [("/silent", "no answer within 3 s"), ("/trickle", "no answer within 3 s"), ("/page", "refused")]
)
def test_what_gives_no_pictures_is_named_within_three_seconds(mjpeg: Server, path: str, why: str) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError, match=why) as caught:
        ClipSource(mjpeg.host + path).open()
    assert time.monotonic() - began < 4.0
    assert "Check the address" in caught.value.remedy


def test_a_refused_connection_is_named_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(SourceError, match="refused"):
            ClipSource(f"http://127.0.0.1:{unused.getsockname()[1]}/x").open()
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("path", ["/stalls", "/breaks"])
def test_a_stream_that_stops_is_lost_within_three_seconds(mjpeg: Server, path: str) -> None:
    with ClipSource(mjpeg.host + path) as source:
        times: list[float] = []
        with pytest.raises(SourceLostError, match="was lost"):
            times.extend(frame.captured_at for frame in iter(source.read, None))
        assert time.monotonic() - times[-1] < 4.0
    assert len(times) >= 5


def test_a_password_is_not_shown(mjpeg: Server) -> None:
    address = mjpeg.host.replace("//", "//me:secret@") + "/page"
    with pytest.raises(SourceError) as caught:
        ClipSource(address).open()
    assert "secret" not in str(caught.value)
