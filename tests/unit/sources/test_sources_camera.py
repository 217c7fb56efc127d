"""Which camera is meant, why one is refused, and that opening never waits for ever.

Frames from a camera are tested on OpenCV's real V4L2 code by tests/end_to_end/test_cameras.py.
"""

from __future__ import annotations

import os
import threading
import time

import cv2
import pytest

from facelens.errors import CameraBusyError, CameraMissingError, SourceError
from facelens.sources import CameraInfo, CameraSource, camera, list_cameras
from facelens.sources.capture import Door
from facelens.sources.listing import find_camera, same_camera, told_apart

PATIENCE = 10.0


class TestCameraNames:
    """The names come from the system; here from a list."""

    CAMERAS = (CameraInfo(0, "Integrated Webcam", 0), CameraInfo(2, "USB Camera", 0), CameraInfo(4, "USB Camera HD", 0))

    @pytest.mark.parametrize(
        ("which", "index"), [(None, 0), (2, 2), (7, 7), ("usb camera", 2), ("USB Camera HD", 4), ("webcam", 0)]
    )
    def test_a_camera_is_found(self, which: int | str | None, index: int) -> None:
        assert find_camera(which, self.CAMERAS).index == index

    def test_an_unknown_name_tells_what_there_is(self) -> None:
        with pytest.raises(CameraMissingError, match=r"Integrated Webcam.*camera:2") as caught:
            find_camera("Logitech", self.CAMERAS)
        assert "Logitech" in str(caught.value)

    def test_a_part_that_fits_several_is_refused(self) -> None:
        with pytest.raises(SourceError, match="not one camera"):
            find_camera("USB", self.CAMERAS)

    def test_without_any_camera_the_demo_is_offered(self) -> None:
        with pytest.raises(CameraMissingError, match="Plug a camera in, or choose the source demo"):
            find_camera("any", ())


def twin(index: int, place: str, model: str = "USB Camera") -> CameraInfo:
    return CameraInfo(index, model, 0, model, place)


class TestTwins:
    """Several cameras of one model."""

    def test_they_get_names_of_their_own_by_their_places(self) -> None:
        listed = told_apart([twin(0, "port 2"), twin(1, "port 3", "Other"), twin(2, "port 1"), twin(3, "port 4")])
        assert [camera.name for camera in listed] == ["USB Camera (2)", "Other", "USB Camera", "USB Camera (3)"]
        assert find_camera("USB Camera (2)", listed).index == 0
        # the numbers of the devices may be others after the next start, the names are not
        again = told_apart([twin(0, "port 1"), twin(5, "port 2")])
        assert {camera.name: camera.place for camera in again} == {"USB Camera": "port 1", "USB Camera (2)": "port 2"}

    def test_one_that_was_lost_is_not_taken_for_its_twin(self) -> None:
        mine, other = told_apart([twin(0, "port 1"), twin(1, "port 2")])
        assert same_camera(mine, {other.place}, told_apart([twin(1, "port 2")])) is None
        back = same_camera(mine, {other.place}, told_apart([twin(1, "port 2"), twin(4, "port 1")]))
        assert back == CameraInfo(4, "USB Camera", 0, "USB Camera", "port 1")

    def test_it_may_come_back_in_another_place_and_keeps_its_name(self) -> None:
        other, mine = told_apart([twin(0, "port 1"), twin(1, "port 2")])
        back = same_camera(mine, {other.place}, told_apart([twin(0, "port 1"), twin(1, "port 0")]))
        assert back is not None
        assert (back.place, back.name) == ("port 0", "USB Camera (2)")

    def test_another_model_in_its_place_is_another_camera(self) -> None:
        assert same_camera(twin(0, "port 1"), (), [twin(0, "port 1", "Other")]) is None


