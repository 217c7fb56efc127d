"""What the header of a JPEG picture tells, and pictures that are torn by it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from servers import jpeg, picture, retold

from facelens.sources.capture import unpack
from facelens.sources.jpeg import is_torn, size

SIZE = (160, 120)


def as_array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@pytest.mark.parametrize("progressive", [0, 1])
def test_the_size_is_read(progressive: int) -> None:
    data = cv2.imencode(".jpg", picture(1, (320, 96)), [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    assert size(data) == (320, 96)
    # bytes may be filled in between markers, and a comment may stand before the rest
    assert size(data[:2] + b"\xff\xfe\x00\x06abcd" + b"\xff\xff" + data[2:]) == (320, 96)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", jpeg(1)[:100], b"no picture at all", b"\xff\xd8" + b"\xff" * 50])
def test_what_tells_no_size_is_left_to_the_decoder(data: bytes) -> None:
    assert size(data) is None
    assert not is_torn(as_array(data), SIZE)


@pytest.mark.parametrize("quality", [1, 40, 95])
@pytest.mark.parametrize("shape", [(16, 16), (4096, 2160), (4096, 4096)])
def test_the_plainest_picture_is_none(quality: int, shape: tuple[int, int]) -> None:
    flat = np.zeros((shape[1], shape[0], 3), np.uint8)
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    data = cv2.imencode(".jpg", flat, settings)[1]
    assert not is_torn(data, SIZE)


@pytest.mark.parametrize("usual", [SIZE, None])
@pytest.mark.parametrize("told", [(65500, 65500), (30000, 30000), (160, 65000), (0, 120), (160, 0)])
def test_more_than_the_bytes_can_hold_is_torn(told: tuple[int, int], usual: tuple[int, int] | None) -> None:
    data = as_array(retold(jpeg(3), *told))
    assert is_torn(data, usual)
    assert unpack(data[None], True, usual) is None


def test_a_sudden_size_may_be_long_only_where_it_is_usual() -> None:
    data = as_array(jpeg(3, (160, 16)))
    assert is_torn(data, SIZE)
    assert not is_torn(data, (160, 16))
    assert not is_torn(data, None)
    assert not is_torn(as_array(jpeg(3, (120, 160))), SIZE)
