"""Separate clocks for a live view: which networks run on which frame, so that analysis keeps up with the camera.

Between detections a face is followed by its own landmarks (``vision.follow``): that network is cheap, finds the face
again where it was a moment ago, and says with its spreads whether there still is one. A face that goes on steadily is
carried on by its course in every second frame. The detector looks at once where
something stirs beside the people who are known, seldom where nothing does (``vision.stir``). Attributes are read anew
when a face is new, turns to the camera, or its last reading has aged, each time in another crop and by all networks
there are: what is seldom done can be done well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facelens.engine import Engine
from facelens.geometry import iou_matrix
from facelens.timing import StageClock
from facelens.types import Face, Frame, FrameReport
from facelens.vision.crop import TEN_CROPS
from facelens.vision.follow import MOST_BENT, Course, carried, moved
from facelens.vision.gaze import Gaze
from facelens.vision.pose import head_pose
from facelens.vision.schemes import to_scheme
from facelens.vision.stir import Stir

DETECT_SECONDS, STIRRED_SECONDS, STILL_SECONDS = 0.5, 0.1, 0.75
"""Between detections: where only those who are known move, where something stirs elsewhere, where nothing does.
Landmarks tell from frame to frame whether a face is still there: these look for others."""
DOUBT_SECONDS, LONGEST_SECONDS = 0.33, 1.5
"""The same where the last one missed somebody whom landmarks hold; and however little time there is."""
READ_SECONDS = 0.5
"""Age at which a reading is made anew."""
EARLY_READINGS, EARLY_SECONDS = 4, 0.12
"""The first readings of a face follow each other faster: evidence grows while it is needed most."""
BETTER_DEGREES = 12.0
"""A face that looks so much more straight at the camera than at its last reading is read as soon as a new one."""
SHARE = 0.8
"""Share of the time between frames that analysis may take."""
ALONE_SECONDS = 0.2
"""Between detections where nobody is known and nothing stirs; where something does, every frame is searched."""
SLACK = 1e-4
"""Seconds that frame times may be off."""
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
    side: int = 0
    """Longest side in px of what the detector last saw."""

    @property
    def words(self) -> str:
        return LEVELS[self.level]


@dataclass(slots=True)
class _Person:
    face: Face
    anchor: Face
    """Where it was last detected."""
    course: Course
    at: float
    """When it was at the place of ``face``, seconds."""
    read_at: float = -1e9
    aside: float = 0.0
    """How far it looked away from the camera when it was last read, degrees."""
    readings: int = 0
    unseen: int = 0
    """Detections in a row that did not find the face."""
    scale: float = 1.0
    bend: float = 0.0
    """Size and change of shape since the anchor, see ``vision.follow.Step``."""


class _Costs:
    """Running means of what each stage costs, ms, and of the ``share`` of the people who are followed in a frame."""

    def __init__(self) -> None:
        self.detect = self.follow = self.whole = self.rest = self.share = 0.0

    def learn(self, name: str, value: float) -> None:
        old = getattr(self, name)
        setattr(self, name, value if old == 0 else old + 0.1 * (value - old))


class Scheduler:
    """Analyses the frames of one live source in the time that its rate leaves.

    ``analyze`` is called from one thread, with frames in order. In its reports a face carries what was read in that
    frame; what was not is None, and a tracker that fuses evidence fills it in.

    Args:
        engine: with the part "landmarks".
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._people: list[_Person] = []
        self._costs = _Costs()
        self._interval = self._step = 1 / 30
        self._last: tuple[float, int] | None = None
        self._detected_at = -1e9
        self._turn = 0
        self._stir, self._stirred = Stir(), (True, True)
        self._gaze = Gaze(engine.options.detect_size)
        self._side = 0
        self.plan = Plan(0, 0.0, DETECT_SECONDS, READ_SECONDS, 0, 0, 0)

    def analyze(self, frame: Frame) -> FrameReport:
        """The report of the next frame.

        Raises:
            PictureError, ProviderError: see ``Engine.analyze``.
        """
        self._keep_time(frame)
        clock = StageClock()
        with clock.stage("total"):
            self._choose_level()
            due = self._is_due(frame) or self._step >= SLOW_SECONDS
            followed = self._follow(frame, clock, due)
            lost = len(followed) < len(self._people)
            self._people = followed
            doubtful = any(person.bend > MOST_BENT for person in followed)
            detected = lost or doubtful or due
            if detected:
                self._detect(frame, clock)
            read = self._refresh(frame, clock)
        if self._people:
            self._costs.learn("rest", max(clock.timings["total"] - _spent(clock), 0.0) / len(self._people))
        self.plan = replace(self.plan, detected=int(detected), followed=len(followed), read=read)
        return self.engine.report(frame, tuple(person.face for person in self._people), clock)

    def _is_due(self, frame: Frame) -> bool:
        """Whether it is time to look for faces."""
        if self._turn % 2 == 0 or not self._people:
            # a frame later is soon enough where somebody is being watched
            self._stirred = self._stir.step(frame.image, [person.face.detection.box for person in self._people])
        near, elsewhere = self._stirred
        since = frame.captured_at - self._detected_at
        if not self._people:
            return elsewhere or since >= ALONE_SECONDS - SLACK
        pause = STIRRED_SECONDS if elsewhere else DETECT_SECONDS if near else STILL_SECONDS
        if any(person.unseen for person in self._people):
            # a poster or a hand that landmarks hold on to must not stay for long
            pause = min(pause, DOUBT_SECONDS)
        return since >= min(pause * self.plan.detect_seconds / DETECT_SECONDS, LONGEST_SECONDS) - SLACK

    def _keep_time(self, frame: Frame) -> None:
        """Learn the time between the camera's frames, which counts those that analysis was too late for, and that
        between the frames that come here."""
        if self._last is not None:
            before, index = self._last
            step = frame.captured_at - before
            if 0 < step < 1:
                self._step += 0.1 * (step - self._step)
                self._interval += 0.1 * (step / max(frame.index - index, 1) - self._interval)
        self._last = frame.captured_at, frame.index

    def _choose_level(self) -> None:
        """The first level whose mean cost fits into the time between frames."""
        count, frames = len(self._people), 1 / max(self._interval, 1e-3)
        budget = SHARE * self._interval * 1000
        for level in range(len(LEVELS)):
            detect = DETECT_SECONDS * (1, 1, 3, 4)[level]
            read = READ_SECONDS * (1, 4, 6, 8)[level]
            share = min(self._costs.share, 0.5 if level == len(LEVELS) - 1 and count > 1 else 1)
            follow = count * (self._costs.follow * share + self._costs.rest)
            cost = follow + self._costs.detect / detect / frames + count * self._costs.whole / read / frames
            if cost <= budget or level == len(LEVELS) - 1:
                load = cost / max(self._interval * 1000, 1e-6)
                self.plan = Plan(level, load, detect, read, 0, 0, 0, self._side)
                return

    def _follow(self, frame: Frame, clock: StageClock, all_of_them: bool) -> list[_Person]:
        """Those who are still where their landmarks say.

        Who goes on steadily is looked at in every second frame, half of them in turn, and carried on in the others,
        but never twice running, nor over a gap; ``all_of_them`` are looked at before the detector has its say.
        """
        now = frame.captured_at
        self._turn += 1
        # the last resort
        everybody = self.plan.level == len(LEVELS) - 1 and len(self._people) > 1
        people, steady = [], 0
        for index, person in enumerate(self._people):
            since = now - person.at
            may = (index + self._turn) % 2 == 0 and person.course.at >= person.at and 0 < since < SLOW_SECONDS
            carry = may and not all_of_them and (person.course.steady or everybody)
            steady += may and person.course.steady
            face = carried(person.face, person.course, since if abs(since) < SLOW_SECONDS else 0.0)
            people.append((replace(person, face=face if carry else person.face, at=now), face, carry))
        chosen = [person.face.detection for person, _, carry in people if not carry]
        if people:
            # as if there were time for all: what the last resort saves is no reason to leave it
            self._costs.learn("share", 1 - steady / len(people))
        if not chosen:
            return [person for person, *_ in people]
        before = _spent(clock)
        fresh = iter(self.engine.read(frame, chosen, frozenset({"landmarks"}), clock=clock))
        self._costs.learn("follow", (_spent(clock) - before) / len(chosen))
        kept = []
        for person, expected, carry in people:
            if carry:
                kept.append(person)
                continue
            step = moved(person.anchor, person.face, next(fresh), person.scale)
            if step is not None:
                course = person.course.seen(step.face, expected, now)
                kept.append(replace(person, face=step.face, scale=step.scale, bend=step.bend, course=course))
        return kept

    def _detect(self, frame: Frame, clock: StageClock) -> None:
        """Find everybody; those who were followed keep their places in the queue for attributes."""
        known = [person.face.detection.box for person in self._people]
        found = self.engine.find(frame, False, clock, self._gaze, known)
        self._side = min(self._gaze.side, max(frame.width, frame.height))
        self._costs.learn("detect", clock.timings["detect"])
        self._detected_at = frame.captured_at
        self._stir.settle()
        overlap = iou_matrix([p.face.detection.box for p in self._people], [d.box for d in found])
        before: dict[int, int] = {}
        while overlap.size and overlap.max() >= MATCH_IOU:
            row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
            before[int(column)] = int(row)
            overlap[row, :], overlap[:, column] = -1, -1
        # a quick look is too coarse to begin anew from where it finds a face that is followed well: the points would
        # jump by what it is off
        every = self._gaze.side == self._gaze.full or self._step >= SLOW_SECONDS
        held = {i: self._people[j] for i, j in before.items() if not every and self._people[j].bend <= MOST_BENT}
        new = [detection for index, detection in enumerate(found) if index not in held]
        faces = iter(self.engine.read(frame, new, frozenset({"landmarks"}), clock=clock))
        people, at = [], frame.captured_at
        for index in range(len(found)):
            if index in held:
                people.append(replace(held[index], unseen=0))
                continue
            face, old = next(faces), self._people[before[index]] if index in before else None
            here = _Person(face, face, Course.begin(face, at), at)
            people.append(here if old is None else replace(old, face=face, anchor=face, unseen=0, scale=1.0, bend=0.0))
        for place, person in enumerate(self._people):
            # the detector may blink, at a profile or behind a hand, where the landmarks still hold on
            marked = person.face.landmarks is not None and person.face.landmarks.spread is not None
            if place not in before.values() and marked and person.unseen < MOST_UNSEEN:
                people.append(replace(person, unseen=person.unseen + 1))
        self._people = people

    def _refresh(self, frame: Frame, clock: StageClock) -> int:
        """Read the attributes of those whose turn it is, the most urgent first, as many as there is time for."""
        now = frame.captured_at
        waiting = []
        for person in self._people:
            early = person.readings < EARLY_READINGS and self.plan.level == 0
            due = EARLY_SECONDS if early else self.plan.read_seconds
            if person.aside - aside(person.face) > BETTER_DEGREES:
                due = EARLY_SECONDS
            urgency = (now - person.read_at) / due if person.readings else np.inf
            if urgency >= 1:
                waiting.append((urgency, person))
        waiting.sort(key=lambda item: -item[0])
        left = SHARE * self._interval * 1000 - _spent(clock)
        each = self._costs.whole
        fitting = len(waiting) if each == 0 else max(int(left / each), 1)
        chosen = [person for _, person in waiting[:fitting]]
        if not chosen:
            return 0
        whole = StageClock()
        views = [(TEN_CROPS[person.readings % len(TEN_CROPS)],) for person in chosen]
        faces = self.engine.read(frame, [p.face.detection for p in chosen], clock=whole, second=True, views=views)
        self._costs.learn("whole", sum(whole.timings.values()) / len(chosen))
        for name, value in whole.timings.items():
            clock.timings[name] = clock.timings.get(name, 0.0) + value
        for person, face in zip(chosen, faces):
            person.face, person.read_at, person.aside = face, now, aside(face)
            person.readings += 1
        return len(chosen)


def _spent(clock: StageClock) -> float:
    """Milliseconds of all stages so far."""
    return sum(value for name, value in clock.timings.items() if name != "total")


def aside(face: Face) -> float:
    """How far a face looks away from the camera, degrees, by its landmarks where it has any."""
    five = None if face.landmarks is None else to_scheme(face.landmarks, "five")
    pose = head_pose((five or face.detection.landmarks).points)
    return float(np.hypot(pose.yaw, pose.pitch))
