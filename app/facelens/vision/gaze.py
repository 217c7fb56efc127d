"""How closely a live view is looked at: with as few pixels as the faces in it need, and with all of them now and then.

What the detector costs grows with the pixels that it sees, and a face near the camera is as easy to find in few of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from facelens.geometry import iou_matrix
from facelens.types import Box, Detection

SHARES = (0.5, 0.6, 0.7, 0.8)
"""Sizes of a quick look, as shares of that of a full one."""
LEAST_PX = 24.0
"""A quick look shows every known face at least so large (root of its area). In scenes val, looked at in several sizes,
detector-1 finds at 0.6 of the faces from 16 px in its view .68, from 20 px .69, from 24 px .78, from 28 px .82, from
34 px .83; who is missed in a quick look is looked for in a full one."""
FULL_SECONDS = 1.0
"""After so long the next look is a full one, which finds those who came and are small."""
SAME_IOU = 0.1
"""Overlap from which a face is the one that was known: it may have moved by half of its width."""


class Gaze:
    """Chooses the detector's size from one look to the next. One for each source; not thread-safe.

    Args:
        full: longest side in px of what the detector sees in a full look.
    """

    def __init__(self, full: int) -> None:
        self.full = full
        self.side = full
        """Longest side in px of the last look, of a frame that is no smaller."""
        self._at = self._failed_at = -1e9
        self._failed = 0
        """Size of the last quick look that missed somebody."""
        self._known: Sequence[Box] = ()

    def find(
        self,
        look: Callable[[int], tuple[Detection, ...]],
        now: float,
        longest: int,
        known: Sequence[Box] | None = None,
    ) -> tuple[Detection, ...]:
        """What ``look`` finds with the longest side that it is given.

        A quick look that does not find a face which is known is followed by a full one, and for a second quick looks
        are closer than that one: what it missed once it would miss again.

        Args:
            now: seconds, of any clock; a step back (of a clip) asks for a full look.
            longest: longest side of the frame, px.
            known: boxes in the frame of faces that should be found; None for those that the look before found, if it
                was a full one or they were known then: what a quick look alone has seen may be nobody.
        """
        boxes = self._known if known is None else known
        self.side = self._choose(now, longest, boxes)
        found = look(self.side)
        if self.side < self.full and not _overlaps(boxes, found).all():
            self._failed, self._failed_at, self.side = self.side, now, self.full
            found = look(self.full)
        self._known = [detection.box for detection in found]
        if self.side == self.full:
            self._at = now
        else:
            again = _overlaps(self._known, boxes)
            self._known = [box for box, known in zip(self._known, again) if known]
        return found

    def _choose(self, now: float, longest: int, boxes: Sequence[Box]) -> int:
        if not boxes or not 0 <= now - self._at < FULL_SECONDS:
            return self.full
        closer = self._failed if abs(now - self._failed_at) < FULL_SECONDS else 0
        smallest = min(box.area for box in boxes) ** 0.5
        # the detector never sees a frame larger than it is
        whole = min(self.full, longest)
        for share in SHARES:
            side = round(self.full * share)
            if side > closer and smallest * min(side / longest, 1.0) >= LEAST_PX:
                return side if side < whole else self.full
        return self.full


def _overlaps(boxes: Sequence[Box], others: Sequence[Box | Detection]) -> npt.NDArray[np.bool_]:
    """For each box whether one of the others is about there."""
    there = [other.box if isinstance(other, Detection) else other for other in others]
    if not boxes or not there:
        return np.zeros(len(boxes), bool)
    return np.asarray(iou_matrix(list(boxes), there).max(axis=1) >= SAME_IOU)
