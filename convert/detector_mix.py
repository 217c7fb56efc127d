"""The stream of training batches: which kinds of crops, at which sizes, and the false alarms dug up on the way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from convert.detector_augment import (
    Crop,
    Rng,
    close_crop,
    empty_crop,
    nothing,
    pasted_crop,
    scene_crop,
    spoil,
)
from convert.detector_data import Array, Labelled, Picture
from convert.detector_targets import assign

SHARES = {"scene": 0.58, "pasted": 0.14, "close": 0.10, "empty": 0.18}
WIDE_SHARES = {"scene": 0.36, "pasted": 0.2, "close": 0.3, "empty": 0.14}
"""The same for crops of ``WIDE_FROM`` px and more, which are there for faces that fill a frame."""
WIDE_FROM = 400
SMALL, LARGE = 11.0, 0.95
"""Spans of faces: from ``SMALL`` px to ``LARGE`` of the crop, log-uniform; in scenes up to 0.75 of the crop."""

Spot = tuple[int, float, float, float]


@dataclass
class Mixer:
    """Makes crops from the train parts of the packs.

    Attributes:
        scenes, faces: labelled pictures; empty: face-free ones.
        empty_spots: false alarms on face-free pictures (index, x, y, side), best first.
        scene_spots: false alarms in scenes, away from every labelled or ignored box.
    """

    scenes: Labelled
    faces: Labelled
    empty: Sequence[Picture]
    empty_spots: list[Spot] = field(default_factory=list)
    scene_spots: list[Spot] = field(default_factory=list)

    def __post_init__(self) -> None:
        index = [
            (which, face, float(box[2:].max()))
            for which, boxes in enumerate(self.scenes.boxes)
            for face, box in enumerate(boxes)
            if not self.scenes.ignore[which][face] and box[2:].max() >= 8
        ]
        index.sort(key=lambda entry: entry[2])
        self._order, self._sides = index, np.array([entry[2] for entry in index])
        sharp = [i for i, kind in enumerate(self.faces.kinds) if kind != "mtfl5"]
        portraits = [i for i, kind in enumerate(self.faces.kinds) if kind in ("mebeauty", "landmarks68")]
        self._sharp, self._portraits = np.array(sharp, int), np.array(portraits, int)

    def _face(self, rng: Rng, span: float) -> int:
        """A picture of the face packs fit to span so many px: the 80 px ones only for small faces."""
        if span > 90 and len(self._sharp):
            pool = self._portraits if rng.random() < 0.5 and len(self._portraits) else self._sharp
            return int(pool[rng.integers(len(pool))])
        return int(rng.integers(len(self.faces.pictures)))

    def _ground(self, rng: Rng, size: int) -> Picture:
        if self.empty_spots and rng.random() < 0.5:
            # the worst come most often
            which, x, y, side = self.empty_spots[int(len(self.empty_spots) * rng.random() ** 1.5)]
            return empty_crop(rng, self.empty[which], size, (x, y, side))
        return empty_crop(rng, self.empty[int(rng.integers(len(self.empty)))], size)

    def crop(self, rng: Rng, size: int) -> Crop:
        """One spoiled crop of size x size."""
        shares = WIDE_SHARES if size >= WIDE_FROM else SHARES
        least = 0.15 * size if size >= WIDE_FROM and rng.random() < 0.6 else SMALL
        kind = str(rng.choice(list(shares), p=list(shares.values())))
        if kind == "scene":
            span = float(np.exp(rng.uniform(np.log(least), np.log(0.75 * size))))
            low, high = np.searchsorted(self._sides, [span / 2.2, span / 0.55])
            if high <= low:
                low = max(0, min(low, len(self._order) - 1) - 50)
                high = min(len(self._order), low + 50)
            which, face, _ = self._order[int(rng.integers(low, high))]
            crop = scene_crop(rng, self.scenes, which, self.scenes.boxes[which][face], span, size)
        elif kind == "close":
            span = float(np.exp(rng.uniform(np.log(max(least, 0.25 * size)), np.log(LARGE * size))))
            crop = close_crop(rng, self.faces, self._face(rng, span), span, size)
        elif kind == "pasted":
            count = int(rng.integers(1, 4))
            spans = np.exp(rng.uniform(np.log(least), np.log(0.7 * size), count))
            chosen = [(self._face(rng, float(span)), float(span)) for span in sorted(spans, reverse=True)]
            patches = self._patches(rng)
            crop = pasted_crop(rng, self.faces, self._ground(rng, size), chosen, patches, size)
        elif self.scene_spots and rng.random() < 0.4:
            which, x, y, side = self.scene_spots[int(len(self.scene_spots) * rng.random() ** 1.5)]
            crop = self._around(rng, which, x, y, side, size)
        else:
            patches = self._patches(rng) if rng.random() < 0.3 else []
            ground = self._ground(rng, size)
            crop = pasted_crop(rng, self.faces, ground, [], patches, size) if patches else nothing(ground)
        crop.image = spoil(rng, crop.image)
        return crop

    def _patches(self, rng: Rng) -> list[Picture]:
        return [self.empty[int(i)] for i in rng.integers(len(self.empty), size=int(rng.integers(0, 3)))]

    def _around(self, rng: Rng, which: int, x: float, y: float, side: float, size: int) -> Crop:
        """A scene's crop around a false alarm, at about the size at which it was seen, with the faces around it."""
        picture = self.scenes.pictures[which]
        box = np.array([x - side / 2, y - side / 2, side, side], np.float32)
        span = side * 640 / max(picture.shape[:2]) * float(np.exp(rng.uniform(-0.4, 0.4)))
        return scene_crop(rng, self.scenes, which, box, min(span, 0.8 * size), size)

    def batch(self, rng: Rng, count: int, size: int) -> tuple[Picture, Array]:
        """``count`` crops and their targets (B x A x 18)."""
        crops = [self.crop(rng, size) for _ in range(count)]
        targets = [assign(size, size, c.boxes, c.points, c.known, c.ignored) for c in crops]
        return np.stack([c.image for c in crops]), np.stack(targets)


def stream(mixer: Mixer, seed: int, plan: Sequence[tuple[int, int]], ahead: int = 6) -> Iterator[tuple[Picture, Array]]:
    """Batches made in one thread beside the training, the same for the same ``seed``.

    Args:
        plan: (count, size) of each batch, in order.
        ahead: how many batches may wait.

    Raises what went wrong in the thread. Closing the iterator stops the thread.
    """
    ready: queue.Queue[tuple[Picture, Array] | BaseException] = queue.Queue(ahead)
    stop = threading.Event()

    def work() -> None:
        try:
            for number, (count, size) in enumerate(plan):
                item = mixer.batch(np.random.default_rng((seed, number)), count, size)
                while not stop.is_set():
                    try:
                        ready.put(item, timeout=0.5)
                        break
                    except queue.Full:
                        continue
                if stop.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - handed to the training loop, which raises it
            ready.put(error)

    thread = threading.Thread(target=work, name="detector-crops", daemon=True)
    thread.start()
    try:
        for _ in plan:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join(timeout=10)