class TestCameraRefused:
    def refused(self, monkeypatch: pytest.MonkeyPatch, number: int | None) -> SourceError:
        monkeypatch.setattr(camera, "_device_error", lambda index: number)
        monkeypatch.setattr(camera.sys, "platform", "linux")
        with pytest.raises(SourceError) as caught:
            CameraSource(63).open()
        return caught.value

    def test_no_camera(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = self.refused(monkeypatch, 2)
        assert isinstance(error, CameraMissingError)
        assert "demo" in error.remedy

    def test_no_permission(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = self.refused(monkeypatch, 13)
        assert isinstance(error, CameraBusyError)
        assert "group 'video'" in error.remedy

    def test_busy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = self.refused(monkeypatch, 16)
        assert isinstance(error, CameraBusyError)
        assert "another program" in error.why

    def test_refused_without_a_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(self.refused(monkeypatch, None), CameraBusyError)


def test_cameras_are_listed_without_an_error() -> None:
    assert all(isinstance(info, CameraInfo) and info.name for info in list_cameras())


class TestOpening:
    def test_a_driver_that_does_not_answer_is_given_up(self) -> None:
        answer, released = threading.Event(), threading.Event()

        class Device:
            def release(self) -> None:
                released.set()

        def opener() -> cv2.VideoCapture:
            answer.wait()
            return Device()  # type: ignore[return-value]

        with pytest.raises(SourceError, match=r"no answer within 0\.05 s"):
            Door().open(0.05, opener, "It cannot be opened", "Try again")
        # should it come after all, nobody holds it
        answer.set()
        assert released.wait(5)

    def test_a_driver_that_hangs_is_asked_once(self) -> None:
        answer, attempts = threading.Event(), []

        class Device:
            def release(self) -> None:
                pass

        def opener() -> cv2.VideoCapture:
            attempts.append(threading.current_thread())
            assert answer.wait(PATIENCE)
            return Device()  # type: ignore[return-value]

        door = Door()
        for _ in range(4):
            with pytest.raises(SourceError, match=r"no answer within 0\.02 s"):
                door.open(0.02, opener, "It cannot be opened", "Try again")
        assert len(attempts) == 1
        threading.Timer(0.05, door.interrupt).start()
        began = time.monotonic()
        with pytest.raises(SourceError, match="stopped before it was open"):
            door.open(60, opener, "It cannot be opened", "Try again")
        assert time.monotonic() - began < 30
        door.reset()
        answer.set()
        assert isinstance(door.open(PATIENCE, opener, "It cannot be opened", "Try again"), Device)
        assert len(attempts) == 2

    def test_an_attempt_is_interrupted_at_once(self) -> None:
        answer, inside = threading.Event(), threading.Event()
        door = Door()

        def opener() -> cv2.VideoCapture:
            inside.set()
            answer.wait()
            raise AssertionError

        threading.Thread(target=lambda: inside.wait(5) and door.interrupt()).start()
        began = time.monotonic()
        with pytest.raises(SourceError, match="stopped before it was open"):
            door.open(30, opener, "It cannot be opened", "Try again")
        assert time.monotonic() - began < 5
        answer.set()

    def test_an_interrupt_that_comes_first_holds_until_the_close(self) -> None:
        source = CameraSource(63)
        source.interrupt()
        with pytest.raises(SourceError, match="stopped before it was open"):
            source.open()
        source.close()
        with pytest.raises(CameraMissingError):
            source.open()

    def test_what_the_opener_raises_is_raised(self) -> None:
        def opener() -> cv2.VideoCapture:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            Door().open(5, opener, "It cannot be opened", "Try again")

    def test_a_driver_that_fails_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(*arguments: object) -> None:
            raise cv2.error("broken driver")

        monkeypatch.setattr(cv2, "VideoCapture", failing)
        with pytest.raises(SourceError, match="its driver failed"):
            CameraSource(63).open()

    def test_reads_of_a_stalled_camera_are_limited(self) -> None:
        assert 0 < int(os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"]) <= 10
