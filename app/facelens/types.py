"""The records that every stage of Facelens reads and returns.

All records are frozen; arrays inside them are read-only. Coordinates are float pixels in the frame of the original
picture: x to the right, y down, (0, 0) the centre of the top-left pixel. "Left" and "right" of a face are the
subject's own, so the right eye lies on the viewer's left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""A picture, H x W x 3, BGR, 0..255."""
Points = npt.NDArray[np.float32]
"""N x 2 points (x, y) in pixels."""
Scheme = Literal["five", "kaggle15", "ibug68"]
GenderLabel = Literal["female", "male"]

AGE_COUNT = 101
"""Length of an age distribution: one probability for each year 0..100 (100 means 100 and older)."""

AGE_RANGES: tuple[tuple[int, int], ...] = (
    (0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100),
)  # fmt: skip
"""The eight age ranges, inclusive, of Levi and Hassner, "Age and Gender Classification using CNNs", CVPRW 2015."""


EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The eight expressions, in the order of FER+: Barsoum, Zhang, Canton Ferrer and Zhang, "Training Deep Networks for
Facial Expression Recognition with Crowd-Sourced Label Distribution", ICMI 2016."""

GENDER_SURE, EXPRESSION_SURE = 0.65, 0.5
"""Probability from which a label is named; below it is "not sure"."""


def readonly(array: npt.ArrayLike, dtype: Any = np.float32) -> npt.NDArray[Any]:
    """A read-only copy of ``array`` as ``dtype``."""
    copy = np.array(array, dtype=dtype)
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture with its place in a stream. ``captured_at`` is ``time.monotonic()`` seconds.

    ``moment``: seconds in the source's own time, which neither a pause nor a slow reader stretches, and which jumps at
    a seek; None where that is ``captured_at``, as for cameras.
    """

    image: Image
    index: int = 0
    captured_at: float = 0.0
    moment: float | None = None

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle; it may reach outside the picture where a face is cut by the border."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Facial points of one face.

    Schemes: ``five`` (right eye, left eye, nose tip, right mouth corner, left mouth corner), ``kaggle15`` (order of
    the Kaggle Facial Keypoints Detection columns), ``ibug68`` (iBUG / Multi-PIE 68 order).
    """

    points: Points
    scheme: Scheme
    spread: npt.NDArray[np.float32] | None = None
    """How far off each point may be, N px: the standard deviation of its x and of its y. None where the network does
    not say."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", readonly(self.points))
        if self.spread is not None:
            object.__setattr__(self, "spread", readonly(self.spread))


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face found by a detector: ``confidence`` in 0..1, ``landmarks`` in scheme ``five``."""

    box: Box
    confidence: float
    landmarks: Landmarks


@dataclass(frozen=True, slots=True, eq=False)
class AgeEstimate:
    """Apparent age: the median ``years``, the band ``low``..``high`` that holds 80 %, and 101 ``probabilities``."""

    years: float
    low: float
    high: float
    probabilities: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", readonly(self.probabilities))

    @property
    def range_probabilities(self) -> npt.NDArray[np.float64]:
        """Probabilities of the eight published ``AGE_RANGES``: summed over each and renormalised to 1."""
        p = self.probabilities.astype(np.float64)
        sums = np.array([p[low : high + 1].sum() for low, high in AGE_RANGES])
        total = sums.sum()
        return sums / total if total > 1e-9 else np.full(len(AGE_RANGES), 1 / len(AGE_RANGES))

    @property
    def range(self) -> tuple[int, int]:
        """The most probable of the eight published ``AGE_RANGES``."""
        return AGE_RANGES[int(np.argmax(self.range_probabilities))]


