"""Pictures in and out of files: any bytes to a Frame, and a picture to a file in one step. The only user of Pillow."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from facelens.errors import OutputError, PictureError
from facelens.files import atomic_file, shown
from facelens.types import Frame, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

LIMIT_PIXELS = 200_000_000
"""Largest picture read, in pixels: about 1.4 GB while it is decoded. A file that claims more is refused unread."""

FORMATS = (
    "JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF", "HEIF", "QOI", "SGI",
)  # fmt: skip
"""Pillow's decoders in use. Left out: those that start other programs (EPS) and those that take any bytes (TGA)."""

PICTURE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".ppm",
    ".pgm", ".pbm", ".pnm", ".ico", ".jp2", ".j2k", ".avif", ".heic", ".heif", ".hif", ".qoi", ".sgi",
})  # fmt: skip
"""Endings by which pictures are found in folders, lower case. ``load`` itself goes by the content alone."""

SAVE_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 4}),
    ".jpg": ("JPEG", {"quality": 92}),
    ".jpeg": ("JPEG", {"quality": 92}),
    ".webp": ("WEBP", {"quality": 92}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
}
BACKGROUND = 128
"""What transparent pixels become: mid grey, which neither brightens nor darkens the surroundings of a face."""

_BAND = 256
_EXIF_ORIENTATION = 0x0112
_opening = threading.Lock()


def load(source: str | Path | bytes | BinaryIO, *, limit_pixels: int = LIMIT_PIXELS) -> Frame:
    """Read a picture as a person would see it: turned by its EXIF mark, first frame of an animation, 8 bits a channel.

    The content decides what it is, not the file's name. Grey, palette, CMYK, 16-bit and transparent pictures become
    BGR; 16 bits are scaled to 8, not clipped. Colour profiles are not applied.

    Args:
        source: a path, the bytes of a file, or an open binary file (read from where it stands).
        limit_pixels: a picture of more pixels is refused before it is decoded.

    Returns:
        A Frame with index 0, captured now; its image is read-only.

    Raises:
        PictureError: missing, a folder, no permission, empty, no picture, truncated or damaged, too large.
    """
    if isinstance(source, (str, Path)):
        name = shown(source)
        with _open_file(source, name) as stream:
            return Frame(_decode(stream, name, limit_pixels), 0, time.monotonic())
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    name = shown(str(getattr(stream, "name", "") or "the picture given"))
    if not stream.seekable():
        stream = io.BytesIO(stream.read())
    return Frame(_decode(stream, name, limit_pixels), 0, time.monotonic())


def find_pictures(paths: Sequence[str | Path], recursive: bool = False) -> list[Path]:
    """The pictures that ``paths`` mean, each once, in order.

    A file is taken as it is given, whatever its name and even if it is missing: ``load`` says what is wrong with it.
    A folder gives the pictures in it (with ``recursive`` also those below it) by their endings, hidden ones left out,
    in natural order (2.jpg before 10.jpg).

    Raises:
        PictureError: a folder cannot be listed.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        for picture in _in_folder(path, recursive) if is_folder(path) else (path,):
            found.setdefault(picture)
    return list(found)


def save(path: str | Path, image: npt.NDArray[np.uint8]) -> None:
    """Write a picture (H x W x 3, BGR uint8) in the format its ending names; an older file stays until it is whole.

    Raises:
        OutputError: the ending names no format, the folder is missing or not writable, the disk is full.
    """
    path = Path(path)
    what = f"Cannot write the picture {shown(path)}"
    form, options = SAVE_FORMATS.get(path.suffix.lower(), ("", {}))
    if not form:
        why = f"the ending '{path.suffix}' names no picture format" if path.suffix else "its name has no ending"
        raise OutputError(what, why, f"Use one of {' '.join(SAVE_FORMATS)}")
    import PIL.Image

    picture = PIL.Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    encoded = io.BytesIO()
    try:
        picture.save(encoded, form, **options)
    except (OSError, ValueError) as error:  # JPEG and WebP end at 65,535 and 16,383 pixels a side
        raise OutputError(what, f"{form} cannot hold it ({error})", "Use the ending .png") from error
    with atomic_file(path, what) as stream:
        stream.write(encoded.getbuffer())


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name; False also for what no path can be."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, or a character no path can have: load tells
        return False


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key by which 2.jpg comes before 10.jpg; folders are kept together."""
    parts = re.split(r"([0-9]+)", os.fspath(path).lower().replace(os.sep, "\0"))
    return [(0, int(part)) if index % 2 else (1, part) for index, part in enumerate(parts)]


def _in_folder(folder: Path, recursive: bool) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise PictureError(
            f"Cannot look into the folder {shown(error.filename or folder)}",
            error.strerror or str(error),
            "Check its permissions",
        ) from error

    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if recursive and not name.startswith(".")]
        names = (name for name in files if not name.startswith("."))
        found += [Path(place, name) for name in names if Path(name).suffix.lower() in PICTURE_SUFFIXES]
    return sorted(found, key=_natural)


