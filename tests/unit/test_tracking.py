"""Numbers follow people."""

from __future__ import annotations

import numpy as np
import pytest

from facelens.sources.photos import APART_SECONDS
from facelens.tracking import TrackCounts, Tracker
from facelens.types import Box, Detection, Face, FrameReport, Landmarks


def report(at: float, *boxes: Box) -> FrameReport:
    five = Landmarks(np.zeros((5, 2)), "five")
    faces = tuple(Face(i + 1, Detection(box, 0.9, five)) for i, box in enumerate(boxes))
    return FrameReport(0, at, (640, 480), faces)


def ids(found: FrameReport) -> list[int]:
    return [face.track_id for face in found.faces]


def test_numbers_stay_when_the_order_changes() -> None:
    tracker = Tracker()
    a, b = Box(0, 0, 50, 50), Box(200, 0, 50, 50)
    assert ids(tracker.update(report(0.0, a, b))) == [1, 2]
    assert ids(tracker.update(report(0.1, Box(203, 2, 50, 50), Box(4, 1, 50, 50)))) == [2, 1]


def test_a_short_absence_keeps_the_number_and_a_long_one_does_not() -> None:
    tracker = Tracker()
    a = Box(0, 0, 50, 50)
    tracker.update(report(0.0, a))
    tracker.update(report(0.3))
    assert ids(tracker.update(report(0.8, a))) == [1]
    assert ids(tracker.update(report(2.5, a))) == [2]


def test_two_faces_never_share_a_number() -> None:
    tracker = Tracker()
    tracker.update(report(0.0, Box(0, 0, 50, 50)))
    found = ids(tracker.update(report(0.1, Box(5, 0, 50, 50), Box(-8, 0, 50, 50))))
    assert sorted(found) == [1, 2]
    assert found[0] == 1


FIVE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def found(x: float, y: float = 100.0, size: float = 80.0, confidence: float = 0.9, number: int = 1) -> Face:
    """A face with its centre at (x, y)."""
    box = Box(x - size / 2, y - size / 2, size, size)
    return Face(number, Detection(box, confidence, Landmarks(FIVE * size + [box.x, box.y], "five")))


def seen(at: float, *faces: Face, size: tuple[int, int] = (640, 480)) -> FrameReport:
    return FrameReport(0, at, size, faces)


def test_a_second_detection_of_a_face_is_left_out_and_starts_nobody() -> None:
    tracker = Tracker()
    for index in range(30):
        double = found(203, 104, 92, 0.7) if index % 3 else found(195, 92, 30, 0.7)
        out = tracker.update(seen(index / 30, double, found(200), found(400)))
        assert ids(out) == [1, 2] if index else len(out.faces) == 2
    assert (tracker.counts.created, tracker.counts.doubles) == (2, 30)


def test_a_double_does_not_take_the_number_of_one_who_is_away() -> None:
    tracker = Tracker()
    for index in range(10):
        tracker.update(seen(index / 30, found(200), found(300)))
    for index in range(10, 30):
        out = tracker.update(seen(index / 30, found(200), found(204, 103, 88, 0.7)))
        assert ids(out) == [1]
    assert ids(tracker.update(seen(1.0, found(200), found(300)))) == [1, 2]


def test_motion_is_predicted_through_a_second_out_of_sight() -> None:
    tracker = Tracker()
    for index in range(31):
        tracker.update(seen(index / 30, found(100 + 4 * index)))
    # 120 px/s: 0.9 s later it is more than a face further
    assert ids(tracker.update(seen(1.9, found(328)))) == [1]


def test_nobody_is_revived_whose_motion_or_size_does_not_agree() -> None:
    for stranger in (found(600), found(100, size=170), found(100, size=38)):
        tracker = Tracker()
        for index in range(31):
            tracker.update(seen(index / 30, found(100)))
        assert ids(tracker.update(seen(1.6, stranger))) == [2]


