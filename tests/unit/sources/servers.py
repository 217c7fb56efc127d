"""Network cameras on the loopback interface: motion JPEG over HTTP, and JPEG over RTSP."""

from __future__ import annotations

import contextlib
import re
import socketserver
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import cv2
import numpy as np

SIZE = (160, 120)
ENOUGH = 50
"""FFmpeg looks at some dozens of frames of an RTSP stream before it is open."""


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A flat picture whose brightness tells its number."""
    return np.full((size[1], size[0], 3), 20 + 10 * (number % 20), np.uint8)


def jpeg(number: int, size: tuple[int, int] = SIZE) -> bytes:
    return cv2.imencode(".jpg", picture(number, size))[1].tobytes()


ODD = ((65500, 65500), (160, 65000))
"""Sizes that no picture of a few hundred bytes has."""


def retold(data: bytes, width: int, height: int) -> bytes:
    """A JPEG picture whose header tells another size."""
    place = data.index(b"\xff\xc0")
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


class _Server:
    """A server in a thread, which can be taken away and come back at the same address."""

    handler: type[socketserver.BaseRequestHandler]

    def __init__(self) -> None:
        self.over = threading.Event()
        self.port = 0
        self.connections = 0

    def start(self) -> None:
        owner = self
        self.over = over = threading.Event()

        class Handler(self.handler):  # type: ignore[name-defined,misc]
            server_: _Server = owner
            over_: threading.Event = over

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if not self.over.is_set():
            self.stop()


class _Mjpeg(BaseHTTPRequestHandler):
    server_: _Server
    over_: threading.Event

    def do_GET(self) -> None:
        self.server_.connections += 1
        if self.path == "/silent":
            self.over_.wait()
            return
        kind = getattr(self, f"send_{self.path.strip('/')}", None)
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame" if kind else "text/html")
        self.end_headers()
        try:
            if kind is None:
                self.wfile.write(b"<p>no video here</p>" * 100)
            else:
                kind()
        except OSError:
            return  # the reader has hung up, as it should at the end of a test

    def part(self, data: bytes, pause: float = 0.02) -> bool:
        self.wfile.write(f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode())
        self.wfile.write(data + b"\r\n")
        return not self.over_.wait(pause)

    def ten(self) -> None:
        for number in range(10):
            self.part(jpeg(number))

    def send_stream(self) -> None:
        number = 0
        while self.part(jpeg(number)):
            number += 1

    def send_stalls(self) -> None:
        self.ten()
        self.over_.wait()

    def send_breaks(self) -> None:
        self.ten()

    def drip(self, data: bytes, pause: float) -> None:
        for byte in data:
            if self.over_.wait(pause):
                return
            self.wfile.write(bytes([byte]))

    def send_trickle(self) -> None:
        self.drip(b"-" * 1000, 0.2)

    def send_dribble(self) -> None:
        self.ten()
        data = jpeg(10)
        self.wfile.write(f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode())
        self.drip(data, 1.0)

    def send_resized(self) -> None:
        number = 0
        while self.part(jpeg(number, SIZE if number // 10 % 2 == 0 else (120, 160))):
            number += 1

    def send_torn(self) -> None:
        number = 0
        while self.part(jpeg(number)[: 400 if number % 5 == 4 else None]):
            number += 1

    def send_odd(self) -> None:
        number = 0
        while self.part(retold(jpeg(number), *ODD[number % 5 - 3]) if number % 5 > 2 else jpeg(number)):
            number += 1

    def send_slow(self) -> None:
        number = 0
        while self.part(jpeg(number), 1.0):
            number += 1

    def send_frozen(self) -> None:
        ramp = np.repeat(np.linspace(0, 255, SIZE[0]).astype(np.uint8)[None, :, None], SIZE[1], 0).repeat(3, 2)
        same = cv2.imencode(".jpg", ramp)[1].tobytes()
        while self.part(same):
            pass

    def log_message(self, *args: object) -> None:
        """Quiet."""


class MjpegServer(_Server):
    """A network camera: motion JPEG over HTTP, 50 frames/s.

    ``address`` streams. Other paths of ``host``: ``/silent`` accepts and says nothing, ``/stalls`` sends ten frames and
    then nothing, ``/breaks`` sends ten and hangs up, ``/trickle`` sends one byte now and then and no picture,
    ``/dribble`` ten frames and then a byte a second, ``/resized`` changes its size after every ten, ``/torn`` breaks
    every fifth picture, ``/odd`` gives two of five sizes that are nonsense, ``/slow`` gives one a second, ``/frozen``
    always the same; others are no video.
    """

    handler = _Mjpeg

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.host}/stream"


class _File(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_: FileServer

    def do_GET(self) -> None:
        data = self.server_.path.read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]) if asked and asked[2] else len(data), len(data) - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, *args: object) -> None:
        """Quiet."""


class FileServer(_Server):
    """Gives one file, or parts of it, over HTTP on connections that it keeps."""

    handler = _File

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.path.name}"


class _Dying(_File):
    server_: DyingServer

    def do_GET(self) -> None:
        if self.server_.dead:
            self.close_connection = True
            return
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        data = self.server_.path.read_bytes()
        cut = int(self.server_.share * len(data))
        if cut == len(data) or (asked and int(asked[1]) >= cut):
            super().do_GET()
            return
        first = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - first))
        self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[first:cut])
        self.close_connection = True


class DyingServer(FileServer):
    """Gives a file up to a share of it and what lies behind that, but not both in one; nothing once it is dead."""

    handler = _Dying

    def __init__(self, path: Path, share: float) -> None:
        super().__init__(path)
        self.share, self.dead = share, False


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers of a JPEG with their contents; the last one is the start of the scan, with all that follows."""
    place = 2
    while True:
        marker, length = data[place + 1], struct.unpack(">H", data[place + 2 : place + 4])[0]
        body = data[place + 4 : place + 2 + length]
        if marker == 0xDA:
            yield marker, data[place + 2 + length : -2]
            return
        yield marker, body
        place += 2 + length


