"""People over time: each frame's faces are matched one to one with those of the frames before."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import deque
from collections.abc import Sequence

from facelens.tracking.assignment import assign
from facelens.tracking.evidence import Evidence
from facelens.tracking.figures import Figures
from facelens.tracking.matching import LIMIT, UNKNOWN_SHAPE, Seen, Values, costs
from facelens.tracking.motion import Motion
from facelens.tracking.smoothing import Cutoff, FaceSmoother
from facelens.types import Face, FrameReport

KEEP_SECONDS, KEEP_STEPS = 1.0, 2.5
"""A person who is out of sight keeps the number for so long, and for so many of the usual steps between frames where
these are long."""
SURE_CONFIDENCE, DOUBT_SECONDS = 0.75, 0.15
"""A new face of less confidence is shown, and numbered, only when it is found again in the next frame or within this
time: what a detector makes up is mostly gone in the next frame."""
USUAL_STEP = 1 / 30
"""Seconds between frames whose times do not advance."""
STEPS, LONGEST_STEP = 5, 2.5
"""The usual step is the median of so many; pictures further apart, in seconds, are no sequence."""
USUAL_SMOOTHING = 0.5
_SLACK = 1e-6
"""Seconds that sums of frame times may be off."""


@dataclasses.dataclass(frozen=True, slots=True)
class TrackCounts:
    """What a tracker has done so far.

    Attributes:
        created: people who got a number.
        lost: how often someone went out of sight, be it for one frame.
        revived: how often someone was found again, with the same number. The rest of ``lost`` left, or is away.
        doubles: detections left out because they were a second one of a face.
        gender_changes, expression_changes, age_changes: how often a shown word or figure changed: *female*, *male* or
            *not sure*; one of the expressions or *not sure*; the whole years of age and band.
    """

    created: int = 0
    lost: int = 0
    revived: int = 0
    doubles: int = 0
    gender_changes: int = 0
    expression_changes: int = 0
    age_changes: int = 0

    @property
    def label_changes(self) -> int:
        """All changes of what is shown beside a face."""
        return self.gender_changes + self.expression_changes + self.age_changes


class _Track:
    """One person; ``number`` is 0 for who is not yet certain."""

    __slots__ = ("evidence", "figures", "motion", "number", "seen_at", "shape", "smoother", "words")

    def __init__(self, face: Face, now: float) -> None:
        self.number, self.seen_at = 0, now
        self.motion = Motion(face.detection.box)
        self.shape: Values = UNKNOWN_SHAPE
        self.evidence, self.figures, self.smoother = Evidence(), Figures(), FaceSmoother()
        self.words: tuple[str | None, ...] = ()

    def see(self, face: Face, shape: Values, now: float, cutoff: Cutoff) -> Face:
        """Take in the person's face of a frame; the record to be shown."""
        seconds = now - self.seen_at
        if seconds > 0:
            self.motion.correct(face.detection.box)
        if not math.isnan(shape[0, 0]):
            self.shape = shape if math.isnan(self.shape[0, 0]) else (self.shape + shape) / 2
        self.seen_at = now
        detection, landmarks = self.smoother.step(face, seconds, cutoff)
        evidence, figures = self.evidence, self.figures
        if any(part is not None for part in _read(face)):
            evidence.add(face, now)
            figures.add(face, evidence.age, now)
        return Face(
            self.number,
            detection,
            age=evidence.age,
            gender=evidence.gender,
            landmarks=landmarks,
            smile=evidence.smile,
            glasses=evidence.glasses,
            quality=figures.quality,
            score=figures.score,
            expression=evidence.expression,
            raw=face if face.track_id == self.number else dataclasses.replace(face, track_id=self.number),
        )


def _read(face: Face) -> tuple[object, ...]:
    """What networks and measurements say of a face; all None where it was only followed in this frame."""
    return face.age, face.gender, face.smile, face.glasses, face.expression, face.quality, face.score


