"""Clips, photos, and the text that names a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from servers import DyingServer, FileServer

from facelens.errors import SourceError, SourceLostError, UsageError
from facelens.sources import (
    CameraSource,
    ClipSource,
    DemoSource,
    FrameSource,
    PhotosSource,
    SteadySource,
    Wishes,
    is_camera,
    open_source,
)
from facelens.sources.clip import is_address, without_password
from facelens.sources.pace import Pace
from facelens.sources.photos import APART_SECONDS
from facelens.sources.timeline import Timeline
from facelens.types import Frame

WriteClip = Callable[..., Path]


def read_all(source: FrameSource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def spoil(whole: Path, broken: Path) -> None:
    """A copy of a clip, with the part from 40 to 50 % of its bytes lost."""
    data = bytearray(whole.read_bytes())
    begin, end = int(0.4 * len(data)), int(0.5 * len(data))
    data[begin:end] = bytes(end - begin)
    broken.write_bytes(data)


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

    def test_a_frame_tells_its_time_in_the_clip(self, clip_file: Path) -> None:
        with ClipSource(clip_file) as source:
            moments = [frame.moment for frame in read_all(source)]
            source.seek(0.2)
            frame = source.read()
            assert frame is not None
            assert frame.moment == source.position == pytest.approx(0.2)
        assert moments == pytest.approx([number / 25 for number in range(12)])

    def test_a_clip_that_opencv_cannot_bear_is_named(self, clip_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(*arguments: object) -> None:
            raise cv2.error("odd")

        monkeypatch.setattr(cv2, "VideoCapture", failing)
        with pytest.raises(SourceError, match="its form is not understood"):
            ClipSource(clip_file).open()

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

    @pytest.mark.parametrize(
        ("ending", "codec", "lost"), [("avi", "MJPG", 25), ("mp4", "mp4v", 60), ("mkv", "mp4v", 40)]
    )
    def test_a_broken_middle_is_left_out_with_one_notice(
        self, write_clip: WriteClip, tmp_path: Path, ending: str, codec: str, lost: int
    ) -> None:
        whole = write_clip(tmp_path / f"whole.{ending}", frames=150, codec=codec)
        with ClipSource(whole) as source:
            last = read_all(source)[-1]
            assert source.notice is None
        broken = tmp_path / f"broken.{ending}"
        spoil(whole, broken)
        told: list[str] = []
        source = ClipSource(broken)
        source.on_notice = lambda: told.append(str(source.notice))
        with source:
            frames = read_all(source)
            numbers = [frame.index for frame in frames]
        assert 150 - lost <= len(frames) < 150
        assert numbers == sorted(set(numbers))
        assert abs(frames[-1].image.astype(int) - last.image).mean() < 4, "the end of the clip was reached"
        assert len(told) == 1
        assert f"broken.{ending} is damaged" in told[0]

    def test_a_seek_into_a_broken_part_goes_on_behind_it(self, write_clip: WriteClip, tmp_path: Path) -> None:
        path = write_clip(tmp_path / "clip.mp4", frames=150, codec="mp4v")
        spoil(path, path)
        with ClipSource(path) as source:
            source.seek(2.8)
            frame = source.read()
            assert frame is not None
            assert frame.index > 70
            assert source.position > 2.8
            source.seek(1.0)
            frame = source.read()
            assert frame is not None
            assert frame.index == 25

    def test_a_wait_for_the_time_of_a_picture_is_interrupted(self, write_clip: WriteClip, tmp_path: Path) -> None:
        source = ClipSource(write_clip(tmp_path / "slow.avi", fps=0.5), paced=True)
        with source:
            assert source.read() is not None
            threading.Timer(0.1, source.interrupt).start()
            began = time.monotonic()
            assert source.read() is None
            assert time.monotonic() - began < 1.0

    def test_a_name_with_a_percent_sign_is_one_file(self, clip_file: Path, tmp_path: Path) -> None:
        odd = clip_file.rename(tmp_path / "clip %02d é.avi")
        with ClipSource(odd) as source:
            assert len(read_all(source)) == 12


class TestClipOnAServer:
    @pytest.mark.parametrize("share", [0.4, 0.9])
    def test_a_server_that_dies_is_not_a_damaged_clip(
        self, write_clip: WriteClip, tmp_path: Path, share: float
    ) -> None:
        path = write_clip(tmp_path / "clip.avi", frames=120)
        with DyingServer(path, share) as server, ClipSource(server.address) as source:
            assert not source.is_live
            server.dead = True
            with pytest.raises(SourceLostError, match=r"broke off: the connection broke") as caught:
                read_all(source)
        assert "Check the address" in caught.value.remedy

    def test_one_that_comes_back_has_lost_its_connection_all_the_same(
        self, write_clip: WriteClip, tmp_path: Path
    ) -> None:
        path = write_clip(tmp_path / "clip.avi", frames=120)
        with DyingServer(path, 0.9) as server, ClipSource(server.address) as source:
            frame = source.read()
            assert frame is not None
            server.share = 1.0
            with pytest.raises(SourceLostError, match=r"broke off: the connection broke"):
                read_all(source)

    @pytest.mark.parametrize("more", [0, 10])
    def test_one_that_gives_all_there_is_has_come_to_its_end(
        self, write_clip: WriteClip, tmp_path: Path, more: int
    ) -> None:
        path = write_clip(tmp_path / "clip.avi", frames=120)
        data = path.read_bytes()
        # the length in the header of the stream, which promises more than there is
        header = data.index(b"strh")
        length = slice(header + 8 + 32, header + 8 + 36)
        assert int.from_bytes(data[length], "little") == 120
        path.write_bytes(data[: length.start] + (120 + more).to_bytes(4, "little") + data[length.stop :])
        with FileServer(path) as server, ClipSource(server.address) as source:
            assert source.frame_count == 120 + more
            assert len(read_all(source)) == 120
            assert source.notice is None


class TestPhotos:
    def test_a_folder_is_read_in_order(self, photo_folder: Path) -> None:
        with PhotosSource([photo_folder]) as source:
            frames = read_all(source)
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
        assert [int(frame.image[0, 0, 0]) for frame in frames] == [20, 30, 40, 50, 60]
        moments = [frame.moment for frame in frames]
        assert moments == [number * APART_SECONDS for number in range(5)], "whoever is on them is not followed"

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

    def test_ticks_at_times_of_their_own(self) -> None:
        pace = Pace(100.0)
        began = time.monotonic()
        assert all(pace.wait(seconds) for seconds in (5.0, 0.02, 0.0, 0.06))
        assert 0.08 <= time.monotonic() - began < 0.5


class TestTimeline:
    def follow(self, stamps: list[float], fps: float = 25.0, count: int = 1000) -> tuple[list[float], list[float]]:
        """Steps and what is missing before each."""
        line = Timeline(fps, count)
        steps = [(line.step(stamp), line.missing) for stamp in stamps]
        return [step for step, _ in steps], [missing for _, missing in steps]

    def test_even_pictures(self) -> None:
        steps, missing = self.follow([number / 25 for number in range(20)])
        assert steps == pytest.approx([0.0] + [0.04] * 19)
        assert not any(missing)

    def test_a_gap_in_a_clip_of_one_rate_is_a_part_that_is_missing(self) -> None:
        steps, missing = self.follow([number / 25 for number in (*range(10), 40, 41)])
        assert steps == pytest.approx([0.0] + [0.04] * 11), "nobody waits for what is missing"
        assert missing[10] == pytest.approx(30 / 25)
        assert sum(missing) == missing[10]

    def test_a_gap_in_a_clip_of_changing_rate_is_its_own(self) -> None:
        steps, missing = self.follow([0.0, 0.04, 0.1, 0.12, *(0.16 + 0.04 * n for n in range(10)), 3.0])
        assert not any(missing)
        assert steps[-1] == pytest.approx(3.0 - 0.52)

    def test_times_that_make_no_sense_count_as_even(self) -> None:
        steps, missing = self.follow([0.0, 0.0, 0.0, 1e6, 0.04], count=10)
        assert steps == pytest.approx([0.0, 0.04, 0.04, 0.04, 0.04])
        assert not any(missing)

    def test_what_is_left_and_where_it_is(self) -> None:
        line = Timeline(25.0, 100)
        assert line.duration == pytest.approx(4.0)
        line.jump(2.0)
        assert line.number == 50
        assert line.step(2.0) == 0.0
        assert line.left == pytest.approx(2.0 - 0.04)
        assert Timeline(None, 100).duration is None
        assert Timeline(None, None).left == 0.0


class TestOpenSource:
    def test_demo(self) -> None:
        demo = open_source("demo")
        assert isinstance(demo, DemoSource)
        assert demo.is_live
        several = open_source("demo:5", Wishes(paced=False, size=(640, 480)))
        assert isinstance(several, DemoSource)
        assert (several.faces, several.size, several.is_live) == (5, (640, 480), False)
        with pytest.raises(UsageError, match="1 to 20"):
            open_source("demo:21")

    @pytest.mark.parametrize(
        ("text", "which"),
        [("camera", None), ("camera:", None), ("camera:2", 2), ("camera:USB Camera: 2", "USB Camera: 2")],
    )
    def test_cameras(self, text: str, which: int | str | None) -> None:
        found = open_source(text, Wishes(size=(1920, 1080), fps=60.0))
        assert isinstance(found, SteadySource)
        camera = found.source
        assert isinstance(camera, CameraSource)
        assert (camera.which, camera.asked_size, camera.asked_fps) == (which, (1920, 1080), 60.0)

    def test_cameras_are_mirrored_and_nothing_else_unless_it_is_wished(self) -> None:
        assert is_camera("camera")
        assert is_camera("camera:2")
        assert not is_camera("demo")
        for text, usual in (("camera:USB", True), ("demo", False), ("clip.mp4", False), ("rtsp://h/1", False)):
            assert Wishes().mirrors(text) is usual
            assert Wishes(mirror=True).mirrors(text)
            assert not Wishes(mirror=False).mirrors(text)

    @pytest.mark.parametrize("text", ["http://localhost/x.mjpg", "https://h/v.mp4", "rtsp://user:secret@h:554/1"])
    def test_addresses(self, text: str) -> None:
        found = open_source(text)
        assert isinstance(found, SteadySource)
        assert isinstance(found.source, ClipSource)
        assert found.source.address == text
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
