"""Readings over time: they settle, know their doubt, and do not flip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from facelens.tracking import Tracker
from facelens.tracking.evidence import CORRELATION, Evidence, Pool, weight
from facelens.tracking.labels import Label, Settled, Steady
from facelens.types import (
    Box,
    Detection,
    Expression,
    Face,
    FaceScore,
    FrameReport,
    Landmarks,
    Quality,
    ScoreComponent,
)
from facelens.vision.attributes import age_estimate, gender_estimate

FPS = 30
SPOTS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
FOUND = Detection(Box(100, 100, 100, 110), 0.9, Landmarks(SPOTS * 100 + 100, "five"))
GOOD = Quality(80, 85, 80, 95, 75, 2, -1, 1, 0.5, 0.05)
POOR = Quality(15, 60, 40, 30, 20, 40, -1, 1, 0.3, 0.05)


def ages(years: float, spread: float = 7.0) -> np.ndarray:
    p = np.exp(-0.5 * ((np.arange(101) - years) / spread) ** 2)
    return p / p.sum()


def face(
    years: float = 40.0,
    female: float = 0.8,
    spread: float = 7.0,
    quality: Quality | None = GOOD,
    expression: Sequence[float] | None = None,
) -> Face:
    return Face(
        1,
        FOUND,
        age=age_estimate(ages(years, spread)),
        gender=gender_estimate(female),
        smile=0.3,
        glasses=0.1,
        quality=quality,
        expression=None if expression is None else Expression(np.array(expression)),
    )


def gathered(faces: Sequence[Face], fps: float = FPS) -> Evidence:
    evidence = Evidence()
    for index, item in enumerate(faces):
        evidence.add(item, index / fps)
    return evidence


def band(evidence: Evidence) -> float:
    assert evidence.age is not None
    return evidence.age.high - evidence.age.low


def test_one_good_frame_says_what_the_network_says() -> None:
    evidence = gathered([face(33, 0.9)])
    assert evidence.age is not None
    assert evidence.gender is not None
    alone = age_estimate(ages(33))
    assert evidence.age.years == pytest.approx(alone.years, abs=0.3)
    assert (evidence.age.low, evidence.age.high) == pytest.approx((alone.low, alone.high), abs=0.5)
    assert evidence.gender.probability == pytest.approx(0.9, abs=0.01)


def test_the_band_is_that_of_the_attributes_stage() -> None:
    evidence = gathered([face(52.3, spread=9)])
    assert evidence.age is not None
    same = age_estimate(evidence.age.probabilities)
    assert (evidence.age.years, evidence.age.low, evidence.age.high) == pytest.approx(
        (same.years, same.low, same.high), abs=1e-3
    )


def test_the_band_narrows_with_evidence_and_stops_narrowing() -> None:
    rng = np.random.default_rng(0)
    seen = [face(40 + rng.normal(0, 2)) for _ in range(3000)]
    bands = [band(gathered(seen[:count])) for count in (1, 5, 30, 3000)]
    assert sorted(bands, reverse=True) == bands
    assert bands[1] < 0.98 * bands[0]
    # thousands of frames of one person count as little more than one
    assert bands[3] > 0.85 * bands[0]


@pytest.mark.parametrize("spread", [0.1, 0.6, 1.5, 2.0])
def test_no_age_is_known_better_than_three_years_to_each_side(spread: float) -> None:
    evidence = gathered([face(40, spread=spread)] * 90)
    assert 5.8 <= band(evidence) <= 7.0
    assert evidence.age is not None
    assert evidence.age.years == pytest.approx(40, abs=0.5)
    assert float(evidence.age.probabilities.sum()) == pytest.approx(1, abs=1e-5)


def test_many_frames_are_not_many_votes() -> None:
    pool = Pool(8.0)
    counts = []
    for index in range(900):
        pool.add(1.0, 1.0, index / FPS)
        counts.append(pool.count)
    assert counts[0] == pytest.approx(1)
    assert sorted(counts) == counts
    assert counts[-1] < 1 / CORRELATION
    # nor does the frame rate change what is believed
    slow = Pool(8.0)
    for index in range(300):
        slow.add(1.0, 1.0, index / 10)
    assert slow.count == pytest.approx(pool.count, rel=0.02)


def test_poor_pictures_leave_doubt_however_many_there_are() -> None:
    assert weight(None) == weight(GOOD) == 1
    assert 0.05 <= weight(POOR) < 0.3
    few, many = gathered([face(quality=POOR)]), gathered([face(quality=POOR)] * 300)
    assert band(few) > band(gathered([face()]))
    assert band(many) > band(gathered([face()]))
    assert many.gender is not None
    assert not many.gender.sure, "0.8 in a poor picture is not enough"


def test_a_good_look_outweighs_many_poor_ones() -> None:
    good, poor = [face(30, 0.95)] * 30, [face(60, 0.1, quality=POOR)] * 60
    evidence = gathered([*good, *poor])
    assert evidence.age is not None
    assert evidence.gender is not None
    assert evidence.age.years < 40
    assert evidence.gender.label == "female"


def test_one_wild_frame_changes_little() -> None:
    certain = np.zeros(101)
    certain[80] = 1
    wild = replace(face(), age=age_estimate(certain), gender=gender_estimate(0.0))
    evidence = gathered([face(30, 0.9)] * 30 + [wild])
    assert evidence.age is not None
    assert evidence.gender is not None
    assert evidence.age.years == pytest.approx(30, abs=3)
    assert evidence.gender.label == "female"
    assert evidence.gender.sure


def test_the_old_is_forgotten() -> None:
    evidence = gathered([face(30, 0.9)] * 60 + [face(60, 0.1)] * (20 * FPS))
    assert evidence.age is not None
    assert evidence.gender is not None
    assert evidence.age.years == pytest.approx(60, abs=4)
    assert evidence.gender.label == "male"
    assert evidence.gender.sure


def test_a_smile_shows_within_half_a_second_and_glasses_within_three() -> None:
    before = [face()] * 60
    after = [replace(face(), smile=0.95, glasses=0.98)] * (3 * FPS)
    half = gathered(before + after[: FPS // 2])
    assert half.smile is not None
    assert half.smile > 0.7
    late = gathered(before + after)
    assert late.glasses is not None
    assert late.glasses > 0.7


def parts(item: Face) -> tuple[object, ...]:
    return item.age, item.gender, item.smile, item.glasses, item.expression, item.quality, item.score


def test_a_face_that_was_found_and_not_read_keeps_what_is_known() -> None:
    whole = replace(face(expression=np.full(8, 0.125)), score=FaceScore(50.0, (), ()))
    faces = shown([whole, whole, Face(1, FOUND)], Tracker())
    assert None not in parts(faces[1])
    assert all(a is b for a, b in zip(parts(faces[1]), parts(faces[2])))
    assert parts(shown([Face(1, FOUND)], Tracker())[0]) == (None,) * 7


def test_what_a_reading_leaves_out_is_not_asked_for_any_more() -> None:
    whole = replace(face(expression=np.full(8, 0.125)), score=FaceScore(50.0, (), ()))
    for name in ("age", "gender", "smile", "glasses", "expression", "quality", "score"):
        last = shown([whole, whole, replace(whole, **{name: None})], Tracker())[-1]
        assert getattr(last, name) is None
        assert sum(part is None for part in parts(last)) == 1


def test_a_distribution_of_nothing_is_survived() -> None:
    evidence = gathered([replace(face(), age=age_estimate(np.zeros(101)))])
    assert evidence.age is not None
    assert np.isfinite(evidence.age.probabilities).all()


def test_a_label_needs_more_to_come_than_to_stay() -> None:
    label = Label(0.65, 0.05)
    assert label.step((0.68, 0.32)) == (0, False), "not clearly above"
    assert label.step((0.71, 0.29)) == (0, True)
    assert label.step((0.61, 0.39)) == (0, True), "not clearly below"
    assert label.step((0.59, 0.41)) == (0, False)
    assert label.step((0.48, 0.52)) == (0, False), "the leaning one stays too"
    assert label.step((0.44, 0.56)) == (1, False)
    assert label.step((0.2, 0.8)) == (1, True)
    assert label.step((0.9, 0.1)) == (0, True)


def test_shown_figures_move_together_or_not_at_all() -> None:
    steady = Steady()
    assert steady.step((40.0, 30.0), 1.0) == (40.0, 30.0)
    assert steady.step((40.9, 30.0), 1.0) == (40.0, 30.0)
    assert steady.step((40.5, 29.0), 1.0) == (40.5, 29.0)


def test_words_must_last_to_be_shown() -> None:
    settled = Settled(0.5)
    assert settled.step(("a",), 0.0) == ("a",)
    assert settled.step(("b",), 0.1) == ("a",)
    assert settled.step(("a",), 0.2) == ("a",)
    assert settled.step(("b",), 0.3) == ("a",)
    assert settled.step(("b",), 0.9) == ("b",)


def shown(faces: Sequence[Face], tracker: Tracker, fps: float = FPS) -> list[Face]:
    return [
        tracker.update(FrameReport(index, index / fps, (640, 480), (item,))).faces[0]
        for index, item in enumerate(faces)
    ]


def noisy(rng: np.random.Generator) -> Callable[[], Face]:
    """A person before a still camera: each frame reads the truth with much noise, as no network at hand does."""
    odds, years, looks = rng.uniform(-2, 2), rng.uniform(15, 70), rng.normal(0, 1, 8)
    looks[0] += rng.uniform(1, 3)

    def frame() -> Face:
        votes = np.exp(looks + rng.normal(0, 0.5, 8))
        female = 1 / (1 + np.exp(-(odds + rng.normal(0, 1))))
        values = np.array([62, 50, 80, 70]) + rng.normal(0, 1.2, 4)
        names = ("appearance", "expression", "symmetry", "quality")
        parts = tuple(ScoreComponent(name, float(v), 0.25) for name, v in zip(names, values))
        return replace(
            face(years + rng.normal(0, 2.5), float(female), expression=votes / votes.sum()),
            score=FaceScore(float(values.mean()), parts, ()),
        )

    return frame


def words(item: Face) -> tuple[str, ...]:
    assert item.age is not None
    assert item.gender is not None
    assert item.expression is not None
    assert item.score is not None
    return (
        item.gender.label if item.gender.sure else "not sure",
        item.expression.label if item.expression.sure else "not sure",
        f"{item.age.years:.0f} ({item.age.low:.0f}-{item.age.high:.0f})",
        f"{item.score.value:.0f}",
    )


def test_no_label_changes_on_a_still_face_after_the_first_second() -> None:
    changed = {"raw": 0, "shown": 0}
    for seed in range(6):
        frame, tracker = noisy(np.random.default_rng(seed)), Tracker()
        faces = shown([frame() for _ in range(10 * FPS)], tracker)[FPS:]
        for before, after in pairwise(faces):
            changed["shown"] += words(before) != words(after)
            assert before.raw is not None
            assert after.raw is not None
            changed["raw"] += words(before.raw) != words(after.raw)
    assert changed["shown"] == 0
    assert changed["raw"] > 1000, "the noise is real"


def test_label_changes_are_counted() -> None:
    def words_of(item: Face) -> str:
        assert item.gender is not None
        return item.gender.label if item.gender.sure else "not sure"

    tracker = Tracker()
    shown([face(30, 0.9)] * 30, tracker)
    assert tracker.counts.gender_changes == 0
    tracker = Tracker()
    faces = shown([face(30, 0.9)] * 30 + [face(60, 0.05)] * 600, tracker)
    genders = [words_of(f) for f in faces]
    assert tracker.counts.gender_changes == sum(a != b for a, b in pairwise(genders)) == 2
    assert tracker.counts.age_changes > 5
    assert tracker.counts.expression_changes == 0


def scored(value: float, weights: Sequence[float], preset: str = "default", tips: tuple[str, ...] = ()) -> Face:
    names = ("appearance", "quality") if preset == "default" else ("0-2", "4-6")
    parts = tuple(ScoreComponent(name, value, w) for name, w in zip(names, weights))
    return replace(face(), score=FaceScore(value, parts, tips, preset))


def test_the_shown_score_is_the_mean_of_the_shown_components_and_follows() -> None:
    faces = shown([scored(50, (0.3, 0.7))] * 30 + [scored(80, (0.3, 0.7))] * 60, Tracker())
    for item in faces:
        assert item.score is not None
        assert item.score.value == pytest.approx(sum(p.value * p.weight for p in item.score.components))
    assert faces[29].score is not None
    assert faces[29].score.value == 50
    assert faces[29 + FPS].score is not None
    assert faces[29 + FPS].score.value > 77
    changed = shown([scored(50, (0.3, 0.7)), scored(50, (0.9, 0.1))], Tracker())[1].score
    assert changed is not None
    assert [part.weight for part in changed.components] == [0.9, 0.1], "weights are the user's, and count at once"


def test_another_rule_starts_anew_and_the_published_one_goes_by_the_fused_age() -> None:
    eight = tuple(ScoreComponent(str(n), float(10 * n), 1.0 if n == 0 else 0.0) for n in range(8))
    classic = replace(face(), score=FaceScore(0.0, eight, (), "classic"))
    last = shown([scored(90, (0.5, 0.5))] * 10 + [classic], Tracker())[-1]
    assert last.score is not None
    assert last.age is not None
    assert [part.value for part in last.score.components] == [10.0 * n for n in range(8)]
    assert [part.weight for part in last.score.components] == pytest.approx(list(last.age.range_probabilities))


def test_quality_is_steadied_and_tips_that_flicker_do_not_show() -> None:
    rng = np.random.default_rng(0)
    faces = [
        replace(
            scored(50, (0.5, 0.5), tips=("Come closer",) if index % 5 else ("Hold still",)),
            quality=replace(GOOD, sharpness=80 + rng.normal(0, 3), light_balance=0.1 + rng.normal(0, 0.03)),
        )
        for index in range(1, 60)
    ]
    seen = shown(faces, Tracker())[30:]
    assert {f.score.tips for f in seen if f.score is not None} == {("Come closer",)}
    assert np.ptp([f.quality.sharpness for f in seen if f.quality is not None]) < 3
    assert np.ptp([f.quality.light_balance for f in seen if f.quality is not None]) < 0.03


def test_readings_twice_a_second_are_as_steady_as_those_of_every_frame() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frame, tracker = noisy(rng), Tracker()
        faces = []
        for index in range(12 * FPS):
            read = frame()
            if index % (FPS // 2) and index not in (4, 8, 12):
                # a face that was followed, and not read
                read = Face(1, read.detection)
            faces.append(tracker.update(FrameReport(index, index / FPS, (640, 480), (read,))).faces[0])
        assert all(None not in (f.age, f.gender, f.smile, f.quality, f.score, f.expression) for f in faces)
        settled = [words(f)[:3] for f in faces[2 * FPS :]]
        assert sum(a != b for a, b in pairwise(settled)) <= 1
        assert np.ptp([f.score.value for f in faces[2 * FPS :] if f.score is not None]) < 4
