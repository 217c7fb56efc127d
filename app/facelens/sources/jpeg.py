"""What the header of a JPEG picture promises, and whether the rest of it can hold that."""

from __future__ import annotations

from facelens.types import Image

LEAST_BYTES = 1 / 400
"""Bytes that a pixel takes at least. The plainest blocks of 8 x 8 take 2 bits each, 12 bits for 256 pixels with their
colours at half the size, which is a byte for 170 pixels; this is less than half of that."""
LONGEST = 8.0
"""A stream whose pictures suddenly become so many times as long as they are wide does not exist."""
_ALONE = (0x01, *range(0xD0, 0xD8))
"""Markers without a length."""
_NO_FRAME = (0xC4, 0xC8, 0xCC)
"""Of the markers C0 to CF those that tell no size."""


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height in px as the header says (ITU-T T.81, B.2.2); None where it does not come to that."""
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _ALONE:
            place += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = int.from_bytes(data[place + 5 : place + 7]), int.from_bytes(data[place + 7 : place + 9])
            return width, height
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return None


def is_torn(data: Image, usual: tuple[int, int] | None) -> bool:
    """Whether a picture is torn by what its header says of its size.

    Decoding would not always tell: a wrong size gives a picture of that size, with what there is in a corner of it, or
    takes all memory.

    Args:
        data: the bytes of the picture.
        usual: width and height of the pictures so far, px; None before the first.
    """
    # a header takes some hundred bytes, with a preview some ten thousand
    found = size(data[: 1 << 17].tobytes())
    if found is None or found == usual:
        return False
    width, height = found
    if min(width, height) == 0 or data.size < width * height * LEAST_BYTES:
        return True
    return usual is not None and max(width, height) > LONGEST * min(width, height)
