"""How well each detection of a frame continues each track, and which detections are of the same face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facelens.geometry import iou_matrix
from facelens.tracking.motion import PLACE_NOISE, SIZE_NOISE, Motion
from facelens.types import Box, Detection

Values = npt.NDArray[np.float64]

LIMIT = 13.5
"""A detection that is less likely than this, as a negative logarithm, starts a track of its own."""
TAIL = 4.0
"""Degrees of freedom of the surprise in motion: heads mostly move smoothly, and sometimes jump."""
REACH, REACH_DEVIATIONS, FURTHEST = 0.5, 2.5, 2.5
"""A face may be found so far from where it was expected: in face sizes, plus standard deviations; but not further."""
SIZE_REACH, SIZE_DEVIATIONS = 0.2, 2.5
"""The same for the logarithm of its size."""
OVERLAP_WEIGHT = 2.0
SHAPE_NOISE, SHAPE_DRIFT, SHAPE_MOST = 0.04, 0.1, 3.0
"""Standard deviation of the five points in their box, in face sizes, and how much it grows in a second, as heads turn;
and the most that a difference can cost."""
HIDDEN_COST, HIDDEN_SECONDS = 1.5, 0.15
"""Whoever is in sight is likelier to be seen again than who is hidden: the most that hiding costs, and after how many
seconds."""
SAME_OVERLAP, SAME_INSIDE, SAME_POINTS = 0.6, 0.75, 0.15
"""Two detections are of one face where their boxes overlap so much (of both together, or of the smaller one), or their
points lie so near each other on average, in sizes of the larger face."""
LEAST_SPREAD = 0.1
"""Eyes that lie nearer each other, in face sizes, are no measurement."""
UNKNOWN_SHAPE: Values = np.full((5, 2), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The n detections of a frame as arrays, px.

    ``centres`` n x 2; ``areas`` n; ``points`` n x 5 x 2, NaN where they say nothing (not five, or all in one place);
    ``shapes`` the points relative to their box, in face sizes (roots of the area) from the centre.
    """

    boxes: tuple[Box, ...]
    centres: Values
    areas: Values
    points: Values
    shapes: Values

    @classmethod
    def of(cls, detections: Sequence[Detection]) -> Seen:
        boxes = tuple(d.box for d in detections)
        sides = np.array([(*box.centre, max(box.width, 1.0) * max(box.height, 1.0)) for box in boxes]).reshape(-1, 3)
        centres, areas = sides[:, :2], sides[:, 2]
        points = np.full((len(boxes), 5, 2), np.nan)
        for row, detection in enumerate(detections):
            five = detection.landmarks.points
            if five.shape == (5, 2):
                points[row] = five
        sizes = np.sqrt(areas)
        eyes = np.abs(points[:, 0] - points[:, 1]).sum(axis=1)
        points[~(eyes >= LEAST_SPREAD * sizes)] = np.nan
        return cls(boxes, centres, areas, points, (points - centres[:, None]) / sizes[:, None, None])

    def only(self, kept: Sequence[int]) -> Seen:
        """Those at the places ``kept``."""
        if len(kept) == len(self.boxes):
            return self
        rows = list(kept)
        boxes = tuple(self.boxes[row] for row in rows)
        return Seen(boxes, self.centres[rows], self.areas[rows], self.points[rows], self.shapes[rows])

    def distinct(self, confidences: Sequence[float]) -> list[int]:
        """The places of the detections that are of faces of their own: of several of one face the most confident one.

        Faces of two people that cover each other so much are not both visible, so this leaves out no person for longer
        than they pass each other.
        """
        count = len(self.boxes)
        overlap = iou_matrix(self.boxes, self.boxes)
        if np.count_nonzero(overlap) <= count:
            return list(range(count))
        areas = self.areas
        common = overlap / (1 + overlap) * (areas[:, None] + areas)
        inside = common / np.minimum(areas[:, None], areas)
        apart = np.linalg.norm(self.points[:, None] - self.points, axis=-1).mean(axis=-1)
        near = apart <= SAME_POINTS * np.sqrt(np.maximum(areas[:, None], areas))
        same = (overlap >= SAME_OVERLAP) | (inside >= SAME_INSIDE) | near
        kept: list[int] = []
        for index in sorted(range(count), key=lambda index: -confidences[index]):
            if not same[index, kept].any():
                kept.append(index)
        return sorted(kept)


def costs(motions: Sequence[Motion], shapes: Sequence[Values], unseen: Sequence[float], seen: Seen) -> Values:
    """Negative log likelihoods, up to a constant, that tracks go on in detections: tracks x detections.

    A sum of four terms: the distance of the centre from the predicted one and the change of size, each as a
    Student t density of the width that the prediction has earned; what the boxes do not overlap; and how differently
    the five points lie in their boxes, which tells a head turned left from one turned right. Infinite where place or
    size cannot be.

    Args:
        motions: of each track, advanced to the time of the frame.
        shapes: of each track, as in ``Seen``.
        unseen: seconds since each track was seen.
        seen: the detections.
    """
    if not motions or not seen.boxes:
        return np.zeros((len(motions), len(seen.boxes)))
    known = np.array([(m.x, m.y, m.log_size, m.size, m.place.spread, m.size_line.spread) for m in motions])
    x, y, log_size, size, place, spread = (column[:, None] for column in known.T)
    found_log = np.log(seen.areas) / 2
    # in the larger of both sizes, so that a size mistaken once does not make a small motion look large
    scale = np.maximum(size, np.exp(found_log))
    distance = ((seen.centres[:, 0] - x) ** 2 + (seen.centres[:, 1] - y) ** 2) / scale**2
    change = np.abs(found_log - log_size)
    reach = np.minimum(REACH + REACH_DEVIATIONS * np.sqrt(place), FURTHEST)
    possible = (distance <= reach**2) & (change <= SIZE_REACH + SIZE_DEVIATIONS * np.sqrt(spread))
    # widths count from those of a face that is being watched, whose cost is then near 0
    width = np.log(place / (2 * PLACE_NOISE**2)) + np.log(spread / (2 * SIZE_NOISE**2)) / 2
    total = (TAIL + 2) / 2 * np.log1p(distance / (place * TAIL)) + width
    total += (TAIL + 1) / 2 * np.log1p(change * change / (spread * TAIL))
    total += OVERLAP_WEIGHT * (1 - iou_matrix([motion.box for motion in motions], seen.boxes))
    turned = np.stack(shapes).reshape(-1, 1, 10) - seen.shapes.reshape(-1, 10)
    difference = np.einsum("tdk,tdk->td", turned, turned) / 10
    total += np.array([HIDDEN_COST * min(seconds / HIDDEN_SECONDS, 1.0) for seconds in unseen])[:, None]
    variance = np.array([SHAPE_NOISE**2 + (SHAPE_DRIFT * seconds) ** 2 for seconds in unseen])[:, None]
    # points that say nothing cost nothing
    total += np.where(difference >= 0, np.minimum(difference / variance, SHAPE_MOST), 0.0)
    return np.where(possible, total, np.inf)
