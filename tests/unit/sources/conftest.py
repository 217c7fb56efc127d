"""What the tests of sources share: clips, a folder of pictures, and network cameras on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

# test modules are imported one by one, so what they share must be on the path
sys.path.insert(0, str(Path(__file__).parent))

from servers import SIZE, FileServer, MjpegServer, RtspServer, picture


@pytest.fixture
def write_clip() -> Callable[..., Path]:
    def write(path: Path, frames: int = 12, fps: float = 25.0, codec: str = "MJPG") -> Path:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, SIZE)
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


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    with RtspServer() as server:
        yield server


@pytest.fixture
def clip_address(clip_file: Path) -> Iterator[str]:
    """The clip of 12 frames on a server."""
    with FileServer(clip_file) as server:
        yield server.address
