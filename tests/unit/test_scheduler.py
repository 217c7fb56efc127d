"""Which networks run on which frame: a stand-in engine with known costs, and the real one on the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from facelens.engine import Engine, open_engine
from facelens.geometry import iou
from facelens.options import EngineOptions
from facelens.scheduler import LEVELS, Scheduler
from facelens.sources import DemoSource
from facelens.timing import StageClock
from facelens.types import AgeEstimate, Box, Detection, Face, Frame, FrameReport, Landmarks
from facelens.vision.crop import TEN_CROPS, View
from facelens.vision.follow import MOST_BENT, Course, carried, moved
from facelens.vision.gaze import Gaze
from facelens.vision.pose import MODEL
from facelens.vision.schemes import FIVE
from facelens.vision.stir import Stir
from facelens.watcher import Watcher


def shape(turn: float = 0.0) -> np.ndarray:
    """68 points about the origin whose five lie as those of a head turned by so many degrees."""
    points = np.random.default_rng(0).uniform(-40, 40, (68, 2))
    angle = np.radians(turn)
    for group, (x, y, z) in zip(FIVE, MODEL):
        points[list(group)] = (x * np.cos(angle) + z * np.sin(angle), y)
    return points


SHAPE = shape()


class World(Engine):
    """People at known places, and an engine that finds and reads them at set costs (ms, as its clock tells them)."""

    def __init__(self, detect: float = 10.0, landmarks: float = 1.0, whole: float = 3.0) -> None:
        self.costs = {"detect": detect, "landmarks": landmarks, "whole": whole}
        self.people: list[tuple[float, float]] = [(100.0, 100.0)]
        self.spread, self.turn = 1.0, 0.0
        self.tremble = 0.0
        """Px by which each landmark is off, anew at each look."""
        self._noise = np.random.default_rng(1)
        self.blind = False
        self.calls: list[str] = []
        self.views: list[View] = []

    options = EngineOptions()
    networks = {"landmarks": None, "attributes": None}  # type: ignore[assignment]  # noqa: RUF012

    def _detection(self, x: float, y: float) -> Detection:
        five = np.array([[-20, -10], [20, -10], [0, 5], [-15, 25], [15, 25]]) + np.array([x, y])
        return Detection(Box(x - 50, y - 50, 100, 100), 0.9, Landmarks(five, "five"))

    def find(
        self,
        frame: Frame,
        thorough: bool,
        clock: StageClock,
        gaze: Gaze | None = None,
        known: Sequence[Box] | None = None,
    ) -> tuple[Detection, ...]:
        assert not thorough
        self.calls.append("detect")
        clock.timings["detect"] = self.costs["detect"]
        seen = () if self.blind else tuple(self._detection(x, y) for x, y in self.people)
        return seen if gaze is None else gaze.find(lambda side: seen, frame.captured_at, frame.width, known)

    def read(
        self,
        frame: Frame,
        found: Sequence[Detection],
        parts: frozenset[str] | None = None,
        *,
        clock: StageClock,
        twice: bool = False,
        second: bool = False,
        views: Sequence[Sequence[View]] | None = None,
    ) -> tuple[Face, ...]:
        kind = "whole" if parts is None else "landmarks"
        # who is read anew is read by all networks, at once; who is followed, by one
        assert (twice, second) == (False, kind == "whole")
        self.views += [view for mine in views or () for view in mine]
        self.calls += [kind] * len(found)
        if found:
            clock.timings[kind] = clock.timings.get(kind, 0.0) + self.costs[kind] * len(found)
        faces = []
        for index, detection in enumerate(found):
            # the landmarks snap to the nearest person
            centre = np.array(detection.box.centre)
            x, y = min(self.people, key=lambda p: float(np.hypot(*(centre - p))), default=(0.0, 0.0))
            off = self._noise.normal(0, self.tremble, (68, 2)) + np.array([x, y])
            points = Landmarks(shape(self.turn) + off, "ibug68", np.full(68, self.spread))
            age = AgeEstimate(30, 25, 35, np.full(101, 1 / 101)) if kind == "whole" else None
            faces.append(Face(index + 1, detection, age=age, landmarks=points))
        return tuple(faces)

    def report(self, frame: Frame, faces: tuple[Face, ...], clock: StageClock) -> FrameReport:
        return FrameReport(frame.index, frame.captured_at, (640, 480), faces, clock.timings)


def run(scheduler: Scheduler, frames: int, fps: float = 30.0, start: int = 0) -> list[FrameReport]:
    """Frames in which people are white where they are, so that it shows when they move."""
    reports = []
    for index in range(start, start + frames):
        picture = np.zeros((480, 640, 3), np.uint8)
        for x, y in scheduler.engine.people:  # type: ignore[attr-defined]
            picture[max(int(y) - 40, 0) : int(y) + 40, max(int(x) - 30, 0) : int(x) + 30] = 255
        reports.append(scheduler.analyze(Frame(picture, index, index / fps)))
    return reports


def test_a_still_face_is_detected_seldom_and_looked_at_in_every_second_frame() -> None:
    world = World()
    scheduler = Scheduler(world)
    reports = run(scheduler, 60)
    assert all(len(report.faces) == 1 for report in reports)
    assert all(report.faces[0].landmarks is not None for report in reports)
    # two seconds in which nothing stirs, one landmarks run in two frames (one more where it is also detected)
    assert world.calls.count("detect") == 3
    assert 30 <= world.calls.count("landmarks") <= 36
    # four early readings, then one each half second
    assert 5 <= world.calls.count("whole") <= 9
    fresh = [report for report in reports if report.faces[0].age is not None]
    assert len(fresh) == world.calls.count("whole")
    assert scheduler.plan.level == 0
    assert scheduler.plan.words == LEVELS[0]


def test_the_box_goes_with_the_face() -> None:
    world = World()
    scheduler = Scheduler(world)
    for index in range(40):
        world.people = [(100.0 + 4 * index, 100.0 + index)]
        (face,) = run(scheduler, 1, start=index)[0].faces
        assert np.allclose(face.detection.box.centre, world.people[0], atol=4.5)
        assert face.detection.box.width == pytest.approx(100, abs=1)
    assert world.calls.count("detect") < 10


@pytest.mark.parametrize("before", [31, 33, 40, 44])
def test_a_newcomer_is_seen_within_a_tenth_of_a_second(before: int) -> None:
    world = World()
    scheduler = Scheduler(world)
    run(scheduler, before)
    world.people.append((500.0, 100.0))
    reports = run(scheduler, 10, start=before)
    first = next(i for i, report in enumerate(reports) if len(report.faces) == 2)
    assert first <= 3
    # and is read at once
    assert reports[first].faces[1].age is not None


@pytest.mark.parametrize("frames", [20, 21])
def test_one_who_left_is_gone_at_the_next_look_where_the_landmarks_lose_hold(frames: int) -> None:
    world = World()
    scheduler = Scheduler(world)
    run(scheduler, frames)
    world.people, world.spread = [], 30.0
    before = world.calls.count("detect")
    reports = run(scheduler, 2, start=frames)
    # who stands still is looked at in every second frame
    assert reports[-1].faces == ()
    assert [len(report.faces) for report in reports] in ([0, 0], [1, 0])
    # whoever is lost is looked for in the same frame
    lost = next(report for report in reports if not report.faces)
    assert "detect" in lost.timings
    assert world.calls.count("detect") > before


def test_a_detector_that_blinks_does_not_lose_a_face_that_the_landmarks_hold() -> None:
    world = World()
    scheduler = Scheduler(world)
    run(scheduler, 20)
    world.blind = True
    assert all(len(report.faces) == 1 for report in run(scheduler, 12, start=20))
    # but not for ever: a poster or a hand must not be followed on and on
    assert run(scheduler, 36, start=32)[-1].faces == ()


def test_an_empty_room_is_looked_at_five_times_a_second_and_at_once_where_something_stirs() -> None:
    world = World()
    world.people = []
    scheduler = Scheduler(world)
    run(scheduler, 31)
    assert world.calls == ["detect"] * 6
    world.people = [(300.0, 100.0)]
    (report,) = run(scheduler, 1, start=31)
    assert len(report.faces) == 1


def test_readings_take_the_ten_crops_in_turn() -> None:
    world = World()
    run(Scheduler(world), 300)
    assert world.views[:10] == list(TEN_CROPS)
    assert world.views[10:12] == list(TEN_CROPS[:2])


def test_a_face_that_turns_to_the_camera_is_read_at_once() -> None:
    world = World()
    world.turn = 25.0
    scheduler = Scheduler(world)
    run(scheduler, 61)
    read = world.calls.count("whole")
    aged = next(i for i in range(30) if run(scheduler, 1, start=61 + i) and world.calls.count("whole") > read)
    # it has just been read, so nothing is due for half a second, unless it is seen better
    world.turn = 0.0
    read = world.calls.count("whole")
    better = next(i for i in range(30) if run(scheduler, 1, start=62 + aged + i) and world.calls.count("whole") > read)
    assert better <= 3
    world.turn = 25.0
    read = world.calls.count("whole")
    worse = next(
        i for i in range(30) if run(scheduler, 1, start=63 + aged + better + i) and world.calls.count("whole") > read
    )
    assert worse >= 13


def test_what_stirs_and_where() -> None:
    stir, box = Stir(), Box(280, 180, 80, 100)
    grey = np.full((480, 640, 3), 100, np.uint8)
    assert stir.step(grey, [box]) == (True, True), "nothing is known yet"
    stir.settle()
    noise = np.random.default_rng(0).normal(0, 12, grey.shape)
    assert stir.step(np.clip(grey + noise, 0, 255).astype(np.uint8), [box]) == (False, False)
    assert stir.step(grey + 40, [box]) == (False, False), "a lamp was switched on"
    shoulders, corner = grey.copy(), grey.copy()
    shoulders[300:480, 240:400] = 160
    assert stir.step(shoulders, [box]) == (True, False)
    corner[0:60, 560:640] = 160
    assert stir.step(corner, [box]) == (False, True)
    # compared with what was settled, so that slow changes add up
    for level in range(1, 30):
        slow = grey.copy()
        slow[0:60, 560:640] += np.uint8(level)
        found = stir.step(slow, [box])
    assert found == (False, True)


def test_clips_and_those_who_want_it_have_every_frame_whole() -> None:
    class Whole(World):
        def analyze(self, frame: Frame | Any, thorough: bool = True, gaze: Gaze | None = None) -> FrameReport:
            self.calls.append("analyze")
            gazes.append(gaze)
            return FrameReport(frame.index, frame.captured_at, (640, 480), (), {})

    gazes: list[Gaze | None] = []
    world, source = Whole(), DemoSource()
    source.is_live = False
    watcher = Watcher(lambda: world, source)
    picture = np.zeros((480, 640, 3), np.uint8)
    watcher.analyze(Frame(picture, 0, 0.0))
    assert world.calls == ["analyze"]
    assert watcher.plan is None
    source.is_live = True
    watcher.analyze(Frame(picture, 1, 0.1))
    assert world.calls[1:] == ["detect", "landmarks", "whole"]
    assert watcher.plan is not None
    watcher.whole = True
    watcher.analyze(Frame(picture, 2, 0.2))
    watcher.analyze(Frame(picture, 2, 0.23))
    assert world.calls[-1] == "analyze"
    # each picture of a clip is looked at in full, a camera's as closely as the faces in it need
    assert gazes[0] is None
    assert gazes[1] is not None
    assert gazes[1] is gazes[2]
    assert gazes[1].full == world.options.detect_size
    # another engine: the clocks begin anew
    watcher.whole, old, world = False, world, Whole()
    watcher.analyze(Frame(picture, 3, 0.3))
    assert world.calls[0] == "detect"
    assert old.calls[-1] == "analyze"


def test_at_few_frames_a_second_every_frame_is_searched() -> None:
    world = World()
    scheduler = Scheduler(world)
    run(scheduler, 40, fps=4)
    world.calls.clear()
    run(scheduler, 10, fps=4, start=40)
    assert world.calls.count("detect") == 10


def test_what_is_given_up_and_in_which_order() -> None:
    levels, readings, detections = [], [], []
    for people in (1, 8, 14, 22, 40):
        world = World(detect=16, landmarks=1.0, whole=4.0)
        world.tremble = 1.0
        world.people = [(120.0 * (i % 8), 120.0 * (i // 8)) for i in range(people)]
        scheduler = Scheduler(world)
        run(scheduler, 60)
        world.calls.clear()
        reports, seen = [], set()
        for index in range(60, 120):
            scheduler._costs.rest = 0.0  # what this machine takes for the test itself, loaded or not
            reports += run(scheduler, 1, start=index)
            seen.add(scheduler.plan.level)
        assert all(len(report.faces) == people for report in reports)
        assert len(seen) == 1, "what is given up stays given up"
        levels.append(scheduler.plan.level)
        readings.append(world.calls.count("whole") / people)
        detections.append(world.calls.count("detect"))
    assert levels == sorted(levels)
    assert levels[0] == 0
    assert levels[-1] == len(LEVELS) - 1
    assert readings[0] > readings[-1]
    assert detections[0] > detections[-1] >= 1


def test_frames_that_analysis_is_too_late_for_count() -> None:
    """A camera of 30 frames/s of which every other frame is skipped leaves no more time than one that is not."""
    plans = []
    for every in (1, 2):
        world = World(detect=16, landmarks=1.0, whole=4.0)
        world.tremble = 1.0
        world.people = [(120.0 * (i % 8), 120.0 * (i // 8)) for i in range(22)]
        scheduler = Scheduler(world)
        for index in range(0, 120 * every, every):
            scheduler._costs.rest = 0.0  # what this machine takes for the test itself, loaded or not
            run(scheduler, 1, start=index)
        plans.append(scheduler.plan)
    assert plans[0].level == plans[1].level > 0
    assert plans[0].load == pytest.approx(plans[1].load, rel=0.1)


def test_moved_by_hand() -> None:
    old = Face(1, World()._detection(100, 100), landmarks=Landmarks(SHAPE + 100, "ibug68"))
    shifted = Face(1, old.detection, landmarks=Landmarks(SHAPE * 1.1 + (110, 95), "ibug68", np.full(68, 1.0)))
    step = moved(old, old, shifted)
    assert step is not None
    face = step.face
    assert step.scale == pytest.approx(1.1)
    assert face.detection.box.width == pytest.approx(110, rel=1e-3)
    assert face.detection.box.centre == pytest.approx((110, 95), abs=0.01)
    assert np.allclose(face.detection.landmarks.points[2], (110, 100.5), atol=0.01)
    larger = Face(1, old.detection, landmarks=Landmarks(SHAPE * 1.5 + 100, "ibug68"))
    assert moved(old, old, larger) is None
    # it grew so in many frames, and little in this one
    assert moved(old, old, larger, 1.4) is not None
    lost = Landmarks(SHAPE + 100, "ibug68", np.full(68, 20.0))
    assert moved(old, old, Face(1, old.detection, landmarks=lost)) is None
    assert moved(old, old, Face(1, old.detection)) is None


def test_the_demo_is_followed_at_a_fraction_of_the_work() -> None:
    demo = DemoSource((640, 360), faces=2, paced=False)
    with open_engine(provider="cpu", finder="onnxruntime") as engine, demo as source:
        scheduler = Scheduler(engine)
        detected = seen = 0
        for _ in range(40):
            frame = source.read()
            assert frame is not None
            report = scheduler.analyze(frame)
            detected += scheduler.plan.detected
            truth = source.truth(frame.index)
            seen += sum(any(iou(face.detection.box, box) > 0.4 for face in report.faces) for box in truth.boxes)
    assert detected <= 15
    assert seen >= 70


def test_landmarks_that_go_astray_have_the_face_detected_at_once() -> None:
    old = Face(1, World()._detection(100, 100), landmarks=Landmarks(SHAPE + 100, "ibug68"))
    turned = Face(1, old.detection, landmarks=Landmarks(SHAPE * 1.1 @ [[0.9, 0.43], [-0.43, 0.9]] + 80, "ibug68"))
    step = moved(old, old, turned)
    assert step is not None
    assert step.bend < MOST_BENT, "place, size and roll are no change of shape"
    step = moved(old, old, Face(1, old.detection, landmarks=Landmarks(shape(30) + 100, "ibug68")))
    assert step is not None
    assert step.bend > MOST_BENT
    world = World()
    scheduler = Scheduler(world)
    run(scheduler, 45)
    before = world.calls.count("detect")
    world.turn = 30.0
    run(scheduler, 2, start=45)
    assert world.calls.count("detect") == before + 1


@pytest.mark.parametrize("people", [1, 2])
def test_a_face_on_a_steady_course_is_carried_on_in_every_second_frame(people: int) -> None:
    world = World()
    world.people = [(100.0 + 250 * i, 100.0) for i in range(people)]
    scheduler = Scheduler(world)
    run(scheduler, 5)
    world.calls.clear()
    for index in range(5, 35):
        world.people = [(x + 3, y + 2) for x, y in world.people]
        (report,) = run(scheduler, 1, start=index)
        for face, (x, y) in zip(report.faces, world.people):
            assert face.landmarks is not None
            if index > 18:  # its speed is known
                assert face.detection.box.centre == pytest.approx((x, y), abs=0.2)
                assert np.allclose(face.landmarks.points, SHAPE + np.array([x, y]), atol=0.2)
    looks = world.calls.count("landmarks") / people
    assert looks <= 30 / 2 + 3 + world.calls.count("detect")
    # it stops: one frame too far at most
    ends = [run(scheduler, 1, start=index)[0] for index in range(35, 38)]
    for face, (x, y) in zip(ends[-1].faces, world.people):
        assert face.detection.box.centre == pytest.approx((x, y), abs=0.2)
    worst = max(abs(f.detection.box.centre[0] - x) for e in ends for f, (x, _) in zip(e.faces, world.people))
    assert worst <= 3.1


@pytest.mark.parametrize("gap", [0.12, 0.4, 20.0, -3.0])
@pytest.mark.parametrize("frames", [30, 31])
def test_nobody_is_carried_over_a_gap(gap: float, frames: int) -> None:
    """A pause, a camera that comes back, a clock that steps back: where a course leads by then is no face's place."""
    world = World()
    world.people = [(100.0, 100.0)]
    scheduler = Scheduler(world)
    for index in range(frames):
        world.people = [(100.0 + 3 * index, 100.0)]
        run(scheduler, 1, start=index)
    world.calls.clear()
    picture = np.zeros((480, 640, 3), np.uint8)
    report = scheduler.analyze(Frame(picture, frames, (frames - 1) / 30 + gap))
    assert "landmarks" in world.calls, "it is looked at, whosever turn it is"
    (face,) = report.faces
    assert face.detection.box.centre == pytest.approx(world.people[0], abs=0.5)