class _Rtsp(socketserver.StreamRequestHandler):
    """Answers as much of RTSP (RFC 2326) as FFmpeg asks, and sends JPEG in RTP (RFC 2435) on the same connection."""

    server_: _Server
    over_: threading.Event

    def handle(self) -> None:
        self.server_.connections += 1
        try:
            while (request := self.request_lines()) is not None:
                if "/silent" in request[0]:
                    self.over_.wait()
                    return
                if self.answer(request) == "PLAY":
                    self.play(stalls="/stalls" in request[0])
                    return
        except OSError:
            return

    def request_lines(self) -> list[str] | None:
        lines: list[str] = []
        while line := self.rfile.readline().decode("ascii", "replace").strip():
            lines.append(line)
        return lines or None

    def answer(self, request: list[str]) -> str:
        verb, url = request[0].split()[:2]
        number = next(line.split(":")[1].strip() for line in request if line.lower().startswith("cseq"))
        heads, body = [f"CSeq: {number}"], ""
        if verb == "OPTIONS":
            heads.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif verb == "DESCRIBE":
            body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"
            heads += ["Content-Type: application/sdp", f"Content-Base: {url}/", f"Content-Length: {len(body)}"]
        elif verb == "SETUP":
            heads += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        else:
            heads.append("Session: 1")
        self.wfile.write(("RTSP/1.0 200 OK\r\n" + "\r\n".join(heads) + "\r\n\r\n" + body).encode())
        return verb

    def play(self, stalls: bool) -> None:
        number = 0
        while not self.over_.wait(0.02):
            if stalls and number == ENOUGH:
                self.over_.wait()
                return
            self.send(number)
            number += 1

    def send(self, number: int) -> None:
        parts = list(_segments(jpeg(number)))
        tables = b"".join(
            body[at + 1 : at + 65] for marker, body in parts if marker == 0xDB for at in range(0, len(body), 65)
        )
        scan = parts[-1][1]
        # type 1: 4:2:0; 255: the tables come with the picture
        head = struct.pack(">BBHBBBB", 0, 0, 0, 1, 255, SIZE[0] // 8, SIZE[1] // 8)
        payload = head + struct.pack(">BBH", 0, 0, len(tables)) + tables + scan
        packet = struct.pack(">BBHII", 0x80, 0x80 | 26, number & 0xFFFF, number * 1800, 1) + payload
        self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)


class RtspServer(_Server):
    """A network camera: JPEG over RTSP, 50 frames/s. ``/silent`` never answers, ``/stalls`` stops after a second."""

    handler = _Rtsp

    @property
    def host(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.host}/live"
