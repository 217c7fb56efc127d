"""WebM files that every browser plays, written so that they play as far as they go at any moment.

Pictures are VP8 key frames, made by the WebP encoder that Pillow brings: a lossy WebP file holds exactly one. OpenCV's
wheel writes VP8 as well, but only at its slowest setting (about 150 ms a picture of 1280 x 720, against 17 ms here) and
without saying when the disk is full; its H.264 has no encoder, and no browser plays what it writes as MP4 and AVI.

The form is that of RFC 8794 (EBML) and RFC 9559 (Matroska); VP8 in WebP is described in RFC 9649.
"""

from __future__ import annotations

import io
import logging
import struct
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)

LARGEST = 16383
"""Longest side of a VP8 picture, px."""
QUALITY, EFFORT = 80, 1
"""Of the WebP encoder: quality 0..100, and effort 0 (fast) to 6 (small)."""
CLUSTER_MS = 1000
"""Pictures of so long stand together, and one can jump to the first of them."""
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"
"""The size, in 8 bytes, of what is not complete: it goes on to the end of the file."""


def key_frame(image: npt.NDArray[np.uint8]) -> bytes:
    """A picture as a VP8 key frame.

    Args:
        image: H x W x 3 BGR uint8, at most ``LARGEST`` px a side.
    """
    import PIL.Image

    packed = io.BytesIO()
    picture = PIL.Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    picture.save(packed, "WEBP", quality=QUALITY, method=EFFORT)
    return vp8_of(packed.getvalue())


def vp8_of(webp: bytes) -> bytes:
    """The VP8 key frame in a lossy WebP file.

    Raises:
        ValueError: there is none.
    """
    at = 12
    while at + 8 <= len(webp):
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        if webp[at : at + 4] == b"VP8 ":
            return webp[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise ValueError("no VP8 picture in it")


def _element(name: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    # sizes of 8 bytes, so that an element never grows when its content is known
    return _id(name) + _size(len(body)) + body


def _short(name: int, body: bytes) -> bytes:
    """An element of less than 127 bytes, with a size of one."""
    return _id(name) + bytes([0x80 | len(body)]) + body


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    return (length | 1 << 56).to_bytes(8, "big")


def _number(name: int, value: int, width: int = 8) -> bytes:
    return _short(name, value.to_bytes(width, "big"))


def _void(length: int) -> bytes:
    """Room of ``length`` bytes, for what is only known at the end."""
    return _short(0xEC, bytes(length - 2))


class WebmWriter:
    """One track of VP8 pictures at a constant rate.

    Each picture goes to the disk at once and whole, so that a file that is broken off plays up to there; ``close`` adds
    length and index. A finished file has no element of unknown size.

    Args:
        stream: a new file, unbuffered and seekable; the caller closes it.
        size: width and height of all pictures, px.
        fps: pictures/s.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, stream: BinaryIO, size: tuple[int, int], fps: float) -> None:
        self._stream, self._fps = stream, fps
        self.count = 0
        """Pictures so far."""
        self._cues: list[tuple[int, int]] = []
        self._cluster_ms = 0
        head = _element(
            0x1A45DFA3,
            *(_number(name, value, 1) for name, value in ((0x4286, 1), (0x42F7, 1), (0x42F2, 4), (0x42F3, 8))),
            _short(0x4282, b"webm"),
            _number(0x4287, 4, 1),
            _number(0x4285, 2, 1),
        )
        video = _element(0xE0, _number(0xB0, size[0], 2), _number(0xBA, size[1], 2))
        track = _element(
            0xAE,
            *(_number(name, value, 1) for name, value in ((0xD7, 1), (0x73C5, 1), (0x83, 1), (0x9C, 0))),
            _short(0x86, b"V_VP8"),
            _number(0x23E383, round(1e9 / fps)),
            video,
        )
        name = b"Facelens"
        scale, apps = _number(0x2AD7B1, 1_000_000, 4), _short(0x4D80, name) + _short(0x5741, name)
        self._size_at = len(head) + 4
        self._begin = self._size_at + 8
        """Where the segment begins; places in the index count from here."""
        room = _void(len(self._seek_head(0)))
        self._length_at = self._begin + len(room) + 4 + 8 + len(scale) + len(apps)
        info = _element(0x1549A966, scale, apps, _void(11))
        self._good = 0
        """The end of what is whole."""
        self._append(head + _id(0x18538067) + UNKNOWN + room + info + _element(0x1654AE6B, track))

    def add(self, frame: bytes) -> None:
        """The next picture, a VP8 key frame.

        Raises:
            OSError: it cannot be written; what was there before is whole.
        """
        at = round(self.count * 1000 / self._fps)
        data = b""
        if not self._cues or at - self._cluster_ms >= CLUSTER_MS:
            self._end_cluster()
            self._cluster_ms = at
            data = _id(0x1F43B675) + UNKNOWN + _number(0xE7, at)
            cue = at, self._good
        else:
            cue = self._cues[-1]
        # track 1, time from the beginning of the cluster, a key frame
        block = b"\x81" + struct.pack(">h", at - self._cluster_ms) + b"\x80"
        self._append(data + _element(0xA3, block, frame))
        if data:
            self._cues.append(cue)
        self.count += 1

    def close(self) -> None:
        """Add the length and the index; where the disk has no room for the index, the file plays without."""
        try:
            self._stream.truncate(self._good)
            self._end_cluster()
            try:
                begin = self._good
                self._append(self._index())
                self._patch(self._begin, self._seek_head(begin - self._begin))
            except OSError as error:
                log.info("a recording has no index: %s", error)
                self._stream.truncate(self._good)
            self._patch(self._length_at, _short(0x4489, struct.pack(">d", self.count * 1000 / self._fps)))
            self._patch(self._size_at, _size(self._good - self._begin))
        except OSError as error:
            # it plays as it is, only its length is not known before
            log.warning("a recording could not be completed: %s", error)

    def _append(self, data: bytes) -> None:
        self._patch(self._good, data)
        self._good += len(data)

    def _patch(self, at: int, data: bytes) -> None:
        self._stream.seek(at)
        left = memoryview(data)
        while left:
            # a disk that is nearly full takes a part, and fails with the next
            left = left[self._stream.write(left) :]

    def _end_cluster(self) -> None:
        if self._cues:
            begin = self._cues[-1][1]
            self._patch(begin + 4, _size(self._good - begin - 12))

    def _index(self) -> bytes:
        points = (
            _element(0xBB, _number(0xB3, at), _element(0xB7, _number(0xF7, 1, 1), _number(0xF1, place - self._begin)))
            for at, place in self._cues
        )
        return _element(0x1C53BB6B, *points)

    @staticmethod
    def _seek_head(place: int) -> bytes:
        """Where the index stands."""
        seek = _short(0x53AB, _id(0x1C53BB6B)) + _number(0x53AC, place)
        return _short(0x114D9B74, _short(0x4DBB, seek))
