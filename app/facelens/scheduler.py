"""Separate clocks for a live view: which networks run on which frame, so that analysis keeps up with the camera.

Between detections a face is followed by its own landmarks: that network is cheap, finds the face again where it was a
moment ago, and says with its spreads whether there still is one. Attributes are read anew when a face is new or its
last reading has aged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facelens.engine import Clock, Engine
from facelens.geometry import iou_matrix, similarity, transform
from facelens.types import Box, Detection, Face, Frame, FrameReport, Landmarks

DETECT_SECONDS = 0.25
"""A newcomer is seen within this time where there is time enough."""
READ_SECONDS = 0.5
"""Age at which a reading is made anew."""
EARLY_READINGS, EARLY_SECONDS = 4, 0.12
"""The first readings of a face follow each other faster: evidence grows while it is needed most."""
SHARE = 0.8
"""Share of the time between frames that analysis may take."""
MOST_SPREAD = 0.11
"""A followed face whose landmarks spread further (mean over the points, as a share of its width) is no longer one."""
MOST_CHANGE = 1.25
"""A face that grows or shrinks more than this from one frame to the next is no longer followed."""
SLOW_SECONDS = 0.1
"""At frames further apart than this a face moves too far to be followed: every frame is searched."""
MATCH_IOU = 0.3
MOST_UNSEEN = 2
"""Detections in a row that may miss a face whose landmarks hold on."""
LEVELS = (
    "every face on time",
    "attributes less often",
    "attributes and detection less often",
    "attributes, detection and landmarks less often",
)
"""What is given up, in this order, when analysis does not keep up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the scheduler does now. ``load``: predicted share of the time between frames; ``level``: see ``LEVELS``."""

    level: int
    load: float
    detect_seconds: float
    read_seconds: float
    detected: int
    followed: int
    read: int

    @property
    def words(self) -> str:
        return LEVELS[self.level]


@dataclass(slots=True)
class _Person:
    face: Face
    read_at: float = -1e9
    readings: int = 0
    unseen: int = 0
    """Detections in a row that did not find the face."""


class _Costs:
    """Running means of what each stage costs, ms."""

    def __init__(self) -> None:
        self.detect = self.landmarks = self.whole = 0.0

    def learn(self, name: str, value: float) -> None:
        old = getattr(self, name)
        setattr(self, name, value if old == 0 else old + 0.1 * (value - old))


class Scheduler:
    """Analyses the frames of one live source in the time that its rate leaves.

    ``analyze`` is called from one thread, with frames in order. In its reports a face carries what was read in that
    frame; what was not is None, and a tracker that fuses evidence fills it in.

    Args:
        engine: with the part "landmarks"; without it every frame is analysed whole.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._people: list[_Person] = []
        self._costs = _Costs()
        self._interval = 1 / 30
        self._last: float | None = None
        self._detected_at = -1e9
        self._turn = 0
        self.plan = Plan(0, 0.0, DETECT_SECONDS, READ_SECONDS, 0, 0, 0)

    def analyze(self, frame: Frame) -> FrameReport:
        """The report of the next frame.

        Raises:
            PictureError, ProviderError: see ``Engine.analyze``.
        """
        if "landmarks" not in self._engine.networks:
            return self._engine.analyze(frame, thorough=False)
        self._keep_time(frame.captured_at)
        clock = Clock()
        with clock.stage("total"):
            self._choose_level()
            followed = self._follow(frame, clock)
            lost = len(followed) < len(self._people)
            since = frame.captured_at - self._detected_at
            due = since >= self.plan.detect_seconds or self._interval >= SLOW_SECONDS
            self._people = followed
            detected = lost or due or not followed
            if detected:
                self._detect(frame, clock)
            read = self._refresh(frame, clock)
        self.plan = replace(self.plan, detected=int(detected), followed=len(followed), read=read)
        return self._engine.report(frame, tuple(person.face for person in self._people), clock)

    def _keep_time(self, now: float) -> None:
        if self._last is not None and 0 < now - self._last < 1:
            self._interval += 0.1 * (now - self._last - self._interval)
        self._last = now

    def _choose_level(self) -> None:
        """The first level whose mean cost fits into the time between frames."""
        count, frames = len(self._people), 1 / max(self._interval, 1e-3)
        budget = SHARE * self._interval * 1000
        for level in range(len(LEVELS)):
            detect = DETECT_SECONDS * (1, 1, 3, 4)[level]
            read = READ_SECONDS * (1, 4, 6, 8)[level]
            follow = count * self._costs.landmarks * (1 if level < 3 else 0.5)
            cost = follow + self._costs.detect / detect / frames + count * self._costs.whole / read / frames
            if cost <= budget or level == len(LEVELS) - 1:
                load = cost / max(self._interval * 1000, 1e-6)
                self.plan = Plan(level, load, detect, read, 0, 0, 0)
                return

    def _follow(self, frame: Frame, clock: Clock) -> list[_Person]:
        """Those who are still where their landmarks say."""
        people = self._people
        self._turn += 1
        if self.plan.level == len(LEVELS) - 1 and len(people) > 1:
            # the last resort: half of the people in turn, the others stay where they were
            moving = {i for i in range(len(people)) if (i + self._turn) % 2}
        else:
            moving = set(range(len(people)))
        chosen = [people[i].face.detection for i in sorted(moving)]
        if not chosen:
            return people
        before = clock.timings.get("landmarks", 0.0)
        faces = self._engine.read(frame, chosen, frozenset({"landmarks"}), clock=clock)
        self._costs.learn("landmarks", (clock.timings["landmarks"] - before) / len(chosen))
        kept = []
        fresh = iter(faces)
        for index, person in enumerate(people):
            if index not in moving:
                kept.append(replace(person, face=bare(person.face)))
                continue
            face = moved(person.face, next(fresh))
            if face is not None:
                kept.append(replace(person, face=face))
        return kept

    def _detect(self, frame: Frame, clock: Clock) -> None:
        """Find everybody; those who were followed keep their places in the queue for attributes."""
        found = self._engine.find(frame, False, clock)
        self._costs.learn("detect", clock.timings["detect"])
        self._detected_at = frame.captured_at
        faces = self._engine.read(frame, found, frozenset({"landmarks"}), clock=clock)
        overlap = iou_matrix([p.face.detection.box for p in self._people], [d.box for d in found])
        before: dict[int, int] = {}
        while overlap.size and overlap.max() >= MATCH_IOU:
            row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
            before[int(column)] = int(row)
            overlap[row, :], overlap[:, column] = -1, -1
        people = []
        for index, face in enumerate(faces):
            old = self._people[before[index]] if index in before else None
            people.append(_Person(face) if old is None else replace(old, face=face, unseen=0))
        for place, person in enumerate(self._people):
            # the detector may blink, at a profile or behind a hand, where the landmarks still hold on
            held = person.face.landmarks is not None and person.face.landmarks.spread is not None
            if place not in before.values() and held and person.unseen < MOST_UNSEEN:
                people.append(replace(person, unseen=person.unseen + 1))
        self._people = people

    def _refresh(self, frame: Frame, clock: Clock) -> int:
        """Read the attributes of those whose turn it is, the most urgent first, as many as there is time for."""
        now = frame.captured_at
        waiting = []
        for person in self._people:
            early = person.readings < EARLY_READINGS and self.plan.level == 0
            due = EARLY_SECONDS if early else self.plan.read_seconds
            urgency = (now - person.read_at) / due if person.readings else np.inf
            if urgency >= 1:
                waiting.append((urgency, person))
        waiting.sort(key=lambda item: -item[0])
        spent = sum(value for name, value in clock.timings.items() if name != "total")
        left = SHARE * self._interval * 1000 - spent
        each = self._costs.whole
        fitting = len(waiting) if each == 0 else max(int(left / each), 1)
        chosen = [person for _, person in waiting[:fitting]]
        if not chosen:
            return 0
        whole = Clock()
        faces = self._engine.read(frame, [p.face.detection for p in chosen], clock=whole)
        self._costs.learn("whole", sum(whole.timings.values()) / len(chosen))
        for name, value in whole.timings.items():
            clock.timings[name] = clock.timings.get(name, 0.0) + value
        for person, face in zip(chosen, faces):
            person.face, person.read_at = face, now
            person.readings += 1
        return len(chosen)


def bare(face: Face) -> Face:
    """The face with its place and landmarks alone."""
    return Face(face.track_id, face.detection, landmarks=face.landmarks)


def moved(old: Face, new: Face) -> Face | None:
    """A followed face at its new place: box and five points go with the landmarks; None where it is lost.

    Args:
        old: with the landmarks of the frame before (or none, after a detection without them).
        new: the landmarks found in this frame from the old place.
    """
    if new.landmarks is None or old.landmarks is None:
        return None
    width = max(old.detection.box.width, 1.0)
    spread = new.landmarks.spread
    if spread is not None and float(spread.mean()) > MOST_SPREAD * width:
        return None
    matrix = similarity(old.landmarks.points, new.landmarks.points)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not 1 / MOST_CHANGE < scale < MOST_CHANGE:
        return None
    box = old.detection.box
    ((x, y),) = transform(matrix, [box.centre])
    size = (box.width * scale, box.height * scale)
    place = Box(float(x) - size[0] / 2, float(y) - size[1] / 2, *size)
    five = Landmarks(transform(matrix, old.detection.landmarks.points), "five")
    return Face(old.track_id, Detection(place, old.detection.confidence, five), landmarks=new.landmarks)
