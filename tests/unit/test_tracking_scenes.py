"""Numbers stay with people who cross, hide, hurry and come back: measured on scenes made from truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facelens.evaluation.scenes import SUITE, Flaws, Scene, leaving_and_back, three_crossing
from facelens.evaluation.tracking import TrackingFigures, TrackingTally, compare
from facelens.tracking import Tracker
from facelens.types import Box, Face, FrameReport
from facelens.vision.attributes import age_estimate, gender_estimate

SEEDS = 10


def followed(scene: Scene) -> tuple[FrameReport, ...]:
    tracker = Tracker()
    return tuple(tracker.update(report) for report in scene.reports)


def measured(scene: Scene) -> TrackingFigures:
    return compare(scene.truth, followed(scene))


def owner(scene: Scene, index: int, face: Face) -> int:
    """The person whom a followed face of frame ``index`` really is, 0 for nobody."""
    assert face.raw is not None
    for found, number in zip(scene.reports[index].faces, scene.owners[index]):
        if found.detection is face.raw.detection:
            return number
    raise AssertionError("a face from nowhere")


@pytest.mark.parametrize("name", SUITE)
def test_no_number_ever_changes(name: str) -> None:
    complete, make = SUITE[name]
    figures = [measured(make(seed)) for seed in range(SEEDS)]
    assert sum(f.switches for f in figures) == 0
    assert min(f.overlap for f in figures) > 0.8, "steadied boxes stay on the faces"
    if complete:
        assert min(f.mota for f in figures) >= 0.95
        assert sum(f.fragmentations for f in figures) <= 1
    else:
        # what the detector misses or makes up is all that is lost
        for f in figures:
            assert f.mota == pytest.approx(1 - (f.missed + f.false) / f.faces)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_who_was_away_for_long_is_somebody_new_and_who_was_not_is_not(seed: int) -> None:
    scene = leaving_and_back(seed)
    numbers: dict[int, set[int]] = {}
    for index, report in enumerate(followed(scene)):
        for face in report.faces:
            numbers.setdefault(owner(scene, index, face), set()).add(face.track_id)
    assert set(numbers) == {1, 101, 2, 3}, "the first one comes back as another"
    assert all(len(given) == 1 for given in numbers.values())
    assert len(set.union(*numbers.values())) == 4


def test_readings_stay_with_their_person() -> None:
    for seed in range(3):
        scene = three_crossing(seed, Flaws(missed=0.1))
        years = {1: 20.0, 2: 45.0, 3: 70.0}
        tracker = Tracker()
        for index, report in enumerate(scene.reports):
            faces = []
            for face, person in zip(report.faces, scene.owners[index]):
                p = np.exp(-0.5 * ((np.arange(101) - years[person]) / 6) ** 2)
                gender = gender_estimate(0.95 if person == 2 else 0.05)
                faces.append(replace(face, age=age_estimate(p / p.sum()), gender=gender))
            # the report is made anew, so the raw detection is still that of the scene
            for face in tracker.update(replace(report, faces=tuple(faces))).faces:
                person = owner(scene, index, face)
                assert face.age is not None
                assert face.gender is not None
                assert face.age.years == pytest.approx(years[person], abs=2)
                assert face.gender.label == ("female" if person == 2 else "male")


def test_the_tally_counts_what_the_clear_mot_metrics_count() -> None:
    a, b, far = Box(0, 0, 10, 10), Box(50, 0, 10, 10), Box(200, 0, 10, 10)
    tally = TrackingTally()
    tally.add({1: a, 2: b}, [(7, a), (8, b)])
    tally.add({1: a, 2: b}, [(8, a), (7, b)])  # both switch
    tally.add({1: a, 2: b}, [(8, a)])  # one is missed
    tally.add({1: a}, [(8, a), (9, far)])  # one is not there, one alarm is false
    tally.add({1: a, 2: b}, [(8, a), (7, b)])  # found again: a fragmentation
    figures = tally.figures()
    assert figures == TrackingFigures(faces=9, missed=1, false=1, switches=2, fragmentations=1, overlap=1.0)
    assert figures.mota == pytest.approx(1 - 4 / 9)


def test_the_tally_keeps_a_pair_that_still_fits() -> None:
    tally = TrackingTally()
    tally.add({1: Box(0, 0, 10, 10)}, [(5, Box(0, 0, 10, 10))])
    # another number overlaps more, but the old one still fits: no switch, one false alarm
    tally.add({1: Box(0, 0, 10, 10)}, [(6, Box(0, 0, 10, 10)), (5, Box(3, 0, 10, 10))])
    figures = tally.figures()
    assert (figures.switches, figures.false, figures.missed) == (0, 1, 0)
    assert TrackingTally().figures().mota == 1


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    _, make = SUITE["leaving and coming back, with every flaw"]
    first, second, other = make(3), make(3), make(4)
    assert first.truth == second.truth
    assert [r.captured_at for r in first.reports] == [r.captured_at for r in second.reports]
    assert first.truth != other.truth
    assert all(len(report.faces) == len(owners) for report, owners in zip(first.reports, first.owners))