def test_nobody_is_carried_twice_running_even_if_their_order_changes() -> None:
    world = World()
    world.people = [(100.0, 100.0), (400.0, 100.0)]
    scheduler = Scheduler(world)
    run(scheduler, 20)
    for index in range(20, 40):
        world.calls.clear()
        scheduler._people.reverse()
        carried_before = {p.face.detection.box.x for p in scheduler._people if p.course.at < p.at}
        run(scheduler, 1, start=index)
        carried_now = {p.face.detection.box.x for p in scheduler._people if p.course.at < p.at}
        assert not {round(x) for x in carried_before} & {round(x) for x in carried_now}


def test_the_plan_says_how_many_pixels_the_detector_saw() -> None:
    world = World()
    scheduler = Scheduler(world)
    sides = set()

    class Asks(World):
        def report(self, frame: Frame, faces: tuple[Face, ...], clock: StageClock) -> FrameReport:
            sides.add(scheduler.plan.side)
            return super().report(frame, faces, clock)

    scheduler.engine = world = Asks()
    run(scheduler, 60)
    # 100 px of the frame's 640 are enough in 320; never 0, nor more than the frame has
    assert sides - {0} == {640, 320}
    small = Scheduler(World())
    small.analyze(Frame(np.zeros((240, 320, 3), np.uint8), 0, 0.0))
    small.analyze(Frame(np.zeros((240, 320, 3), np.uint8), 1, 1 / 30))
    assert small.plan.side == 320


