"""What is read in a person over time: the readings of single frames, pooled and steadied."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from facelens.ages import quantiles
from facelens.tracking.labels import Label, Steady
from facelens.types import (
    EXPRESSION_SURE,
    GENDER_SURE,
    AgeEstimate,
    Expression,
    Face,
    GenderEstimate,
    Quality,
    readonly,
)

Values = npt.NDArray[np.float64]

CORRELATION = 0.9
"""How alike the errors of two frames of one person are, 0..1; see ``Pool``. For 140 faces of UTKFace, each a little
moved, turned, lit and compressed, the intraclass correlation of the error in age is 0.97 with a network of the size of
attributes-2 (0.91 with earlier weights); a head that turns varies more than that. At 0.9 the fused band holds the true
age about as often as that of a single frame does, at 0.5 a tenth less often."""
PERSON_SECONDS, GLASSES_SECONDS = 8.0, 2.0
"""Memory of what stays with a person (apparent age, perceived gender), and of what can be taken off."""
LOOK_SECONDS = 0.4
"""Memory of what changes from moment to moment: smile and expression."""
DOUBT = 0.005
"""Share of every reading that is spread evenly, so that no single frame can rule anything out."""
FULL_QUALITY, FULL_POSE, LEAST_WEIGHT = 65.0, 75.0, 0.05
"""From this quality and pose on, 0..100, a frame counts in full; below, in proportion, down to a least weight."""
LEAST_BAND = 6.0
"""Width in years below which the 80 % band of a fused age never falls, away from the ends 0 and 100."""
AGE_STEP, SETTLING_SECONDS = 1.5, 1.0
"""Years by which a fused age or an edge of its band must have moved before the shown ones follow; in the time in which
a new person is made out, less, from 0 on."""
GENDER_SLACK, EXPRESSION_SLACK = 0.05, 0.05
"""How far beyond the usual confidence a label must be to appear, and below it to go."""
_SHARES = (0.1, 0.5, 0.9)
_SIGMAS = 2.563
"""Standard deviations in the central 80 % of a normal distribution."""


def weight(quality: Quality | None) -> float:
    """How much a frame counts, 0.05..1: full for a good picture of a face that looks at the camera.

    Pose is also a part of ``Quality.value``; it counts twice because the networks learn from near-frontal faces.
    """
    if quality is None:
        return 1.0
    return max(min(quality.value / FULL_QUALITY, 1.0) * min(quality.pose / FULL_POSE, 1.0), LEAST_WEIGHT)


class Pool:
    """A forgetting log-linear opinion pool of what frame after frame says, which knows that frames repeat each other.

    Log-linear pooling multiplies the opinions, each to the power of its weight (C. Genest and J. V. Zidek, "Combining
    Probability Distributions: A Critique and an Annotated Bibliography", Statistical Science 1, 1986). It is what
    Bayes' rule gives for independent frames under an even prior, the order of the frames does not matter, and it can
    be kept as a sum. Old terms fade exponentially, as in dynamic model averaging (A. E. Raftery, M. Karny and
    P. Ettler, "Online Prediction Under Model Uncertainty via Dynamic Model Averaging", Technometrics 52, 2010).

    Frames of one person are anything but independent: most of a network's error stays with the person. So the sum is
    divided by its weight, to the mean opinion, and the mean is raised to the effective number of frames, after
    L. Kish, "Survey Sampling", 1965: m = (sum of weights)^2 / (sum of their squares) frames of unequal weight, whose
    errors correlate by r, count as m / (1 + r (m - 1)). However many frames there are, they never count as more than
    1 / r; and where they are poor, the number is smaller by their mean weight.
    """

    __slots__ = ("_at", "_memory", "_squares", "_sum", "_used", "_weights")

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._sum: Values | float = 0.0
        self._weights = self._squares = self._used = 0.0
        self._at = 0.0

    @property
    def empty(self) -> bool:
        return self._weights == 0.0

    def add(self, opinion: Values | float, frame_weight: float, now: float) -> Pool:
        """Take in a frame's opinion (log probabilities, log odds, or values) of weight 0..1 at ``now`` s."""
        kept = math.exp(-max(now - self._at, 0.0) / self._memory)
        self._at = now
        self._sum = self._sum * kept + frame_weight * opinion
        self._weights = self._weights * kept + frame_weight
        self._squares = self._squares * kept**2 + frame_weight**2
        self._used = self._used * kept + frame_weight**2
        return self

    @property
    def mean(self) -> Values | float:
        """The mean opinion."""
        return self._sum / self._weights

    @property
    def count(self) -> float:
        """The effective number of independent frames, from the mean weight up to that over ``CORRELATION``."""
        frames = self._weights**2 / self._squares
        return self._used / self._weights * frames / (1 + CORRELATION * (frames - 1))

    @property
    def odds(self) -> float:
        """The probability that pooled log odds amount to, 0..1."""
        return 1 / (1 + math.exp(-self.count * float(self.mean)))


class Evidence:
    """What is known of one person. ``add`` takes in a reading; the rest is what is to be shown.

    A part that the newest reading does not give is None, as it is no longer asked for; what was known of it is kept.
    """

    def __init__(self) -> None:
        self._age, self._gender = Pool(PERSON_SECONDS), Pool(PERSON_SECONDS)
        self._glasses, self._smile = Pool(GLASSES_SECONDS), Pool(LOOK_SECONDS)
        self._expression = Pool(LOOK_SECONDS)
        self._gender_label = Label(GENDER_SURE, GENDER_SLACK)
        self._expression_label = Label(EXPRESSION_SURE, EXPRESSION_SLACK)
        self._age_shown = Steady()
        self._since = 0.0
        self.age: AgeEstimate | None = None
        self.gender: GenderEstimate | None = None
        self.smile: float | None = None
        self.glasses: float | None = None
        self.expression: Expression | None = None

    def add(self, face: Face, now: float) -> None:
        """Take in what one reading says of the person at ``now`` s."""
        share = weight(face.quality)
        self.age = None if face.age is None else self._fused_age(face.age, share, now)
        self.gender = None if face.gender is None else self._fused_gender(face.gender, share, now)
        # a mean, not a pool: the smile of a moment ago is another smile, and does not confirm this one
        self.smile = None if face.smile is None else float(self._smile.add(face.smile, share, now).mean)
        self.glasses = None if face.glasses is None else self._glasses.add(_log_odds(face.glasses), share, now).odds
        self.expression = None if face.expression is None else self._fused_expression(face.expression, share, now)

    def _fused_age(self, read: AgeEstimate, share: float, now: float) -> AgeEstimate:
        self._since = now if self._age.empty else self._since
        self._age.add(np.log(_softened(read.probabilities)), share, now)
        opinion = self._age.count * np.asarray(self._age.mean)
        fused = np.exp(opinion - opinion.max())
        fused /= fused.sum()
        low, years, high = quantiles(fused, _SHARES)
        if high - low < LEAST_BAND:
            fused = _blurred(fused, math.sqrt(LEAST_BAND**2 - (high - low) ** 2) / _SIGMAS)
            low, years, high = quantiles(fused, _SHARES)
        step = min((now - self._since) / SETTLING_SECONDS, 1.0) * AGE_STEP
        low, years, high = self._age_shown.step((low, years, high), step)
        return AgeEstimate(years, low, high, readonly(fused))

    def _fused_gender(self, read: GenderEstimate, share: float, now: float) -> GenderEstimate:
        given = read.probability if read.label == "female" else 1 - read.probability
        female = self._gender.add(_log_odds(given), share, now).odds
        leaning, sure = self._gender_label.step((female, 1 - female))
        # within the slack around even odds the label stays with what it was
        probability = max((female, 1 - female)[leaning], 0.5)
        return GenderEstimate(("female", "male")[leaning], probability, sure)

    def _fused_expression(self, read: Expression, share: float, now: float) -> Expression:
        # a mean as well, of shares of votes, which add up
        mean = np.asarray(self._expression.add(read.probabilities.astype(np.float64), share, now).mean)
        label, sure = self._expression_label.step(mean.tolist())
        return Expression(readonly(mean / mean.sum()), label, sure)


def _softened(probabilities: npt.NDArray[np.float32]) -> Values:
    p = probabilities.astype(np.float64)
    total = float(p.sum())
    if not 1e-9 < total < math.inf:
        return np.full(len(p), 1 / len(p))
    return p * ((1 - DOUBT) / total) + DOUBT / len(p)


def _log_odds(probability: float) -> float:
    p = probability * (1 - DOUBT) + DOUBT / 2
    return math.log(p / (1 - p))


def _blurred(p: Values, sigma: float) -> Values:
    reach = math.ceil(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    out = np.convolve(p, kernel / kernel.sum(), mode="same")
    return np.asarray(out / out.sum())
