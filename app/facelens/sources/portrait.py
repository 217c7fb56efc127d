"""The bundled portrait as a figure to be placed anywhere: cut from its background, with a face whose place is known.

All coordinates are pixels of ``samples/astronaut.jpg``, 512 x 512.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facelens.resources import asset
from facelens.sources.bands import bands
from facelens.types import Image

FIVE = np.array([[203.2, 100.9], [246.4, 102.9], [224.6, 126.4], [203.5, 139.6], [244.1, 140.7]])
"""The five points, measured by hand on the enlarged picture."""
FACE_CENTRE = np.array([225.0, 120.5])
FACE_RADII = np.array([47.0, 58.5])
"""The face as an ellipse: from cheek to cheek, from the hair line under the fringe to the chin."""
FACE_HEIGHT = float(2 * FACE_RADII[1])
HEAD_CENTRE = np.array([227.0, 98.0])
HEAD_RADIUS = 86.0
"""A circle around the whole head, hair and chin included."""
OUTLINE = np.array(
    [
        (193, 29), (188, 36), (174, 43), (163, 51), (157, 57), (153, 68), (154, 93), (156, 101), (162, 110), (170, 116),
        (172, 125), (179, 131), (183, 136), (184, 146), (182, 149), (156, 150), (140, 158), (131, 167), (129, 172),
        (124, 177), (121, 183), (120, 198), (118, 200), (115, 200), (113, 204), (108, 208), (107, 211), (103, 215),
        (100, 216), (90, 227), (84, 230), (76, 238), (47, 277), (40, 293), (39, 305), (34, 315), (34, 319), (29, 332),
        (29, 336), (26, 342), (25, 375), (22, 379), (19, 390), (20, 419), (24, 432), (23, 441), (24, 471), (26, 484),
        (28, 488), (28, 494), (21, 502), (24, 508), (24, 511), (506, 511), (508, 500), (509, 484), (507, 470),
        (504, 458), (497, 448), (494, 418), (488, 400), (476, 384), (455, 361), (436, 351), (418, 345), (393, 344),
        (381, 345), (374, 348), (365, 348), (360, 344), (360, 333), (362, 331), (357, 323), (356, 302), (352, 291),
        (352, 287), (347, 282), (346, 275), (342, 266), (333, 254), (330, 253), (319, 243), (312, 240), (303, 233),
        (298, 217), (292, 207), (281, 194), (270, 184), (254, 174), (255, 163), (258, 155), (263, 148), (266, 137),
        (275, 134), (279, 128), (290, 117), (296, 107), (296, 103), (300, 93), (299, 72), (296, 65), (294, 55),
        (288, 43), (276, 31), (246, 18), (238, 18), (236, 16), (227, 16), (223, 18), (219, 18), (214, 21), (205, 21),
    ]
)  # fmt: skip
"""Head, suit and helmet; found with GrabCut (Rother et al., SIGGRAPH 2004), corrected by hand at chin and helmet."""
BELOW = 192
"""Rows added under the picture (its mirror image: more suit), for a figure that leans or sits far away."""
BOTTOM = 512 + BELOW
HEADROOM = 0.7
"""The lit copies are stored this much darker, so that the brighter side does not clip before it is mixed."""
LAMPS = ((0.92, 1.0, 1.06), (1.07, 1.0, 0.95))
"""Colour (blue, green, red) of the light from the viewer's left and right."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """The figure at one resolution.

    ``left`` and ``right``: rows x columns x 4, lit from that side; colour times opacity times ``HEADROOM``, the fourth
    channel unused. ``clear``: 255 where the figure is not. ``scale``: pixels of these per portrait pixel.
    """

    left: Image
    right: Image
    clear: npt.NDArray[np.uint8]
    scale: int


def load_figure(scale: int) -> Figure:
    """The figure, enlarged ``scale`` times (1 or 2) so that a face that fills the frame stays smooth."""
    picture = cv2.imread(str(asset("samples/astronaut.jpg")), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"{asset('samples/astronaut.jpg')} is missing or not a picture")
    picture = cv2.copyMakeBorder(picture, 0, BELOW, 0, 0, cv2.BORDER_REFLECT)
    if scale > 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    opacity = cv2.copyMakeBorder(_opacity(scale), 0, BELOW * scale, 0, 0, cv2.BORDER_REFLECT)
    columns = (np.arange(picture.shape[1]) / scale - FACE_CENTRE[0]) / 340.0
    ramp = np.clip(columns, -0.5, 0.5)[None, :, None]
    lights = [((1.0 + 0.75 * way * ramp) * np.array(lamp)).astype(np.float32) for way, lamp in zip((-1.0, 1.0), LAMPS)]
    left, right = (np.empty((*opacity.shape, 4), np.uint8) for _ in lights)
    clear = np.empty(opacity.shape, np.uint8)
    for rows in bands(len(opacity)):
        solid = picture[rows].astype(np.float32) * (opacity[rows, :, None] * HEADROOM)
        for side, light in zip((left, right), lights):
            side[rows] = cv2.cvtColor(cv2.convertScaleAbs(solid * light), cv2.COLOR_BGR2BGRA)
        clear[rows] = np.round((1.0 - opacity[rows]) * 255)
    return Figure(left, right, clear, scale)


def _opacity(scale: int) -> npt.NDArray[np.float32]:
    """Opacity 0..1 of the picture's own rows, with an edge about two pixels soft."""
    mask = np.zeros((512 * scale, 512 * scale), np.uint8)
    corners = np.round(((OUTLINE + 0.5) * scale - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, 4)
    # a little inwards, so that no rim of the old background shows, except where the picture ends
    frame = cv2.copyMakeBorder(mask, 4, 4, 4, 4, cv2.BORDER_REPLICATE)
    frame = cv2.GaussianBlur(frame, (0, 0), 1.0 * scale)[4:-4, 4:-4]
    opacity = frame.astype(np.float32)
    opacity /= 255
    opacity -= 0.35
    opacity /= 0.6
    return np.clip(opacity, 0, 1, out=opacity)
