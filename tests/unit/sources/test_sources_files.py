"""Clips, photos, and the text that names a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facelens.errors import SourceError, SourceLostError, UsageError
from facelens.sources import CameraSource, ClipSource, DemoSource, FrameSource, PhotosSource, open_source
from facelens.sources.clip import is_address, without_password
from facelens.sources.pace import Pace
from facelens.types import Frame

WriteClip = Callable[..., Path]


def read_all(source: FrameSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


class TestClip:
    def test_every_frame_comes_once_and_in_order(self, clip_file: Path) -> None:
        with ClipSource(clip_file) as source:
            frames = read_all(source)
            assert source.fps == pytest.approx(25.0)
            assert source.frame_count == 12
            assert not source.is_live
        assert [frame.index for frame in frames] == list(range(12))
        levels = [float(frame.image.mean()) for frame in frames]
        assert levels == pytest.approx([20 + 10 * number for number in range(12)], abs=4)

    def test_its_own_rate_is_kept(self, clip_file: Path) -> None:
        with ClipSource(clip_file, paced=True) as source:
            began = time.monotonic()
            count = len(read_all(source))
            seconds = time.monotonic() - began
        assert count == 12
        assert seconds >= 11 / 25 - 0.02

    @pytest.mark.parametrize(
        ("name", "content", "why"),
        [
            ("missing.mp4", None, "no such file"),
            ("empty.mp4", b"", "empty"),
            ("text.mp4", b"this is not a clip at all\n" * 40, "not a clip"),
        ],
    )
    def test_what_is_no_clip_is_named(self, tmp_path: Path, name: str, content: bytes | None, why: str) -> None:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SourceError, match=why) as caught:
            ClipSource(path).open()
        assert name in str(caught.value)
        assert caught.value.remedy

    def test_a_folder_is_no_clip(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="folder"):
            ClipSource(tmp_path).open()

    def test_a_clip_cut_off_within_its_first_picture_is_named(self, clip_file: Path, tmp_path: Path) -> None:
        short = tmp_path / "short.avi"
        short.write_bytes(clip_file.read_bytes()[:300])
        with pytest.raises(SourceError, match=r"short\.avi cannot be opened"):
            ClipSource(short).open()

    def test_a_clip_that_breaks_off_gives_what_it_has_and_says_so(self, write_clip: WriteClip, tmp_path: Path) -> None:
        whole = write_clip(tmp_path / "whole.avi", frames=40).read_bytes()
        broken = tmp_path / "broken.avi"
        broken.write_bytes(whole[: len(whole) // 2])
        with ClipSource(broken) as source:
            frames: list[Frame] = []
            with pytest.raises(SourceLostError, match="of 40 frames"):
                frames.extend(iter(source.read, None))
        assert 5 < len(frames) < 30

    def test_a_name_with_a_percent_sign_is_one_file(self, clip_file: Path, tmp_path: Path) -> None:
        odd = clip_file.rename(tmp_path / "clip %02d é.avi")
        with ClipSource(odd) as source:
            assert len(read_all(source)) == 12


class TestPhotos:
    def test_a_folder_is_read_in_order(self, photo_folder: Path) -> None:
        with PhotosSource([photo_folder]) as source:
            frames = read_all(source)
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
        assert [int(frame.image[0, 0, 0]) for frame in frames] == [20, 30, 40, 50, 60]

    def test_a_bad_picture_is_left_out_and_kept_with_its_error(self, photo_folder: Path) -> None:
        bad = photo_folder / "2.png"
        bad.write_bytes(b"no picture")
        with PhotosSource([photo_folder]) as source:
            frames = read_all(source)
            assert [path for path, _ in source.failures] == [bad]
        assert [int(frame.image[0, 0, 0]) for frame in frames] == [20, 30, 50, 60]

    def test_nothing_to_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="there is no picture"):
            PhotosSource([tmp_path]).open()
        (tmp_path / "bad.jpg").write_bytes(b"no picture")
        with pytest.raises(SourceError, match=r"bad\.jpg"):
            PhotosSource([tmp_path]).open()


class TestPace:
    def test_the_first_tick_is_at_once_and_the_rest_in_time(self) -> None:
        pace = Pace(50.0)
        began = time.monotonic()
        assert pace.wait()
        assert time.monotonic() - began < 0.015
        assert all(pace.wait() for _ in range(5))
        assert time.monotonic() - began >= 0.1 - 0.002

    def test_a_wait_is_ended_from_another_thread(self) -> None:
        pace = Pace(0.01)
        assert pace.wait()
        results: list[bool] = []
        thread = threading.Thread(target=lambda: results.append(pace.wait()))
        thread.start()
        pace.interrupt()
        thread.join(5)
        assert results == [False]


class TestOpenSource:
    def test_demo(self) -> None:
        demo = open_source("demo")
        assert isinstance(demo, DemoSource)
        assert demo.is_live
        several = open_source("demo:5", paced=False, size=(640, 480))
        assert isinstance(several, DemoSource)
        assert (several.faces, several.size, several.is_live) == (5, (640, 480), False)
        with pytest.raises(UsageError, match="1 to 20"):
            open_source("demo:21")

    @pytest.mark.parametrize(
        ("text", "which"),
        [("camera", None), ("camera:", None), ("camera:2", 2), ("camera:USB Camera: 2", "USB Camera: 2")],
    )
    def test_cameras(self, text: str, which: int | str | None) -> None:
        found = open_source(text)
        assert isinstance(found, CameraSource)
        assert found.which == which

    @pytest.mark.parametrize("text", ["http://localhost/x.mjpg", "https://h/v.mp4", "rtsp://user:secret@h:554/1"])
    def test_addresses(self, text: str) -> None:
        found = open_source(text)
        assert isinstance(found, ClipSource)
        assert found.address == text
        assert "secret" not in found.name

    def test_paths(self, clip_file: Path, photo_folder: Path) -> None:
        assert isinstance(open_source(str(clip_file)), ClipSource)
        assert isinstance(open_source(str(photo_folder)), PhotosSource)
        assert isinstance(open_source(str(photo_folder / "0.png")), PhotosSource)

    @pytest.mark.parametrize("text", ["nothing.mp4", "", "ftp://h/x.mp4", "demo:x"])
    def test_what_names_nothing(self, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SourceError):
            open_source(text).open()

    def test_addresses_are_told_from_paths(self) -> None:
        assert is_address("RTSP://host/1")
        assert not is_address("C:/clips/a.mp4")
        assert not is_address("folder/clip.mp4")
        assert without_password("rtsp://me:word@host:554/1?x=2") == "rtsp://host:554/1?x=2"