def _open_file(path: str | Path, name: str) -> BinaryIO:
    what = f"Cannot read the picture {name}"
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise PictureError(what, "it is a folder", "Give the pictures in it one by one")
        if not stat.S_ISREG(mode):  # a pipe or a device could keep the reader for ever
            raise PictureError(what, "it is not a regular file", "Copy it to a file first")
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise PictureError(what, "there is no such file", "Check the name") from error
    except PermissionError as error:
        raise PictureError(what, "you may not read it", "Change its permissions, or ask its owner") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise PictureError(
                what,
                f"the path is longer than the system allows ({len(str(path))} characters)",
                "Move it to a shorter one",
            ) from error
        raise PictureError(what, error.strerror or str(error), "Check the path and the disk") from error
    except ValueError as error:
        raise PictureError(what, f"no file can have that name ({error})", "Check the name") from error


def _decode(stream: BinaryIO, name: str, limit_pixels: int) -> Image:
    what = f"Cannot read the picture {name}"
    import PIL.Image

    try:
        start = stream.tell()
        head = stream.read(16)
        stream.seek(start)
        if not head:
            raise PictureError(what, "it is empty (0 bytes)", "Get the file again")
        with _open_picture(stream, head) as picture:
            width, height = picture.size
            if width * height > limit_pixels:
                raise PictureError(
                    what,
                    f"it has {width} x {height} = {width * height / 1e6:,.0f} million pixels, more than the limit of "
                    f"{limit_pixels / 1e6:,.0f} million",
                    "Make it smaller first",
                )
            picture.load()
            return _to_bgr(picture)
    except PictureError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise PictureError(
            what,
            "it is not a picture of a known form, or its first bytes are damaged",
            "Give JPEG, PNG, WebP, HEIC or TIFF",
        ) from error
    except MemoryError as error:
        raise PictureError(what, "there is not enough memory for it", "Make it smaller first") from error
    except Exception as error:
        # decoders meet damaged bytes with a dozen kinds of errors (OSError, SyntaxError, struct.error ...)
        why = f"it is damaged or cut short ({shown(str(error)) or type(error).__name__})"
        raise PictureError(what, why, "Get the file again, or save it anew with another program") from error


def _open_picture(stream: BinaryIO, head: bytes) -> PillowImage:
    import PIL.Image

    if head[4:8] == b"ftyp" and "HEIF" not in PIL.Image.OPEN:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    PIL.Image.init()
    # a damaged side note (EXIF, TIFF tags) is not worth a line on the console: the picture itself is judged
    warnings.filterwarnings("ignore", "Corrupt EXIF|Truncated File Read|Metadata Warning", UserWarning, r"PIL\.")
    with _opening:
        # Pillow warns from 89 million pixels on and refuses from 179; the limit here is the caller's, checked next
        before, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        try:
            return PIL.Image.open(stream, formats=[form for form in FORMATS if form in PIL.Image.OPEN])
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = before


def _orientation(picture: PillowImage) -> int:
    """The EXIF orientation, 1..8; 1 where there is none, or where the EXIF block is damaged."""
    try:
        value = int(picture.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 a broken side note must not lose the picture
        return 1
    return value if 1 <= value <= 8 else 1


def _as_stored(seen: Image, orientation: int) -> Image:
    """A view of the picture as seen, laid out as the file stores it (EXIF 2.32, tag Orientation)."""
    if orientation in (2, 3, 7):
        seen = seen[:, ::-1]
    if orientation in (3, 4, 7):
        seen = seen[::-1]
    if orientation in (5, 7):
        return seen.transpose(1, 0, 2)
    if orientation in (6, 8):
        return np.rot90(seen, 1 if orientation == 6 else -1)
    return seen


def _to_bgr(picture: PillowImage) -> Image:
    """Band by band into the turned result, so that a large picture is held only twice."""
    orientation = _orientation(picture)
    width, height = picture.size
    shape = (width, height) if orientation >= 5 else (height, width)
    seen = np.empty((*shape, 3), np.uint8)
    stored = _as_stored(seen, orientation)
    deep = picture.mode[0] in "IF"
    scale = _deep_scale(picture) if deep else 1.0
    alpha = picture.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in picture.info
    for top in range(0, height, _BAND):
        band = picture.crop((0, top, width, min(top + _BAND, height)))
        rows = stored[top : top + _BAND]
        if deep:
            grey = np.nan_to_num(np.asarray(band, np.float32) * scale)
            rows[:] = np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None]
        elif alpha:
            four = np.asarray(band.convert("RGBA"), np.uint16)
            opacity = four[:, :, 3:]
            mixed = (four[:, :, :3] * opacity + BACKGROUND * (255 - opacity) + 127) // 255
            rows[:] = mixed[:, :, ::-1]
        else:
            rows[:] = np.asarray(band.convert("RGB"))[:, :, ::-1]
    seen.flags.writeable = False
    return seen


def _deep_scale(picture: PillowImage) -> float:
    """The factor that brings a grey picture of more than 8 bits to 0..255.

    16-bit pictures have a fixed range. 32-bit and floating-point ones do not say theirs: it is the smallest of the
    usual ones (1, 255, 65535) that holds all values, else their maximum.
    """
    if picture.mode.startswith("I;16"):
        return 1 / 257
    low, high = picture.getextrema()
    largest = max(abs(float(low)), abs(float(high)))  # type: ignore[arg-type]  # one band: two numbers
    if picture.mode == "F" and largest <= 1:
        return 255.0
    usual = [limit for limit in (255.0, 65535.0) if largest <= limit]
    return 255.0 / (usual[0] if usual else largest)
