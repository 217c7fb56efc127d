"""WebM files: their form to the byte, and that they play as far as they go whatever ends them."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pytest

from facelens.types import Image
from facelens.webm import WebmWriter, key_frame, vp8_of

SIZE = (97, 63)
MASTERS = {0x18538067, 0x114D9B74, 0x4DBB, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675, 0x1C53BB6B, 0xBB, 0xB7}
SEGMENT, CLUSTER, BLOCK, CUES = 0x18538067, 0x1F43B675, 0xA3, 0x1C53BB6B


def picture(level: int) -> Image:
    image = np.full((SIZE[1], SIZE[0], 3), level, np.uint8)
    image[10:30, 20:60] = (20, 40, 200)
    return image


def write(path: Path, count: int, *, close: bool = True) -> WebmWriter:
    with path.open("wb", buffering=0) as stream:
        webm = WebmWriter(stream, SIZE, 25.0)
        for index in range(count):
            webm.add(key_frame(picture(2 * index)))
        if close:
            webm.close()
    return webm


def elements(data: bytes, begin: int = 0, end: int | None = None) -> list[tuple[int, int, int, int]]:
    """(id, place, begin of the body, end) of all elements, those within masters included; sizes must be known."""
    found, at, end = [], begin, len(data) if end is None else end
    while at < end:
        length = 9 - data[at].bit_length()
        name = int.from_bytes(data[at : at + length], "big")
        size_at = at + length
        width = 9 - data[size_at].bit_length()
        size = int.from_bytes(data[size_at : size_at + width], "big") & (1 << 7 * width) - 1
        assert size != (1 << 7 * width) - 1, f"{name:X} has no size"
        body = size_at + width
        assert body + size <= end, f"{name:X} goes beyond what holds it"
        found.append((name, at, body, body + size))
        if name in MASTERS:
            found += elements(data, body, body + size)
        at = body + size
    return found


def played(path: Path) -> list[tuple[float, int]]:
    """Time in ms and level of the corner of each picture that can be decoded."""
    video, out = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while True:
        good, image = video.read()
        if not good:
            video.release()
            return out
        assert (image.shape[1], image.shape[0]) == SIZE
        out.append((video.get(cv2.CAP_PROP_POS_MSEC), int(image[-1, -1].mean())))


def test_a_finished_file_has_its_form(tmp_path: Path) -> None:
    write(tmp_path / "a.webm", 60)
    data = (tmp_path / "a.webm").read_bytes()
    found = elements(data)
    assert [name for name, *_ in found[:2]] == [0x1A45DFA3, SEGMENT]
    assert b"webm" in data[:60]
    assert b"V_VP8" in data[:400]
    segment = next(body for name, _, body, _ in found if name == SEGMENT)
    clusters = [place - segment for name, place, *_ in found if name == CLUSTER]
    assert len(clusters) == 3, "one a second"
    (length,) = [struct.unpack(">d", data[body:end])[0] for name, _, body, end in found if name == 0x4489]
    assert length == 60 * 40
    cued = [int.from_bytes(data[body:end], "big") for name, _, body, end in found if name == 0xF1]
    assert cued == clusters, "the index leads to the clusters"
    (head,) = [int.from_bytes(data[body:end], "big") for name, _, body, end in found if name == 0x53AC]
    assert head + segment == next(place for name, place, *_ in found if name == CUES)
    blocks = [(body, end) for name, _, body, end in found if name == BLOCK]
    assert len(blocks) == 60
    for body, _ in blocks:
        assert data[body] == 0x81
        assert data[body + 3] == 0x80, "a key frame"
        assert data[body + 4] & 1 == 0, "VP8's own mark of a key frame"
        assert data[body + 7 : body + 10] == b"\x9d\x01\x2a"


def test_pictures_come_back_at_their_times(tmp_path: Path) -> None:
    write(tmp_path / "a.webm", 60)
    out = played(tmp_path / "a.webm")
    assert [time for time, _ in out] == pytest.approx([40 * index for index in range(60)])
    assert [level for _, level in out] == pytest.approx([2 * index for index in range(60)], abs=3)
    video = cv2.VideoCapture(str(tmp_path / "a.webm"), cv2.CAP_FFMPEG)
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 60
    video.set(cv2.CAP_PROP_POS_MSEC, 2000)
    assert video.read()[1][-1, -1].mean() == pytest.approx(100, abs=3)
    video.release()


def test_what_is_broken_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    write(path, 60, close=False)
    assert len(played(path)) == 60
    data = path.read_bytes()
    counts = []
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(data[: int(share * len(data))])
        counts.append(len(played(path)))
    assert counts == pytest.approx([18, 36, 57], abs=3)


class Filling:
    """A file on a disk that has room for so many bytes; it takes a part of what goes beyond, as systems do."""

    def __init__(self, stream: BinaryIO, room: int) -> None:
        self._stream, self.room = stream, room

    def write(self, data: Any) -> int:
        free = max(self.room - self._stream.tell(), 0)
        if not free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._stream.write(data[:free])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@pytest.mark.parametrize("room", [700, 9_000, 14_001])
def test_on_a_full_disk_what_there_is_plays(tmp_path: Path, room: int) -> None:
    path, count = tmp_path / "a.webm", 0
    with path.open("wb", buffering=0) as stream:
        webm = WebmWriter(Filling(stream, room), SIZE, 25.0)  # type: ignore[arg-type]
        with pytest.raises(OSError, match="No space"):
            for _ in range(1000):
                webm.add(key_frame(picture(count % 200)))
                count += 1
        webm.close()
    assert webm.count == count > 0
    assert len(played(path)) == count
    assert path.stat().st_size <= room
    found = elements(path.read_bytes())
    assert [name for name, *_ in found].count(BLOCK) == count, "no half picture is left"


def test_without_room_for_the_head_nothing_is_begun(tmp_path: Path) -> None:
    with (tmp_path / "a.webm").open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space"):
        WebmWriter(Filling(stream, 100), SIZE, 25.0)  # type: ignore[arg-type]


def test_only_webp_with_a_vp8_picture_will_do() -> None:
    with pytest.raises(ValueError, match="no VP8"):
        vp8_of(b"RIFF\x0c\0\0\0WEBPVP8L\x02\0\0\0ab")
    assert vp8_of(b"RIFF\0\0\0\0WEBPVP8X\x03\0\0\0abc\0VP8 \x02\0\0\0de") == b"de"