class Tracker:
    """Numbers that follow people, and readings fused over all that was seen of each.

    A frame's detections are assigned to the people known, all at once and one to one, so that the whole is likeliest:
    by the place that each person's motion leads to, size, overlap, and how the five points lie (``matching.costs``).
    Who is not found keeps number and readings for ``KEEP_SECONDS``, or for two frames where these come so slowly that
    it is longer, and is found again where motion and size agree; a
    face without a person gets the next number, at once or, where the detector is in doubt, when it is found a second
    time; until then it is left out. A second detection of one face is left out. Nobody is recognised: who
    comes back later is somebody new.

    Time is the source's own, ``FrameReport.moment``: nobody ages in a pause, and who is there after it went back, or
    far on, is new.

    Boxes and points are steadied by the One-Euro filter, readings are fused (``evidence``), figures steadied
    (``figures``). A face that was only found in a frame, and not read, keeps all its readings; what a reading leaves
    out is None. What the engine said of the frame alone is each face's ``raw``. Faces that are not found in a frame are
    not in its report.

    Not thread-safe: call it from one thread, with reports in the order of their frames. ``smoothing`` may be set, and
    ``counts`` read, from another.

    Args:
        smoothing: of boxes and points, from 0, smooth, to 1, quick.

    Raises:
        ValueError: ``smoothing`` is not within 0..1.
    """

    def __init__(self, smoothing: float = USUAL_SMOOTHING) -> None:
        self._tracks: list[_Track] = []
        self._now = 0.0
        self._at: float | None = None
        self._steps: deque[float] = deque(maxlen=STEPS)
        self._counts = dict.fromkeys((field.name for field in dataclasses.fields(TrackCounts)), 0)
        self.smoothing = smoothing

    @property
    def smoothing(self) -> float:
        """How boxes and points follow, from 0, smooth, to 1, quick."""
        return self._smoothing

    @smoothing.setter
    def smoothing(self, value: float) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"smoothing is from 0 to 1, not {value!r}")
        self._smoothing = float(value)

    @property
    def counts(self) -> TrackCounts:
        """What was done so far."""
        return TrackCounts(**self._counts)

    def update(self, report: FrameReport) -> FrameReport:
        """The same report with numbers that follow people over time, and what is known of them in place of what this
        frame alone says. Faces keep their order."""
        before, known = self._now, self._tracks
        self._advance(report)
        seen = Seen.of([face.detection for face in report.faces])
        kept = seen.distinct([face.detection.confidence for face in report.faces])
        self._counts["doubles"] += len(report.faces) - len(kept)
        seen, faces = seen.only(kept), [report.faces[index] for index in kept]
        cutoff = Cutoff.of(self._smoothing)
        out = []
        for face, shape, track in zip(faces, seen.shapes, self._match(faces, seen)):
            if track.number == 0 and (track.seen_at < self._now or face.detection.confidence >= SURE_CONFIDENCE):
                self._counts["created"] += 1
                track.number = self._counts["created"]
            elif track.number:
                self._counts["revived"] += track.seen_at < before
            shown = track.see(face, shape, self._now, cutoff)
            if track.number:
                out.append(shown)
                self._count_changes(track, shown)
        # who was there the last time, and still has that time
        self._counts["lost"] += sum(track.seen_at == before and track.number > 0 for track in known)
        return dataclasses.replace(report, faces=tuple(out))

    def _advance(self, report: FrameReport) -> None:
        """Move to the time of a report, and forget who was away for too long."""
        at = report.captured_at if report.moment is None else report.moment
        step = None if self._at is None else at - self._at
        before, self._at = self._now, at
        if step is not None and step < 0:
            # it went back: what was seen since then has not happened
            self._tracks = []
        fitting = [step] if step is not None and 0 < step <= LONGEST_STEP else []
        # one long step among others is a gap; the first of all can only be taken as usual
        usual = statistics.median(self._steps or fitting or [0.0])
        keep = max(KEEP_SECONDS, KEEP_STEPS * usual)
        self._steps.extend(fitting)
        # a source without a clock has no steps
        seconds = step if step is not None and step > 0 else USUAL_STEP
        self._now += seconds
        self._tracks = [t for t in self._tracks if self._now - t.seen_at <= self._patience(t, keep, before) + _SLACK]
        for track in self._tracks:
            track.motion.advance(seconds, report.image_size)

    def _patience(self, track: _Track, keep: float, before: float) -> float:
        """For how many seconds a person may be out of sight; ``before`` is the time of the last frame."""
        return keep if track.number or track.seen_at == before else DOUBT_SECONDS

    def _match(self, faces: Sequence[Face], seen: Seen) -> list[_Track]:
        """The person of each face, new ones included."""
        tracks, unseen = self._tracks, [self._now - track.seen_at for track in self._tracks]
        cost = costs([track.motion for track in tracks], [track.shape for track in tracks], unseen, seen)
        row_of = {column: row for row, column in assign(cost, LIMIT)}
        found = []
        for index, face in enumerate(faces):
            if index in row_of:
                found.append(tracks[row_of[index]])
            else:
                found.append(_Track(face, self._now))
        self._tracks = tracks + [track for index, track in enumerate(found) if index not in row_of]
        return found

    def _count_changes(self, track: _Track, face: Face) -> None:
        gender, expression, age = face.gender, face.expression, face.age
        words = (
            None if gender is None else gender.label if gender.sure else "not sure",
            None if expression is None else expression.label if expression.sure else "not sure",
            None if age is None else f"{age.years:.0f} ({age.low:.0f}-{age.high:.0f})",
        )
        kinds = ("gender_changes", "expression_changes", "age_changes")
        for kind, old, new in zip(kinds, track.words, words):
            self._counts[kind] += old is not None and new != old
        track.words = words
