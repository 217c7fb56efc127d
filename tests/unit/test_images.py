"""Pictures of every kind and state of damage, made here, go in; right pixels or one clear sentence come out."""

from __future__ import annotations

import errno
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps
import pytest

from facelens import images
from facelens.errors import OutputError, PictureError
from facelens.files import atomic_file

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (20, 180, 40), (30, 40, 200), (230, 220, 20)


def four_corners(width: int = 64, height: int = 48) -> PIL.Image.Image:
    """A picture whose quarters differ, so that any turn or mirror shows."""
    picture = PIL.Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(YELLOW, (width // 2, height // 2, width, height))
    return picture


def bgr(picture: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB"))[:, :, ::-1]


def encoded(picture: PIL.Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def far(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b).max())


def png(width: int, height: int, depth: int, colour: int, raw: bytes) -> bytes:
    """A PNG file with any header, whatever its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Permissions count: root reads everything, so root becomes nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def complaint(source: str | Path | bytes, *words: str) -> str:
    with pytest.raises(PictureError) as caught:
        images.load(source)
    error = caught.value
    assert error.what
    assert error.why
    assert error.remedy
    assert "\n" not in str(error)
    if isinstance(source, Path) and len(str(source)) < 200:
        assert source.name in str(error)
    for word in words:
        assert word in str(error)
    return str(error)


# right pixels


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP", "PPM", "JPEG", "GIF", "JPEG2000", "AVIF", "QOI"])
def test_every_form_gives_bgr(tmp_path: Path, form: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes(encoded(four_corners(), form, **({"lossless": True} if form == "WEBP" else {})))
    frame = images.load(path)
    assert (frame.width, frame.height, frame.index) == (64, 48, 0)
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert not frame.image.flags.writeable
    # away from the seams, where JPEG and AVIF mix neighbours
    for y, x in ((10, 10), (10, 54), (38, 10), (38, 54)):
        assert np.abs(frame.image[y, x].astype(int) - bgr(four_corners())[y, x]).max() <= 12


def test_heic(tmp_path: Path) -> None:
    import pillow_heif

    path = tmp_path / "telephone.heic"
    pillow_heif.from_pillow(four_corners(128, 96)).save(path, quality=90)
    image = images.load(path).image
    assert image.shape == (96, 128, 3)
    assert np.abs(image[20, 20].astype(int) - RED[::-1]).max() <= 12
    assert np.abs(image[80, 100].astype(int) - YELLOW[::-1]).max() <= 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(tmp_path: Path, orientation: int) -> None:
    stored = four_corners(64, 600)  # taller than a band of rows
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    stored.save(path, exif=exif)
    with PIL.Image.open(path) as picture:
        wanted = bgr(PIL.ImageOps.exif_transpose(picture))
    image = images.load(path).image
    assert image.shape == wanted.shape
    assert (image == wanted).all()
    assert image.flags.c_contiguous


def test_a_damaged_exif_block_does_not_lose_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_bytes(encoded(four_corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense"))
    assert images.load(path).image.shape == (48, 64, 3)


def test_cmyk(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    four_corners().convert("CMYK").save(path, quality=95)
    assert np.abs(images.load(path).image[10, 10].astype(int) - RED[::-1]).max() <= 12


def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (300, 1))
    path = tmp_path / "deep.png"
    PIL.Image.fromarray(ramp).save(path)
    image = images.load(path).image
    assert (image[:, :, 0] == np.arange(256)).all()
    assert (image[:, :, 0] == image[:, :, 2]).all()


def test_16_bit_colour_is_scaled_and_not_clipped() -> None:
    row = b"".join(struct.pack(">HHH", value, 65535 - value, 0x8080) for value in (0, 257 * 100, 65535))
    image = images.load(png(3, 1, 16, 2, b"\0" + row)).image
    assert image[0, :, 2].tolist() == [0, 100, 255]
    assert image[0, :, 1].tolist() == [255, 155, 0]
    assert image[0, :, 0].tolist() == [128, 128, 128]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.float32), [0, 128, 255]),
        (np.array([[0, 32768, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 500_000, 1_000_000]], np.int32), [0, 127, 255]),
        (np.array([[-5, np.nan, 200]], np.float32), [0, 0, 200]),
    ],
)
def test_32_bit_and_floating_point(values: npt.NDArray[np.generic], wanted: list[int]) -> None:
    image = images.load(encoded(PIL.Image.fromarray(values), "TIFF")).image
    assert image[0, :, 1].tolist() == wanted


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette(mode: str) -> None:
    picture = four_corners().convert(mode)
    assert (images.load(encoded(picture, "PNG")).image == bgr(picture)).all()


def test_transparent_pixels_become_mid_grey() -> None:
    picture = four_corners().convert("RGBA")
    picture.putpixel((0, 0), (255, 255, 255, 0))
    picture.putpixel((1, 0), (0, 0, 0, 128))
    image = images.load(encoded(picture, "PNG")).image
    assert image[0, 0].tolist() == [images.BACKGROUND] * 3
    assert image[0, 1].tolist() == [64] * 3
    assert image[10, 10].tolist() == list(RED[::-1])


def test_a_transparent_palette_entry() -> None:
    picture = four_corners().quantize(4)
    index = picture.getpixel((0, 0))
    image = images.load(encoded(picture, "GIF", transparency=index)).image
    assert image[0, 0].tolist() == [images.BACKGROUND] * 3
    assert image[47, 63].tolist() != [images.BACKGROUND] * 3


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_several(form: str) -> None:
    first, second = PIL.Image.new("RGB", (20, 10), RED), PIL.Image.new("RGB", (20, 10), BLUE)
    image = images.load(encoded(first, form, save_all=True, append_images=[second])).image
    assert np.abs(image[5, 5].astype(int) - RED[::-1]).max() <= 6


def test_one_pixel() -> None:
    assert images.load(encoded(PIL.Image.new("RGB", (1, 1), BLUE), "PNG")).image.tolist() == [[list(BLUE[::-1])]]


def test_108_million_pixels(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    PIL.Image.new("L", (12_000, 9_000), 77).save(path)
    frame = images.load(path)
    assert (frame.width, frame.height) == (12_000, 9_000)
    assert frame.image[8_999, 11_999].tolist() == [77, 77, 77]
    # other users of Pillow in the process keep their own limit
    assert PIL.Image.MAX_IMAGE_PIXELS == 89_478_485


def test_the_content_decides_not_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "really-a.png"
    path.write_bytes(encoded(four_corners(), "JPEG"))
    assert images.load(path).image.shape == (48, 64, 3)


def test_any_name_and_any_kind_of_source(tmp_path: Path) -> None:
    data = encoded(four_corners(), "PNG")
    path = tmp_path / "Été 写真 🙂 'quoted' %s.png"
    path.write_bytes(data)
    wanted = bgr(four_corners())
    with path.open("rb") as stream:
        assert (images.load(stream).image == wanted).all()
    for source in (path, str(path), data, io.BytesIO(data)):
        assert (images.load(source).image == wanted).all()


# one clear sentence


def test_missing(tmp_path: Path) -> None:
    complaint(tmp_path / "none.jpg", "there is no such file")


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    complaint(tmp_path / "file" / "none.jpg", "Not a directory")


def test_folder(tmp_path: Path) -> None:
    complaint(tmp_path, "folder")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    complaint(path, "empty")


@pytest.mark.parametrize("data", [b"hello, world\n" * 20, b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg></svg>", bytes(5000)])
def test_not_a_picture(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "text.jpg"
    path.write_bytes(data)
    complaint(path, "not a picture")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_truncated(tmp_path: Path, form: str, share: float) -> None:
    rng = np.random.default_rng(0)
    picture = PIL.Image.fromarray(rng.integers(0, 255, (200, 200, 3), np.uint8))
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    data = encoded(picture, form)
    path = tmp_path / "cut"
    path.write_bytes(data[: int(len(data) * share)])
    complaint(path)


def test_every_prefix_of_a_small_file_is_refused_or_read() -> None:
    """Nothing but PictureError comes out, wherever the file is cut."""
    data = encoded(four_corners(16, 16), "PNG")
    refused = 0
    for end in range(len(data)):
        try:
            images.load(data[:end])
        except PictureError:
            refused += 1
    assert refused > len(data) // 2


def test_damaged_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(1)
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "GIF"):
        data = bytearray(encoded(four_corners(), form))
        for _ in range(60):
            broken = bytearray(data)
            for place in rng.integers(0, len(data), 4):
                broken[place] = int(rng.integers(256))
            try:
                frame = images.load(bytes(broken), limit_pixels=10_000_000)
            except PictureError:
                continue
            assert frame.image.ndim == 3


def test_decompression_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(60_000, 60_000, 1, 0, b""))
    complaint(path, "60000 x 60000", "limit")


def test_the_limit_is_the_callers() -> None:
    data = encoded(four_corners(), "PNG")
    with pytest.raises(PictureError, match="64 x 48"):
        images.load(data, limit_pixels=1000)
    assert images.load(data, limit_pixels=64 * 48).width == 64


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(four_corners(), "PNG"))
    path.chmod(0)
    with as_nobody():
        complaint(path, "may not read")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    complaint(path, "not a regular file")


def test_a_path_of_5000_characters(tmp_path: Path) -> None:
    path = tmp_path.joinpath(*["a" * 200] * 25, "picture.png")
    said = complaint(path, "longer than the system allows")
    assert len(said) < 500


def test_a_name_no_file_can_have() -> None:
    complaint("a\0b.png", "no file can have that name")


# in folders


def test_folders_are_searched_in_natural_order(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("10.jpg", "2.JPG", "1.png", "notes.txt", ".hidden.jpg", "below/0.webp"):
        (tmp_path / name).touch()
    assert [p.name for p in images.find_pictures([tmp_path])] == ["1.png", "2.JPG", "10.jpg"]
    everything = images.find_pictures([str(tmp_path)], recursive=True)
    assert [p.relative_to(tmp_path).as_posix() for p in everything] == ["1.png", "2.JPG", "10.jpg", "below/0.webp"]


def test_files_are_taken_as_given_and_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    odd, missing = tmp_path / "notes.txt", tmp_path / "missing"
    odd.touch()
    found = images.find_pictures([missing, odd, tmp_path, tmp_path / "a.jpg"])
    assert found == [missing, odd, tmp_path / "a.jpg"]


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    above = [tmp_path, *tmp_path.parents[:2]]  # pytest keeps these to their owner
    modes = [folder.stat().st_mode for folder in above]
    try:
        for folder in above:
            folder.chmod(0o755)
        with as_nobody(), pytest.raises(PictureError, match="locked"):
            images.find_pictures([locked])
    finally:
        for folder, mode in zip(above, modes):
            folder.chmod(mode)


# out to files


@pytest.mark.parametrize("ending", sorted(images.SAVE_FORMATS))
def test_saved_pictures_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending.upper()}"
    image = bgr(four_corners())
    images.save(path, image)
    assert far(images.load(path).image[8:16, 8:16], image[8:16, 8:16]) <= 12
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if ending not in (".jpg", ".jpeg", ".webp"):
        assert (images.load(path).image == image).all()


def test_a_saved_picture_is_as_readable_as_any_other_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    images.save(tmp_path / "out.png", bgr(four_corners()))
    assert (tmp_path / "out.png").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none/out.png", "there is no folder"),
        ("out.xyz", "names no picture format"),
        ("out", "no ending"),
        ("folder.png", "a folder has that name"),
        ("file/out.png", "is not a folder"),
        ("a" * 300 + ".png", "longer than the system allows"),
    ],
)
def test_where_nothing_can_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=words):
        images.save(tmp_path / name, bgr(four_corners()))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    with as_nobody(), pytest.raises(OutputError, match="may not be written"):
        images.save(tmp_path / "out.png", bgr(four_corners()))


def test_too_large_for_the_format(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="JPEG cannot hold it"):
        images.save(tmp_path / "long.jpg", np.zeros((1, 70_000, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


DISK_FULL = """
import resource, sys
import numpy as np
from facelens import images
from facelens.errors import OutputError
noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    images.save(sys.argv[1], noise)
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_write_that_breaks_off_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"the old one")
    done = subprocess.run([sys.executable, "-c", DISK_FULL, str(path)], capture_output=True, text=True, check=True)
    assert "Cannot write the picture" in done.stdout
    assert path.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the disk is full"), atomic_file(tmp_path / "out") as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_device_that_is_full_is_written_to_and_never_replaced() -> None:
    with pytest.raises(OutputError, match="the disk is full"), atomic_file("/dev/full") as stream:
        stream.write(b"x" * 100_000)
    assert not Path("/dev/full").is_file()
    assert Path("/dev/full").exists()


def test_another_error_passes_through_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), atomic_file(tmp_path / "out") as stream:
        stream.write(b"half")
        raise KeyError("mine")
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "out.png")
    images.save(tmp_path / "link.png", bgr(four_corners()))
    assert (tmp_path / "link.png").is_symlink()
    assert images.load(tmp_path / "real" / "out.png").width == 64
