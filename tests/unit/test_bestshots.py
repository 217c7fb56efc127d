"""The best picture of each person: which one it is, how many are kept, and what is saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facelens.bestshots import LEAST, BestShots, rank, save
from facelens.errors import OutputError
from facelens.types import Box, Detection, Face, FaceScore, Frame, FrameReport, Landmarks, Quality

WAIT = 20.0
GOOD = Quality(80, 80, 80, 90, 80, 2, 3, 1, 0.5, 0.0)


def face(number: int = 1, score: float | None = 70, own: float | None = 70, **seen: float) -> Face:
    """A tracked face: the score that is shown, and what this frame alone said."""
    five = Landmarks(np.zeros((5, 2), np.float32), "five")
    quality = replace(GOOD, **seen)

    def scored(value: float | None) -> FaceScore | None:
        return None if value is None else FaceScore(value, (), ())

    raw = Face(number, Detection(Box(1, 2, 30, 40), 0.9, five), quality=quality, score=scored(own))
    return replace(raw, quality=GOOD, score=scored(score), raw=raw)


@pytest.fixture
def shots() -> Any:
    made = BestShots()
    yield made
    assert made.close(WAIT)


def show(shots: BestShots, level: int, *faces: Face) -> None:
    """A frame of one brightness, and wait until it was looked at."""
    image = np.full((48, 64, 3), level, np.uint8)
    shots.see(Frame(image, level, 0.0), FrameReport(level, 0.0, (64, 48), faces))
    assert shots.wait(WAIT)


def known(shots: BestShots, *faces: Face) -> None:
    """People who were read often enough."""
    for _ in range(LEAST):
        show(shots, 0, *faces)


def level(picture: bytes) -> int:
    return round(float(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).mean()))


def kept(shots: BestShots) -> dict[int, int]:
    return {shot.number: level(shot.picture) for shot in shots.shots()}


def test_the_rank_of_a_frame() -> None:
    first = rank(face())
    assert first is not None
    assert rank(face(score=71)) > first
    assert rank(face(score=70.3, sharpness=90)) > first, "of the same points the better picture"
    for flaw in ({"sharpness": 20}, {"yaw": -30}, {"pitch": 25}, {"exposure": 30}):
        assert rank(face(score=99, **flaw)) < first, f"a higher score does not make up for {flaw}"
    assert rank(face(own=None)) is None, "followed, and not read"
    unscored, better = rank(face(score=None, own=None)), rank(face(score=None, own=None, contrast=95))
    assert unscored is not None
    assert better > unscored, "without scores the quality ranks"
    plain = replace(face(), raw=None)
    assert rank(plain) == (True, 70, GOOD.value), "readings that are of this frame themselves"
    assert rank(replace(plain, quality=None, score=None)) is None


def test_the_best_frame_of_each_person_is_kept(shots: BestShots) -> None:
    known(shots, face(1, 50), face(2, 50))
    show(shots, 40, face(1, 60), face(2, 80))
    show(shots, 80, face(1, 75), face(2, 60))
    show(shots, 120, face(1, 90, sharpness=10), face(2, 95, own=None))
    assert kept(shots) == {1: 80, 2: 40}
    one, two = shots.shots()
    assert [found.track_id for found in one.report.faces] == [1], "a shot holds the reading of its person alone"
    assert two.report.frame_index == 40


def test_who_was_seen_for_a_moment_is_nobody(shots: BestShots) -> None:
    for index in range(LEAST - 1):
        show(shots, index, face(7), face(8, own=None))
    assert len(shots) == 0
    show(shots, 99, face(7), face(8, own=None))
    assert kept(shots) == {7: 99}


def test_people_who_were_not_seen_for_long_make_room() -> None:
    shots = BestShots(most=3)
    for number in (1, 2, 3):
        known(shots, face(number))
    known(shots, face(1, 60))
    known(shots, face(4))
    assert sorted(kept(shots)) == [1, 3, 4], "2 was seen longest ago"
    assert shots.close(WAIT)


def test_bytes_are_bounded_too() -> None:
    size = len(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
    shots = BestShots(limit=2 * size)
    known(shots, face(1), face(2))
    known(shots, face(3))
    assert sorted(kept(shots)) == [1, 2, 3], "1 and 2 share a picture"
    known(shots, face(4))
    assert len(shots) < 4
    assert 4 in kept(shots)
    assert shots.close(WAIT)


def test_forgetting_and_telling() -> None:
    told: list[int] = []
    shots = BestShots(lambda: told.append(len(shots)))
    known(shots, face(1))
    show(shots, 10, face(1, 90))
    assert told == [1], "only the number of people is told"
    shots.forget()
    assert told == [1, 0]
    assert shots.shots() == ()
    show(shots, 10, face(1, 90))
    assert len(shots) == 0, "the next session's person 1 is somebody else"
    assert shots.close(WAIT)


def test_after_a_new_rule_of_the_score_the_next_frame_counts(shots: BestShots) -> None:
    known(shots, face(1, 90))
    shots.rank_anew()
    assert kept(shots) == {1: 0}, "nobody is lost"
    show(shots, 55, face(1, 30))
    assert kept(shots) == {1: 55}


def test_saving(shots: BestShots, tmp_path: Path) -> None:
    known(shots, face(1, 64), face(3))
    show(shots, 50, face(1, 88))
    paths = save(tmp_path / "new", shots.shots(), "demo")
    assert [path.name.split("-person-")[1] for path in paths] == ["1.jpg", "3.jpg"]
    assert [level(path.read_bytes()) for path in paths] == [50, 0]
    (listed,) = (tmp_path / "new").glob("*.jsonl")
    one, three = (json.loads(line) for line in listed.read_text("utf-8").splitlines())
    assert (one["picture"], one["person"], one["schema"]) == (paths[0].name, 1, "facelens/1")
    assert one["faces"][0]["score"]["value"] == 88
    assert (three["person"], len(three["faces"])) == (3, 1)


def test_a_folder_that_cannot_be_made(shots: BestShots, tmp_path: Path) -> None:
    known(shots, face())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        save(tmp_path / "file" / "shots", shots.shots(), "demo")