def test_who_leaves_the_picture_and_turns_round_is_known() -> None:
    tracker = Tracker()
    for index in range(31):
        tracker.update(seen(index / 30, found(500 + 4 * index)))
    assert ids(tracker.update(seen(1.9, found(615)))) == [1]


def test_points_tell_two_apart_who_pass_each_other_face_to_face() -> None:
    def turned(x: float, turn: float, y: float = 100.0) -> Face:
        face = found(x, y)
        points = face.detection.landmarks.points + np.float32([turn * 80, 0])
        return Face(1, Detection(face.detection.box, 0.9, Landmarks(points, "five")))

    tracker = Tracker()
    for index in range(30):
        tracker.update(seen(index / 30, turned(300, -0.15), turned(400, 0.15)))
    # both as far from one as from the other
    out = tracker.update(seen(1.1, turned(350, -0.15, 60), turned(350, 0.15, 140)))
    assert ids(out) == [1, 2]


def test_what_the_engine_said_is_kept_beside_what_is_shown() -> None:
    tracker = Tracker()
    tracker.update(seen(0.0, found(100), found(300)))
    face = found(305, number=2)
    shown = tracker.update(seen(1 / 30, face)).faces[0]
    assert shown.raw is face, "its number is right already"
    assert shown.raw.raw is None
    assert 300 < shown.detection.box.centre[0] < 305
    again = tracker.update(seen(2 / 30, found(305, number=1))).faces[0]
    assert again.raw is not None
    assert (again.track_id, again.raw.track_id) == (2, 2)
    assert again.raw.detection.box == face.detection.box


def test_counts_tell_what_was_done() -> None:
    tracker = Tracker()
    assert tracker.counts == TrackCounts()
    tracker.update(seen(0.0, found(100), found(400)))
    tracker.update(seen(0.1, found(100)))
    tracker.update(seen(0.2, found(100)))
    tracker.update(seen(0.3, found(100), found(400)))
    tracker.update(seen(0.4, found(100)))
    tracker.update(seen(2.0, found(100)))
    counts = tracker.counts
    assert (counts.created, counts.lost, counts.revived) == (3, 3, 1)
    tracker.update(seen(2.1, found(100)))
    assert counts.created == 3, "a record does not change"


def test_times_that_stand_still_count_as_frames() -> None:
    tracker = Tracker()
    for index in range(10):
        out = tracker.update(seen(0.0, found(100 + 3 * index), found(300)))
    assert ids(out) == [1, 2]
    assert np.isfinite(out.faces[0].detection.box.x)
    for _ in range(32):
        tracker.update(seen(0.0))
    assert ids(tracker.update(seen(0.0, found(130)))) == [3]


@pytest.mark.parametrize("confidence", [0.9, 0.6])
@pytest.mark.parametrize("period", [0.2, 0.9, 1.0, 1.1, 2.0])
def test_slow_sources_keep_their_people(period: float, confidence: float) -> None:
    rng, tracker, at, shown = np.random.default_rng(0), Tracker(), 0.0, 0
    for _ in range(30):
        at += period + rng.normal(0, 0.01)
        shown += len(tracker.update(seen(at, found(200 + rng.normal(0, 1), confidence=confidence))).faces)
    assert tracker.counts.created == 1
    assert shown == 30 - (confidence < 0.75)
    if period <= 1.1:
        tracker.update(seen(at + period))
        assert ids(tracker.update(seen(at + 2 * period, found(200)))) == [1], "also over a frame without them"
    assert ids(tracker.update(seen(at + 20, found(200)))) == [2]


def test_one_long_gap_is_no_slow_source() -> None:
    tracker = Tracker()
    for index in range(10):
        tracker.update(seen(index / 30, found(200)))
    tracker.update(seen(1.8))
    assert ids(tracker.update(seen(1.9, found(200)))) == [2]