@dataclass(frozen=True, slots=True)
class GenderEstimate:
    """Perceived gender: the likelier ``label`` and its ``probability``, 0.5..1.

    ``held``: of a tracked person, whether the label is named; it does not flip back and forth (``tracking.labels``).
    None: the probability alone says.
    """

    label: GenderLabel
    probability: float
    held: bool | None = None

    @property
    def sure(self) -> bool:
        """False where the picture does not say enough to name a label ("not sure")."""
        return self.probability >= GENDER_SURE if self.held is None else self.held


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """What a face looks like, not what a person feels: 8 ``probabilities`` of ``EXPRESSIONS``, 0..1, that sum to 1.

    They stand for the shares of votes that people would give this picture, so two high ones mean a mixed expression.
    ``leaning`` and ``held``: of a tracked person, the place in ``EXPRESSIONS`` of the label, which may stay a little
    longer than it is the likeliest, and whether it is named. None: the probabilities alone say.
    """

    probabilities: npt.NDArray[np.float32]
    leaning: int | None = None
    held: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", readonly(self.probabilities))

    @property
    def label(self) -> str:
        """The most probable of ``EXPRESSIONS``, or the one that is held."""
        return EXPRESSIONS[int(np.argmax(self.probabilities)) if self.leaning is None else self.leaning]

    @property
    def probability(self) -> float:
        """Probability of ``label``: the highest, 0.125..1, or that of the one that is held."""
        return float(self.probabilities.max() if self.leaning is None else self.probabilities[self.leaning])

    @property
    def sure(self) -> bool:
        """False where no expression has at least half of the probability ("not sure")."""
        return self.probability >= EXPRESSION_SURE if self.held is None else self.held


@dataclass(frozen=True, slots=True)
class Quality:
    """Picture quality of one face. The five scores are 0..100, 100 best; the rest are the measurements behind tips.

    ``yaw``, ``pitch``, ``roll`` in degrees (yaw positive: the subject turns to their left; pitch positive: looks up;
    roll positive: the head tips clockwise as the viewer sees it). ``brightness`` is the mean luma of the face, 0..1.
    ``light_balance`` -1..1: positive when the viewer's right half of the face is the brighter one.
    """

    sharpness: float
    exposure: float
    contrast: float
    pose: float
    resolution: float
    yaw: float
    pitch: float
    roll: float
    brightness: float
    light_balance: float

    @property
    def value(self) -> float:
        """One figure 0..100: the geometric mean of the five scores, so that one bad score cannot hide."""
        scores = (self.sharpness, self.exposure, self.contrast, self.pose, self.resolution)
        return math.prod(max(score, 1.0) for score in scores) ** 0.2


@dataclass(frozen=True, slots=True)
class ScoreComponent:
    """One part of a face score: ``value`` 0..100 and its ``weight`` (the weights of a score sum to 1)."""

    name: str
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class FaceScore:
    """A face score 0..100, the components it is the weighted mean of, and short tips, most useful first."""

    value: float
    components: tuple[ScoreComponent, ...]
    tips: tuple[str, ...]
    preset: str = "default"


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """All that is known of one face. ``None`` means that the part was not asked for, never that it failed.

    ``track_id`` numbers people from 1 (within a picture where there is no tracking). ``smile`` and ``glasses`` are
    probabilities 0..1. These two and ``expression`` are also None where the network does not give them.

    ``raw``: where the readings are those of a tracked person, steadied and fused over time (``tracking.Tracker``), what
    the engine said of this frame alone, with the same ``track_id``; None where the readings are that themselves.
    """

    track_id: int
    detection: Detection
    age: AgeEstimate | None = None
    gender: GenderEstimate | None = None
    landmarks: Landmarks | None = None
    smile: float | None = None
    glasses: float | None = None
    quality: Quality | None = None
    score: FaceScore | None = None
    expression: Expression | None = None
    raw: Face | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameReport:
    """What the engine says of one frame. ``timings`` in ms by stage; ``providers`` the one each network really got;
    ``moment`` as in ``Frame``."""

    frame_index: int
    captured_at: float
    image_size: tuple[int, int]
    faces: tuple[Face, ...]
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    providers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    moment: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "timings", MappingProxyType(dict(self.timings)))
        object.__setattr__(self, "providers", MappingProxyType(dict(self.providers)))
