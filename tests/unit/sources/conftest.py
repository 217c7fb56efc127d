"""What the tests of sources share: a clip, a folder of pictures, and a network camera on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Self

import cv2
import numpy as np
import pytest

SIZE = (160, 120)


def picture(number: int) -> np.ndarray:
    """A flat picture whose brightness tells its number."""
    return np.full((SIZE[1], SIZE[0], 3), 20 + 10 * (number % 20), np.uint8)


@pytest.fixture
def write_clip() -> Callable[..., Path]:
    def write(path: Path, frames: int = 12, fps: float = 25.0) -> Path:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, SIZE)
        assert writer.isOpened()
        for number in range(frames):
            writer.write(picture(number))
        writer.release()
        return path

    return write


@pytest.fixture
def clip_file(write_clip: Callable[..., Path], tmp_path: Path) -> Path:
    """12 frames, 25 a second; frame n has the grey 20 + 10 n."""
    return write_clip(tmp_path / "clip.avi")


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Five pictures, 0.png to 4.png; picture n has the grey 20 + 10 n."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number in range(5):
        assert cv2.imwrite(str(place / f"{number}.png"), picture(number))
    return place


class MjpegServer:
    """A network camera: motion JPEG over HTTP on the loopback interface, 50 frames/s.

    ``address`` streams. Other paths of ``host``: ``/silent`` accepts and says nothing, ``/stalls`` sends ten frames and
    then nothing, ``/breaks`` sends ten and hangs up, ``/trickle`` sends one byte now and then, others are no video.
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        over = self.over
        jpegs = [cv2.imencode(".jpg", picture(number))[1].tobytes() for number in range(20)]

        class Handler(BaseHTTPRequestHandler):
            counts: ClassVar = {"/stream": 10**6, "/stalls": 10, "/breaks": 10, "/trickle": 0}

            def do_GET(self) -> None:
                if self.path == "/silent":
                    over.wait()
                    return
                self.send_response(200)
                if self.path not in self.counts:
                    self.send_header("Content-Type", "text/html")
                    self.end_headers()
                    self.wfile.write(b"<p>no video here</p>" * 100)
                    return
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    self._stream(self.counts[self.path])
                except OSError:
                    return  # the reader has hung up, as it should at the end of a test

            def _stream(self, count: int) -> None:
                for number in range(count):
                    jpeg = jpegs[number % len(jpegs)]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    if over.wait(0.02):
                        return
                while self.path == "/trickle" and not over.wait(0.2):
                    self.wfile.write(b"-")
                if self.path == "/stalls":
                    over.wait()

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.address = f"{self.host}/stream"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server