def timed(moment: float | None, captured_at: float, *faces: Face) -> FrameReport:
    return FrameReport(0, captured_at, (640, 480), faces, moment=moment)


def test_a_pause_of_the_clip_is_no_absence() -> None:
    tracker = Tracker()
    for index in range(20):
        # after ten frames the window was held for a minute
        at = index / 30 + 60 * (index >= 10)
        assert ids(tracker.update(timed(index / 30, at, found(200)))) == [1]
    assert tracker.counts.created == 1


@pytest.mark.parametrize("moment", [100.0, 2.0, 9.9], ids=["far on", "back", "a little back"])
def test_who_is_there_after_a_seek_is_new(moment: float) -> None:
    tracker = Tracker()
    for index in range(31):
        tracker.update(timed(9 + index / 30, index / 30, found(200)))
    for index in range(3):
        assert ids(tracker.update(timed(moment + index / 30, 1 + index / 30, found(200)))) == [2]
    assert tracker.counts.created == 2


def test_nobody_is_carried_from_one_photo_to_the_next() -> None:
    tracker = Tracker()
    numbers = [ids(tracker.update(timed(index * APART_SECONDS, index / 100, found(200)))) for index in range(6)]
    assert numbers == [[1], [2], [3], [4], [5], [6]]


def test_smoothing_is_checked_and_counts_at_once() -> None:
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="smoothing is from 0 to 1"):
            Tracker(wrong)
    smooth, quick = Tracker(0.0), Tracker(0.0)
    for index in range(10):
        for tracker in (smooth, quick):
            tracker.update(seen(index / 30, found(100)))
    quick.smoothing = 1.0
    lagging, close = (t.update(seen(0.34, found(104))).faces[0].detection.box.centre[0] for t in (smooth, quick))
    assert 100 < lagging < close < 104


def test_sixty_faces_keep_their_numbers_in_any_order() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker()
    places = [(60 + 120 * (n % 10), 60 + 110 * (n // 10)) for n in range(60)]
    for index in range(10):
        order = rng.permutation(60) if index else np.arange(60)
        faces = [found(*(np.array(places[n]) + rng.normal(0, 2, 2)), number=n + 1) for n in order]
        assert ids(tracker.update(seen(index / 30, *faces, size=(1280, 720)))) == [n + 1 for n in order]


def test_broken_boxes_are_survived() -> None:
    tracker = Tracker()
    five = Landmarks(np.full((5, 2), np.nan), "five")
    for index in range(3):
        flat = Face(1, Detection(Box(10, 10, 0, 0), 0.9, five))
        out = tracker.update(seen(index / 30, flat, found(300)))
        assert ids(out) == [1, 2]


def test_what_the_detector_doubts_is_shown_when_it_is_found_again() -> None:
    tracker = Tracker()
    sure, doubted = found(100), found(400, confidence=0.62)
    assert [face.track_id for face in tracker.update(seen(0.0, sure, doubted)).faces] == [1]
    assert tracker.counts.created == 1
    # made up for one frame: nobody saw it, no number was lost
    assert [face.track_id for face in tracker.update(seen(0.033, sure)).faces] == [1]
    assert [face.track_id for face in tracker.update(seen(0.3, sure, doubted)).faces] == [1]
    shown = tracker.update(seen(0.333, sure, doubted)).faces
    assert [face.track_id for face in shown] == [1, 2]
    assert (tracker.counts.created, tracker.counts.lost) == (2, 0)
    # whoever has a number keeps it, however doubtful
    assert [face.track_id for face in tracker.update(seen(0.9, sure, doubted)).faces] == [1, 2]


def test_a_doubted_face_that_is_sure_the_next_time_has_its_number() -> None:
    tracker = Tracker()
    assert tracker.update(seen(0.0, found(100, confidence=0.61))).faces == ()
    assert [face.track_id for face in tracker.update(seen(0.5, found(100))).faces] == [1]
