"""The demo: the same every time, and its truth is what it draws."""

from __future__ import annotations

import itertools
import threading
import time
import tracemalloc

import cv2
import numpy as np
import pytest

from facelens.errors import UsageError
from facelens.geometry import iou, similarity
from facelens.resources import asset
from facelens.sources import DemoSource
from facelens.sources.bands import ROWS, bands
from facelens.sources.portrait import FIVE

SIZES = ((1280, 720), (640, 480), (480, 640), (320, 240))
MIRROR = np.array([-1.0, 1.0])


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(asset("samples/astronaut.jpg"))), cv2.COLOR_BGR2GRAY)


def misfit(frame: np.ndarray, portrait: np.ndarray, five: np.ndarray, mirrored: bool) -> tuple[float, float]:
    """How far (px) the face lies from where its five points put the portrait, and how well it correlates there."""
    source, picture = FIVE, portrait
    if mirrored:
        # a mirrored portrait: its right eye is the left one of the original
        source = (FIVE * MIRROR + [portrait.shape[1] - 1, 0])[[1, 0, 2, 4, 3]]
        picture = portrait[:, ::-1].copy()
    matrix = similarity(source, five)
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    expected = cv2.warpAffine(picture, matrix, (width, height))
    # around eyes and mouth, where there is something to see
    (x0, y0), (x1, y1) = five.min(0), five.max(0)
    margin = max(0.15 * (x1 - x0), 3.0)
    left, top = int(max(x0 - margin, 8)), int(max(y0 - margin, 8))
    right, bottom = int(min(x1 + margin, width - 9)), int(min(y1 + margin, height - 9))
    patch = expected[top:bottom, left:right]
    found = cv2.matchTemplate(grey[top - 8 : bottom + 8, left - 8 : right + 8], patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(found)
    return float(np.hypot(x - 8, y - 8)), best


class TestTruth:
    @pytest.mark.parametrize("index", [0, 41, 84, 150, 333, 777])
    def test_it_is_what_is_drawn(self, portrait: np.ndarray, index: int) -> None:
        demo = DemoSource(fps=30)
        distance, likeness = misfit(demo.draw(index), portrait, demo.truth(index).points[0], False)
        assert distance <= 1.0
        assert likeness > 0.9

    @pytest.mark.parametrize(("faces", "index"), [(2, 10), (5, 200), (20, 95), (20, 400)])
    def test_it_is_what_is_drawn_of_several_and_no_face_is_covered(
        self, portrait: np.ndarray, faces: int, index: int
    ) -> None:
        demo = DemoSource(faces=faces)
        frame, truth = demo.draw(index), demo.truth(index)
        assert len(truth.boxes) == len(truth.points) == faces
        for number, five in enumerate(truth.points):
            distance, likeness = misfit(frame, portrait, five, number % 2 == 1)
            assert distance <= 1.0, number
            assert likeness > 0.85, number

    def test_a_wrong_truth_would_be_seen(self, portrait: np.ndarray) -> None:
        demo = DemoSource()
        five = demo.truth(150).points[0] + np.float32([4, -3])
        distance, _ = misfit(demo.draw(150), portrait, five, False)
        assert distance == pytest.approx(5.0, abs=1.0)

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("faces", [1, 3, 20])
    def test_points_lie_in_their_box_and_boxes_in_the_frame(self, size: tuple[int, int], faces: int) -> None:
        demo = DemoSource(size, faces=faces)
        for index in range(0, 1800, 60):
            truth = demo.truth(index)
            for box, five in zip(truth.boxes, truth.points, strict=True):
                assert (five > [box.x, box.y]).all()
                assert (five < [box.right, box.bottom]).all()
                assert box.x >= 0
                assert box.y >= 0
                assert box.right <= size[0]
                assert box.bottom <= size[1]
                # the right eye is on the viewer's left, mirrored or not
                assert five[0, 0] < five[1, 0]
                assert five[3, 0] < five[4, 0]

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("faces", [2, 5, 7, 20])
    def test_faces_never_overlap(self, size: tuple[int, int], faces: int) -> None:
        demo = DemoSource(size, faces=faces)
        for index in range(0, 1800, 60):
            pairs = itertools.combinations(demo.truth(index).boxes, 2)
            assert max(iou(one, other) for one, other in pairs) == 0

    def test_arrays_cannot_be_changed(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            DemoSource().truth(0).points[0][0, 0] = 1


class TestMotion:
    def test_the_face_comes_near_goes_far_and_tips(self) -> None:
        demo = DemoSource()
        heights, rolls = [], []
        for index in range(0, 3600, 5):
            five = demo.truth(index).points[0]
            heights.append(demo.poses(index)[0].scale * 117 / 720)
            rolls.append(np.degrees(np.arctan2(five[1, 1] - five[0, 1], five[1, 0] - five[0, 0])))
        assert min(heights) == pytest.approx(0.15, abs=0.01)
        assert max(heights) == pytest.approx(0.60, abs=0.01)
        # the eyes of the portrait itself are 2.6 degrees off level
        assert min(rolls) < -15
        assert max(rolls) > 20

    def test_it_is_smooth(self) -> None:
        demo = DemoSource()
        centres = np.array([demo.truth(index).boxes[0].centre for index in range(600)])
        steps = np.diff(centres, axis=0)
        assert np.hypot(*steps.T).max() < 25
        assert np.hypot(*np.diff(steps, axis=0).T).max() < 2

    def test_the_light_changes(self) -> None:
        demo = DemoSource()
        frames = [demo.draw(index) for index in range(0, 900, 90)]
        brightness = [frame[:40].mean() for frame in frames]
        assert max(brightness) - min(brightness) > 15
        warmth = [float(frame[:40, :, 2].mean() - frame[:40, :, 0].mean()) for frame in frames]
        assert max(warmth) - min(warmth) > 10


class TestSameEveryTime:
    def test_a_frame_depends_on_nothing_but_its_number(self) -> None:
        one, other = DemoSource((320, 240)), DemoSource((320, 240), paced=False)
        later = [one.draw(index) for index in (5, 90)]
        other.draw(300)
        assert np.array_equal(later[1], other.draw(90))
        assert np.array_equal(later[0], other.draw(5))

    def test_what_is_read_is_what_is_drawn(self) -> None:
        with DemoSource((320, 240), paced=False) as demo:
            for index in range(3):
                frame = demo.read()
                assert frame is not None
                assert np.array_equal(frame.image, demo.draw(index))

    def test_the_seed_chooses_the_path(self) -> None:
        one, same, other = (DemoSource(seed=seed).truth(100).points[0] for seed in (1, 1, 2))
        assert np.array_equal(one, same)
        assert not np.allclose(one, other)

    def test_frames_differ(self) -> None:
        demo = DemoSource((320, 240))
        assert not np.array_equal(demo.draw(0), demo.draw(1))


class TestTime:
    def test_in_real_time_a_late_reader_gets_the_frame_of_now(self) -> None:
        with DemoSource((64, 64), fps=100.0) as demo:
            first = demo.read()
            assert first is not None
            threading.Event().wait(0.2)
            late = demo.read()
            assert late is not None
            assert late.index >= 20
            after = demo.read()
            assert after is not None
            assert late.index < after.index

    def test_in_real_time_the_rate_is_kept(self) -> None:
        with DemoSource((64, 64), fps=50.0) as demo:
            first = demo.read()
            assert first is not None
            frame = first
            for _ in range(10):
                latest = demo.read()
                assert latest is not None
                frame = latest
                assert frame.moment == frame.index / 50
        assert frame.captured_at - first.captured_at == pytest.approx((frame.index - first.index) / 50, abs=0.05)

    def test_a_wait_for_the_next_frame_is_ended_from_another_thread(self) -> None:
        with DemoSource((64, 64), fps=0.01) as demo:
            assert demo.read() is not None
            frames: list[object] = []
            thread = threading.Thread(target=lambda: frames.append(demo.read()))
            thread.start()
            demo.interrupt()
            thread.join(5)
            assert not thread.is_alive()
        assert frames == [None]

    def test_a_frame_is_cheap(self) -> None:
        demo = DemoSource()
        demo.draw(0)
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            costs = []
            for index in range(0, 600, 20):
                began = time.thread_time()
                demo.draw(index)
                costs.append(time.thread_time() - began)
        finally:
            cv2.setNumThreads(before)
        # about 3 ms on a desktop core; the limit leaves room for slow and busy machines
        assert np.median(costs) < 0.015


@pytest.mark.parametrize(
    "values", [{"faces": 0}, {"faces": 21}, {"size": (10, 720)}, {"size": (1280, 9000)}, {"fps": 0}, {"fps": -1}]
)
def test_values_out_of_range_are_refused(values: dict) -> None:
    with pytest.raises(UsageError):
        DemoSource(**values)


class TestMemory:
    @pytest.mark.parametrize("height", [0, 1, ROWS - 1, ROWS, ROWS + 1, 720])
    def test_bands_are_all_rows_once(self, height: int) -> None:
        assert [row for rows in bands(height) for row in range(height)[rows]] == list(range(height))
        assert all(rows.stop - rows.start <= ROWS for rows in bands(height))

    def test_opening_takes_little_more_than_is_kept(self) -> None:
        """What is needed for a moment stays with the process: 36 MiB, and up to 60 from one opening to the next, when
        whole pictures were worked out at once; 10 in bands."""
        demo = DemoSource()
        tracemalloc.start()
        try:
            demo.open()
            kept, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            demo.close()
        assert kept < 30 * 2**20
        assert most - kept < 16 * 2**20
