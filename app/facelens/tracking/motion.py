"""Where a face will be: place and size of one face as it moves."""

from __future__ import annotations

import math

from facelens.types import Box

DAMPING_SECONDS = 1.5
"""A speed that is not seen again fades to 37 % in this time: people stop, and turn round."""
AGILITY, AGILITY_PER_SPEED, MOST_AGILITY = 4.0, 1.5, 20.0
"""Spectral density of the acceleration of a head, in face sizes^2 / s^3: of one at rest, how much more it is for the
square of the highest speed of late (one that moves fast also turns fast), and at most."""
LIVELY_SECONDS = 1.0
"""A high speed counts as of late for about so long."""
PLACE_NOISE, SIZE_NOISE = 0.06, 0.06
"""Standard deviations of a detection: of its centre in face sizes, and of the logarithm of its size."""
FIRST_SPEED, FIRST_GROWTH = 5.0, 0.8
"""Standard deviations of speed and growth of a face never seen before, in face sizes/s and log units/s."""
SIZE_AGILITY = 0.25
"""Spectral density of the change of growth, log units^2 / s^3."""


class _Line:
    """A variance for a value with a speed: the covariance of both, in units of the value and the second."""

    __slots__ = ("agility", "both", "noise", "rate", "value")

    def __init__(self, noise: float, first_rate: float, agility: float) -> None:
        self.noise, self.agility = noise**2, agility
        self.value, self.both, self.rate = self.noise, 0.0, first_rate**2

    def advance(self, seconds: float, kept: float, reach: float) -> None:
        """Let time pass; ``kept`` of the speed remains, and a speed of 1 moves the value by ``reach``."""
        q, t = self.agility, seconds
        value = self.value + 2 * reach * self.both + reach**2 * self.rate + q * t**3 / 3
        both = kept * (self.both + reach * self.rate) + q * t**2 / 2
        self.value, self.both, self.rate = value, both, kept**2 * self.rate + q * t

    def gains(self) -> tuple[float, float]:
        """How much of a surprise goes into the value, and into the speed; takes the detection in."""
        of_value, of_rate = self.value / self.spread, self.both / self.spread
        self.rate -= of_rate * self.both
        self.value, self.both = self.value * (1 - of_value), self.both * (1 - of_value)
        return of_value, of_rate

    @property
    def spread(self) -> float:
        """Variance of the difference between prediction and detection."""
        return self.value + self.noise


class Motion:
    """Centre and size of a face with their speeds, as a Kalman filter whose speeds fade (R. E. Kalman, "A New Approach
    to Linear Filtering and Prediction Problems", Journal of Basic Engineering 82, 1960).

    Everything uncertain is measured in face sizes (the root of the box's area), so that near and far faces move alike.
    Coordinates are px of the picture.
    """

    __slots__ = ("aspect", "growth", "lively", "log_size", "place", "size_line", "vx", "vy", "x", "y")

    def __init__(self, box: Box) -> None:
        self.x, self.y = box.centre
        self.vx = self.vy = self.growth = self.lively = 0.0
        self.log_size, self.aspect = _measures(box)
        self.place = _Line(PLACE_NOISE, FIRST_SPEED, MOST_AGILITY)
        self.size_line = _Line(SIZE_NOISE, FIRST_GROWTH, SIZE_AGILITY)

    def advance(self, seconds: float, picture: tuple[int, int]) -> None:
        """Predict on by ``seconds`` > 0. The centre stays in the picture (width, height in px), where a face that
        went out comes back in."""
        kept = math.exp(-seconds / DAMPING_SECONDS)
        reach = DAMPING_SECONDS * (1 - kept)
        self.x += self.vx * reach
        self.y += self.vy * reach
        self.log_size += self.growth * reach
        self.vx, self.vy, self.growth = self.vx * kept, self.vy * kept, self.growth * kept
        self.lively *= math.exp(-seconds / LIVELY_SECONDS)
        self.place.agility = min(AGILITY + AGILITY_PER_SPEED * self.lively**2, MOST_AGILITY)
        self.place.advance(seconds, kept, reach)
        self.size_line.advance(seconds, kept, reach)
        width, height = picture
        if not 0 <= self.x <= width:
            self.x, self.vx = min(max(self.x, 0.0), float(width)), 0.0
        if not 0 <= self.y <= height:
            self.y, self.vy = min(max(self.y, 0.0), float(height)), 0.0

    def correct(self, box: Box) -> None:
        """Take in where the face was found."""
        x, y = box.centre
        log_size, self.aspect = _measures(box)
        of_place, of_speed = self.place.gains()
        dx, dy = x - self.x, y - self.y
        self.x, self.y = self.x + of_place * dx, self.y + of_place * dy
        self.vx, self.vy = self.vx + of_speed * dx, self.vy + of_speed * dy
        self.lively = max(self.lively, math.hypot(self.vx, self.vy) / self.size)
        of_size, of_growth = self.size_line.gains()
        change = log_size - self.log_size
        self.log_size += of_size * change
        self.growth += of_growth * change

    @property
    def size(self) -> float:
        """Root of the area of the predicted box, px."""
        return math.exp(self.log_size)

    @property
    def box(self) -> Box:
        """The predicted box, px."""
        width, height = self.size * self.aspect, self.size / self.aspect
        return Box(self.x - width / 2, self.y - height / 2, width, height)


def _measures(box: Box) -> tuple[float, float]:
    """Logarithm of the size, and the root of width over height; a box without area counts as one of 1 px."""
    width, height = max(box.width, 1.0), max(box.height, 1.0)
    return math.log(width * height) / 2, math.sqrt(width / height)
