"""Which camera is meant, why one is refused, and that opening never waits for ever.

Frames from a camera are tested on OpenCV's real V4L2 code by tests/end_to_end/test_cameras.py.
"""

from __future__ import annotations

import os
import threading

import cv2
import pytest

from facelens.errors import CameraBusyError, CameraMissingError, SourceError
from facelens.sources import CameraInfo, CameraSource, camera, capture, list_cameras


class TestCameraNames:
    """The names come from the system; here from a list."""

    CAMERAS = (CameraInfo(0, "Integrated Webcam", 0), CameraInfo(2, "USB Camera", 0), CameraInfo(4, "USB Camera HD", 0))

    @pytest.fixture(autouse=True)
    def _listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(camera, "list_cameras", lambda: self.CAMERAS)

    @pytest.mark.parametrize(
        ("which", "index"), [(None, 0), (2, 2), (7, 7), ("usb camera", 2), ("USB Camera HD", 4), ("webcam", 0)]
    )
    def test_a_camera_is_found(self, which: int | str | None, index: int) -> None:
        assert camera.find_camera(which).index == index

    def test_an_unknown_name_tells_what_there_is(self) -> None:
        with pytest.raises(CameraMissingError, match=r"Integrated Webcam.*camera:2") as caught:
            camera.find_camera("Logitech")
        assert "Logitech" in str(caught.value)

    def test_a_part_that_fits_several_is_refused(self) -> None:
        with pytest.raises(SourceError, match="not one camera"):
            camera.find_camera("USB")

    def test_without_any_camera_the_demo_is_offered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(camera, "list_cameras", lambda: ())
        with pytest.raises(CameraMissingError, match="Plug a camera in, or choose the source demo"):
            camera.find_camera("any")


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
            capture.open_within(0.05, opener, "It cannot be opened", "Try again")
        # should it come after all, nobody holds it
        answer.set()
        assert released.wait(5)

    def test_what_the_opener_raises_is_raised(self) -> None:
        def opener() -> cv2.VideoCapture:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            capture.open_within(5, opener, "It cannot be opened", "Try again")

    def test_reads_of_a_stalled_camera_are_limited(self) -> None:
        assert 0 < int(os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"]) <= 10