def test_a_face_that_trembles_or_talks_is_looked_at_in_every_frame() -> None:
    world = World()
    world.tremble = 1.0
    scheduler = Scheduler(world)
    run(scheduler, 40)
    assert world.calls.count("landmarks") >= 40


def test_a_course_by_hand() -> None:
    def face(scale: float, x: float) -> Face:
        five = Landmarks(np.array([[-20, -10], [20, -10], [0, 5], [-15, 25], [15, 25]]) * scale + (x, 50), "five")
        box = Box(x - 50 * scale, 50 - 50 * scale, 100 * scale, 100 * scale)
        return Face(1, Detection(box, 0.9, five), landmarks=Landmarks(SHAPE * scale + (x, 50), "ibug68"))

    course = Course.begin(face(1.0, 100), 2.0)
    assert not course.steady
    assert carried(face(1.0, 100), course, 0.5).detection.box == face(1.0, 100).detection.box
    course = course.seen(face(1.1, 120), face(1.0, 100), 2.5)
    assert not course.steady, "it was expected to stand still"
    later = carried(face(1.1, 120), course, 0.25)
    assert later.landmarks is not None
    # 20 px and a tenth of its first size in half a second: half as much in a quarter, of which half is believed
    assert later.detection.box.centre == pytest.approx((120 + 5.5, 50), abs=0.5)
    assert later.detection.box.width == pytest.approx(110 * 1.025)
    assert np.ptp(later.landmarks.points[:, 0]) == pytest.approx(np.ptp(SHAPE[:, 0]) * 1.1 * 1.025, rel=1e-4)
    assert course.seen(later, later, 2.75).steady
    assert np.allclose(
        later.detection.landmarks.points[2], later.detection.box.centre + np.array([0, 5 * 1.1 * 1.025]), atol=0.01
    )
