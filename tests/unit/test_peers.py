"""The arithmetic around other projects' networks, and, where their files are at hand, the pipelines themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facelens import images
from facelens.errors import ModelCorruptError, ModelMissingError
from facelens.peers import guessed_five, one_year, open_detectors, open_peers, square
from facelens.resources import asset
from facelens.runtime import Graph, suppress
from facelens.types import Box, Detection, Face, Landmarks

PEERS = Path(__file__).parents[3] / "shared" / "peers"
needs_peers = pytest.mark.skipif(not PEERS.is_dir(), reason="the networks of other projects are not at hand")


def test_suppression_keeps_the_best_of_what_overlaps() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10]], float)
    assert suppress(boxes, np.array([0.7, 0.9, 0.8]), 0.3).tolist() == [1, 2]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.3).tolist() == []


def test_a_square_crop_maps_back() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[40:44, 150:154] = 255
    crop, scale, corner = square(image, Box(140, 30, 20, 40), 112)
    assert crop.shape == (112, 112, 3)
    rows, columns = np.nonzero(crop[:, :, 0] > 127)
    place = (np.array([columns.mean(), rows.mean()]) + 0.5) * scale + corner - 0.5
    assert np.allclose(place, (151.5, 41.5), atol=0.3)
    # what lies outside the picture is black and moves nothing
    crop, scale, corner = square(image, Box(-20, -20, 60, 40), 112)
    assert corner.tolist() == [0, -10]
    assert scale == pytest.approx(40 / 112)


def test_an_age_without_a_distribution() -> None:
    age = one_year(31.6)
    assert (age.years, age.low, age.high, int(age.probabilities.argmax())) == (pytest.approx(31.6),) * 3 + (32,)
    assert one_year(140).years == 100


def test_guessed_points_lie_as_in_a_face() -> None:
    right, left, nose, mouth, _ = guessed_five(Box(10, 20, 100, 120)).points
    assert right[0] < nose[0] < left[0]
    assert right[1] < nose[1] < mouth[1]


def test_files_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="there is no such file"):
        Graph(tmp_path / "none.onnx")
    with pytest.raises(ModelMissingError):
        open_peers(tmp_path)
    (tmp_path / "bad.onnx").write_bytes(b"nonsense")
    with pytest.raises(ModelCorruptError, match="ONNX Runtime cannot read it"):
        Graph(tmp_path / "bad.onnx")


@needs_peers
def test_every_pipeline_finds_the_portrait_where_it_is() -> None:
    picture = images.load(asset("samples/astronaut.jpg")).image
    peers = (*open_peers(PEERS), *open_detectors(PEERS))
    assert len({peer.name for peer in peers}) == len(peers) == 6
    for peer in peers:
        faces = [f for f in peer.analyze(picture).faces if f.detection.confidence >= peer.threshold]
        assert len(faces) == 1, peer.name
        x, y = faces[0].detection.box.centre
        assert abs(x - 224) < 15, peer.name
        assert abs(y - 122) < 20, peer.name
        assert peer.size > 100_000


@needs_peers
def test_readings_of_others_come_in_our_records() -> None:
    picture = images.load(asset("samples/astronaut.jpg")).image
    for peer in open_peers(PEERS):
        (face,) = peer.analyze(picture).faces
        assert face.age is not None
        assert 18 < face.age.years < 60
        assert face.gender is not None
        assert face.gender.label == "female"
        if face.landmarks is not None:
            points: Landmarks = face.landmarks
            assert points.points.shape == (68, 2)
            inside = face.detection.box
            assert inside.x - 30 < points.points[30, 0] < inside.right + 30
    empty = np.full((200, 200, 3), 128, np.uint8)
    assert all(peer.analyze(empty).faces == () for peer in open_peers(PEERS))
    assert isinstance(face, Face)
    assert isinstance(face.detection, Detection)
