"""Whether a camera that delivers shows anything: a picture that stands still, or one flat colour."""

from __future__ import annotations

from typing import Literal

import numpy as np

from facelens.sources.capture import cv2
from facelens.types import Image

Ailment = Literal["frozen", "black", "green", "flat"]

SECONDS = 2.0
"""For so long it must last."""
GRID = 45
"""Rows of the sample that is compared: all of a 720p picture takes ten times as long."""
FLAT = 3.0
"""Standard deviation of a channel up to which a dark or green picture is one colour: a lens under its lid has noise."""
EVEN = 0.5
"""The same for a picture of any colour that also stands still."""
DARK, GREEN = 24.0, 50.0
"""A black picture's brightest channel is below this, a green one's green above the others by this."""


def _colour(sample: Image) -> Ailment | None:
    """The one colour of a sample, None where there is more to see."""
    mean, spread = (values.ravel() for values in cv2.meanStdDev(sample))
    if spread.max() > FLAT:
        return None
    blue, green, red = mean
    if mean.max() < DARK:
        return "black"
    if green - max(blue, red) > GREEN:
        return "green"
    return "flat" if spread.max() <= EVEN else None


class Health:
    """Looks at every frame of a live source. Costs about 0.05 ms a frame, and one whole comparison in two seconds."""

    def __init__(self) -> None:
        self._sample: Image | None = None
        self._picture: Image | None = None
        self._colour: Ailment | None = None
        self._still_since = self._colour_since = self._compared_at = 0.0
        self._same = 0
        self._frozen = False

    def check(self, image: Image, now: float) -> Ailment | None:
        """What has been wrong for two seconds at ``now`` (s), the moment of the new frame ``image``."""
        step = max(min(image.shape[:2]) // GRID, 1)
        sample = np.ascontiguousarray(image[step // 2 :: step, step // 2 :: step])
        before = self._sample
        # samples of two sizes may have one shape
        same_size = self._picture is not None and self._picture.shape == image.shape
        still = before is not None and same_size and np.array_equal(before, sample)
        if still:
            self._same += 1
        else:
            self._sample = sample
            self._stands_from(image, now)
            colour = _colour(sample)
            # one even colour after another is a picture that changes
            if colour != self._colour or colour == "flat":
                self._colour, self._colour_since = colour, now
        if self._colour is not None and now - self._colour_since >= SECONDS:
            return self._colour
        return "frozen" if self._is_frozen(image, now) else None

    def _stands_from(self, image: Image, now: float) -> None:
        self._picture, self._still_since, self._same, self._frozen = image, now, 0, False

    def _is_frozen(self, image: Image, now: float) -> bool:
        # two more of the same at least, or one frame in a long while would do
        if self._same < 2 or now - self._still_since < SECONDS:
            return False
        if not self._frozen or now - self._compared_at >= SECONDS:
            # the sample may have missed what moves, such as a small clock
            self._compared_at = now
            assert self._picture is not None
            self._frozen = cv2.norm(self._picture, image, cv2.NORM_INF) == 0
            if not self._frozen:
                self._stands_from(image, now)
        return self._frozen
