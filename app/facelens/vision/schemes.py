"""Landmark schemes: 15 and 5 points read from the 68."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facelens.types import Landmarks, Scheme

_IBUG_RIGHT_EYE, _IBUG_LEFT_EYE = range(36, 42), range(42, 48)

# Each point of a scheme is the mean of these iBUG points (0-based).
FIVE: tuple[tuple[int, ...], ...] = (tuple(_IBUG_RIGHT_EYE), tuple(_IBUG_LEFT_EYE), (30,), (48,), (54,))
KAGGLE15: tuple[tuple[int, ...], ...] = (
    tuple(_IBUG_LEFT_EYE),  # left_eye_center
    tuple(_IBUG_RIGHT_EYE),  # right_eye_center
    (42,), (45,),  # left_eye_inner_corner, left_eye_outer_corner
    (39,), (36,),  # right_eye_inner_corner, right_eye_outer_corner
    (22,), (26,),  # left_eyebrow_inner_end, left_eyebrow_outer_end
    (21,), (17,),  # right_eyebrow_inner_end, right_eyebrow_outer_end
    (30,),  # nose_tip
    (54,), (48,),  # mouth_left_corner, mouth_right_corner
    (51,), (57,),  # mouth_center_top_lip, mouth_center_bottom_lip
)  # fmt: skip
"""Columns of Kaggle's Facial Keypoints Detection, in order; left is the subject's left."""


def _shares(groups: tuple[tuple[int, ...], ...]) -> npt.NDArray[np.float32]:
    """How much of each of the 68 points is in each point of a scheme."""
    shares = np.zeros((len(groups), 68), np.float32)
    for row, group in enumerate(groups):
        shares[row, list(group)] = 1 / len(group)
    return shares


SHARES = {"five": _shares(FIVE), "kaggle15": _shares(KAGGLE15)}
"""Points of the scheme x 68: times the 68 points they give those of the scheme."""

FLIP68: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    27, 28, 29, 30,
    35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46,
    39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55,
    64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""Where each iBUG point goes when the picture is mirrored."""

FLIP5: tuple[int, ...] = (1, 0, 2, 4, 3)


def to_scheme(landmarks: Landmarks, scheme: Scheme) -> Landmarks | None:
    """The same face in another scheme; None where the wanted scheme has points that these cannot give."""
    if landmarks.scheme == scheme:
        return landmarks
    if landmarks.scheme != "ibug68":
        return None
    shares = SHARES[scheme]
    # points of one feature err together, so their mean is no surer than they are
    spread = None if landmarks.spread is None else shares @ landmarks.spread
    return Landmarks(shares @ landmarks.points, scheme, spread)
