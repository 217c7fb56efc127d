"""The engine on real networks: what it finds, what it leaves out, and how broken models are told."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facelens import Engine, images, open_engine
from facelens.errors import ModelCorruptError, ModelMissingError, ModelShapeError, PictureError, UsageError
from facelens.geometry import alignment, iou
from facelens.opinions import BATCH
from facelens.registry import ModelSpec, load_registry, select, verify
from facelens.resources import asset
from facelens.runtime import Network, YunetDetector, YunetFile, YunetGraph, open_network, provider_report
from facelens.sources.portrait import FIVE
from facelens.timing import StageClock
from facelens.types import Box, Detection, Frame, Landmarks
from facelens.vision import detector
from facelens.vision.crop import TEN_CROPS, View, cut
from facelens.vision.schemes import to_scheme
from facelens.vision.trust import sharpened

PORTRAIT = asset("samples/astronaut.jpg")
GROUP = asset("samples/group.jpg")
PORTRAIT_FRAME = images.load(PORTRAIT)
LISTED = load_registry()
DETECTOR, READER, LANDMARKS, RATER = (
    select(LISTED, task) for task in ("detector", "attributes", "landmarks", "appearance")
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(provider="cpu")


def _ship(monkeypatch: pytest.MonkeyPatch, *specs: ModelSpec) -> None:
    """These networks are listed, and no others."""
    monkeypatch.setattr("facelens.engine.load_registry", lambda root: specs)


def test_the_portrait_is_read_in_full(engine: Engine, all_names: frozenset[str]) -> None:
    report = engine.analyze(PORTRAIT)
    (face,) = report.faces
    assert report.image_size == (512, 512)
    assert face.detection.confidence >= 0.6
    assert np.allclose(face.detection.landmarks.points, FIVE, atol=9)
    assert face.landmarks is not None
    assert face.landmarks.points.shape == (68, 2)
    assert ((face.landmarks.points >= 0) & (face.landmarks.points < 512)).all()
    five = to_scheme(face.landmarks, "five")
    assert five is not None
    assert np.allclose(five.points, FIVE, atol=7)
    assert face.age is not None
    assert 0 <= face.age.low <= face.age.years <= face.age.high <= 100
    assert face.age.probabilities.sum() == pytest.approx(1, abs=1e-4)
    assert face.gender is not None
    assert face.smile is not None
    assert face.quality is not None
    assert face.score is not None
    assert {c.name for c in face.score.components} == {"appearance", "expression", "symmetry", "quality"}
    assert 0 <= face.score.value <= 100
    assert set(report.timings) >= {"detect", "crop", *engine.networks, "measure", "total"}
    assert ("second opinion" in report.timings) == (len(all_names) > 1 + len(engine.networks))
    assert report.providers == dict.fromkeys(all_names, "cpu")


def test_all_five_of_the_group_the_largest_first(engine: Engine) -> None:
    faces = engine.analyze(GROUP).faces
    assert len(faces) == 5
    areas = [face.detection.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    assert [face.track_id for face in faces] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("spec", [spec for spec in LISTED if spec.task != "detector"], ids=lambda spec: spec.name)
def test_a_batch_says_the_same_as_one_by_one(spec: ModelSpec) -> None:
    network = open_network(spec, "cpu")
    batch = np.random.default_rng(0).integers(0, 256, (5, *spec.input, 3), np.uint8)
    whole = network.run(batch)
    for row in range(5):
        alone = network.run(batch[row : row + 1])
        for name, values in whole.items():
            assert np.allclose(values[row], alone[name][0], atol=1e-3)


@pytest.mark.parametrize("source", [PORTRAIT, str(PORTRAIT), PORTRAIT.read_bytes(), images.load(PORTRAIT)])
def test_paths_bytes_and_frames_are_alike(engine: Engine, source: object) -> None:
    assert len(engine.analyze(source).faces) == 1  # type: ignore[arg-type]


def test_the_frame_is_not_touched_and_keeps_its_number(engine: Engine) -> None:
    image = images.load(PORTRAIT).image.copy()
    before = image.copy()
    report = engine.analyze(Frame(image, 7, 1.5))
    assert (report.frame_index, report.captured_at) == (7, 1.5)
    assert (image == before).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 500, 3), (480, 640, 3)])
def test_nothing_to_find_is_no_error(engine: Engine, shape: tuple[int, int, int]) -> None:
    assert engine.analyze(np.full(shape, 127, np.uint8)).faces == ()


@pytest.mark.parametrize(
    "bad",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)],
)
def test_other_arrays_are_refused_with_a_sentence(engine: Engine, bad: np.ndarray) -> None:
    with pytest.raises(PictureError, match="uint8, BGR"):
        engine.analyze(bad)


def test_both_runtimes_find_the_same_faces(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # the same file in both
    _ship(monkeypatch, *(dataclasses.replace(spec, int8=None) for spec in LISTED))
    other = open_engine(provider="cpu", finder="onnxruntime", parts=frozenset())
    for picture in (PORTRAIT, GROUP):
        ours = [face.detection for face in engine.analyze(picture).faces]
        theirs = [face.detection for face in other.analyze(picture).faces]
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            assert iou(a.box, b.box) > 0.9
            assert abs(a.confidence - b.confidence) < 0.05
            assert np.abs(a.landmarks.points - b.landmarks.points).max() < 0.05 * a.box.width
    with pytest.raises(UsageError, match="known are opencv, onnxruntime"):
        open_engine(finder="magic")


@pytest.mark.skipif(DETECTOR.int8 is None, reason="the shipped detector has no file of integers")
def test_integers_find_the_same_faces(engine: Engine) -> None:
    """Each face at its place; two of nearly one size may change their order."""
    other = open_engine(provider="cpu", finder="onnxruntime", parts=frozenset())
    for picture in (PORTRAIT, GROUP):
        ours = [face.detection for face in engine.analyze(picture).faces]
        theirs = [face.detection for face in other.analyze(picture).faces]
        assert len(ours) == len(theirs)
        for a in ours:
            b = max(theirs, key=lambda found: iou(a.box, found.box))
            assert iou(a.box, b.box) > 0.75
            assert np.abs(a.landmarks.points - b.landmarks.points).max() < 0.1 * a.box.width


def test_a_detector_of_another_form_is_refused() -> None:
    with pytest.raises(ModelShapeError, match="YuNet's form"):
        YunetGraph(LANDMARKS.path, "odd", 0.6)


def test_sixty_faces(engine: Engine) -> None:
    face = images.load(PORTRAIT).image[30:230, 130:330]
    small = np.asarray(__import__("cv2").resize(face, (150, 150)))
    wall = np.tile(small, (6, 10, 1))
    assert len(engine.analyze(wall).faces) == 60


def test_parts_left_out_are_none() -> None:
    report = open_engine(parts=frozenset({"landmarks"})).analyze(PORTRAIT)
    (face,) = report.faces
    assert face.age is None
    assert face.gender is None
    assert face.smile is None
    assert face.landmarks is not None
    assert face.score is not None
    assert {c.name for c in face.score.components} == {"symmetry", "quality"}


def test_the_score_can_be_changed_while_running(engine: Engine) -> None:
    engine.set_score("classic")
    (face,) = engine.analyze(PORTRAIT).faces
    assert face.score is not None
    assert face.age is not None
    table = np.array((100, 100, 95, 90, 80, 50, 40, 20))
    assert face.score.value == pytest.approx(float(face.age.range_probabilities @ table), abs=1e-6)
    engine.set_score("default", {"quality": 1.0})
    (face,) = engine.analyze(PORTRAIT).faces
    assert face.score is not None
    assert face.quality is not None
    assert face.score.value == pytest.approx(face.quality.value)
    with pytest.raises(UsageError, match="no component"):
        engine.set_score("default", {"charm": 1.0})
    engine.set_score("default")


@pytest.mark.parametrize("wrong", [{"parts": frozenset({"x"})}, {"preset": "x"}, {"provider": "x"}, {"colour": 1}])
def test_wrong_options_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        open_engine(**wrong)


def test_a_provider_that_is_absent_runs_on_the_cpu_and_says_so() -> None:
    absent = next(s.name for s in provider_report() if not s.built_in)
    engine = open_engine(provider=absent, parts=frozenset({"landmarks"}))
    assert engine.providers[LANDMARKS.name] == "cpu"
    assert any(absent in note for note in engine.notes)
    assert len(engine.analyze(PORTRAIT).faces) == 1


def test_every_task_has_a_model_on_the_list() -> None:
    assert {spec.task for spec in LISTED} == {"detector", "attributes", "landmarks", "appearance"}


@pytest.mark.parametrize("spec", LISTED, ids=lambda spec: spec.name)
def test_every_model_is_whole(spec: ModelSpec) -> None:
    verify(spec)
    for part in spec.files:
        assert (spec.root / part.file).stat().st_size == part.bytes


# the last one listed of a task may give a second opinion only: it is told at once too
@pytest.mark.parametrize(
    ("task", "place"), [("detector", 0), ("attributes", 0), ("attributes", -1), ("appearance", -1)]
)
def test_a_truncated_model_is_named(models: Path, task: str, place: int) -> None:
    spec = [spec for spec in load_registry(models) if spec.task == task][place]
    spec.path.write_bytes(spec.path.read_bytes()[:5000])
    with pytest.raises(ModelCorruptError, match=f"{spec.name} is damaged"):
        open_engine(models_dir=models)


@pytest.mark.parametrize("name", [LANDMARKS.file, "models.toml"])
def test_a_missing_file_is_named(models: Path, name: str) -> None:
    (models / name).unlink()
    with pytest.raises(ModelMissingError, match="No such file"):
        open_engine(models_dir=models)


def _replace(models: Path, spec: ModelSpec, content: bytes) -> None:
    """Other files for a model, with their sha256 entered as the right one: only their content can be at fault."""
    listing, digest = models / "models.toml", hashlib.sha256(content).hexdigest()
    for part in spec.files:
        (models / part.file).write_bytes(content)
        text = listing.read_text("utf-8")
        assert part.sha256 in text
        listing.write_text(text.replace(part.sha256, digest), "utf-8")


@pytest.mark.parametrize("spec", [LANDMARKS, DETECTOR], ids=lambda spec: spec.name)
def test_a_file_that_is_no_network_is_named(models: Path, spec: ModelSpec) -> None:
    _replace(models, spec, b"this is not a network at all" * 100)
    with pytest.raises(ModelCorruptError, match="damaged"):
        open_engine(models_dir=models)


def test_a_network_of_another_shape_is_named(models: Path) -> None:
    _replace(models, LANDMARKS, READER.path.read_bytes())
    with pytest.raises(ModelShapeError, match="does not fit its entry"):
        open_engine(models_dir=models)
    _replace(models, DETECTOR, READER.path.read_bytes())
    with pytest.raises((ModelShapeError, ModelCorruptError)):
        open_engine(models_dir=models, parts=frozenset())


def test_a_broken_list_is_named(models: Path) -> None:
    (models / "models.toml").write_text("[[model]\nname=")
    with pytest.raises(ModelCorruptError, match="list of models"):
        load_registry(models)


def test_an_unknown_model_name_is_told() -> None:
    with pytest.raises(ModelMissingError, match=f"known: {LANDMARKS.name}"):
        open_engine(models={"landmarks": "nobody"})


def test_a_batch_of_the_wrong_size_is_told() -> None:
    network = open_network(LANDMARKS)
    with pytest.raises(ModelShapeError, match="a batch of shape"):
        network.run(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_network_that_fails_on_the_gpu_goes_on_on_the_cpu() -> None:
    network = open_network(LANDMARKS, "cpu")

    class Lost:
        def run(self, *_: object) -> object:
            raise RuntimeError("device lost\nlong trace")

    network._session, network.provider = Lost(), "cuda"
    points = network.run(np.zeros((2, *LANDMARKS.input, 3), np.uint8))["points"]
    assert points.shape == (2, 68, 2)
    assert network.provider == "cpu"
    assert network.note == "cuda failed while running (device lost); now on the CPU"


def test_warming_up_reads_the_bundled_face_and_proves_the_providers(
    monkeypatch: pytest.MonkeyPatch, first_names: frozenset[str]
) -> None:
    with open_engine(provider="auto") as engine:
        assert all(proof.ms is None for proof in engine.proofs)
        proved: dict[str, np.ndarray] = {}
        for network in engine.networks.values():
            monkeypatch.setattr(network, "prove", lambda face, name=network.spec.name: proved.update({name: face}))
        engine.warm_up()
        assert set(proved) == first_names - {engine.finder.spec.name}
        (found,) = engine.analyze(PORTRAIT_FRAME, thorough=False).faces
        for network in engine.networks.values():
            spec = network.spec.crop
            assert spec is not None
            # the face as it is cut for the network
            expected = cut(images.load(PORTRAIT).image, alignment(found.detection.landmarks.points, spec), spec.size)
            np.testing.assert_array_equal(proved[network.spec.name], expected)


def test_proofs_after_warming_up(first_names: frozenset[str], all_names: frozenset[str]) -> None:
    with open_engine(provider="auto") as engine:
        engine.warm_up()
        finder, *networks = engine.proofs
        assert (finder.network, finder.asked, finder.got, finder.ms) == (engine.finder.spec.name, "cpu", "cpu", None)
        first = [engine.networks[t].spec.name for t in sorted(engine.networks)]
        assert [proof.network for proof in networks][: len(first)] == first
        assert set(first) == first_names - {finder.network}
        # those of second opinions are open before the first frame asks for them
        assert {proof.network for proof in networks} == all_names - {finder.network}
        assert len(networks) == len(all_names) - 1
        assert all(proof.ms is not None and proof.ms > 0 for proof in networks)
        assert {proof.network: proof.got for proof in engine.proofs} == engine.providers


@pytest.mark.parametrize("what", ["missing", "no face found"])
def test_warming_up_does_without_the_picture(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    if what == "missing":
        monkeypatch.setattr("facelens.engine.WARM_UP_PICTURE", "samples/nobody.jpg")
    with open_engine(provider="auto", parts=frozenset({"landmarks"})) as engine:
        if what == "no face found":
            monkeypatch.setattr(engine.finder, "detect", lambda image: np.zeros((0, 15), np.float32))
        engine.warm_up()
        assert engine.proofs[1].ms is not None


def test_a_card_that_is_lost_in_a_run_costs_no_frame() -> None:
    with open_engine(provider="cpu") as engine:
        expected = engine.analyze(PORTRAIT).faces[0]

        class Lost:
            def run(self, *_: object) -> object:
                raise RuntimeError("CUDA failure 2: out of memory")

        for network in (*engine.networks.values(), *engine._opinions.networks()):
            network._session, network.provider = Lost(), "cuda"
        assert engine.providers[LANDMARKS.name] == "cuda"
        report = engine.analyze(PORTRAIT)
        (face,) = report.faces
        assert face.landmarks is not None
        assert expected.landmarks is not None
        np.testing.assert_array_equal(face.landmarks.points, expected.landmarks.points)
        # the report of that very frame says what it was read on
        assert set(report.providers.values()) == {"cpu"}
        assert {proof.reason for proof in engine.proofs[1:]} == {"CUDA failed while running"}
        assert any("out of memory" in note for note in engine.notes)


class Rewired:
    """A session that gives other outputs: changes the first attributes network's, by name."""

    def __init__(self, engine: Engine, **changes: np.ndarray | None) -> None:
        network = engine.networks["attributes"]
        self._inner, self._given, self._changes = network._session, network.spec.outputs, changes
        names = [name for name in network.spec.outputs if name not in changes]
        names += [name for name, values in changes.items() if values is not None]
        network.spec = dataclasses.replace(network.spec, outputs=tuple(names))
        network._session = self

    def run(self, _: object, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        values = dict(zip(self._given, self._inner.run(None, feeds)))
        count = len(values["age"])
        kept = [array for name, array in values.items() if name not in self._changes]
        # pictures are read in ten crops: those of one face follow each other, and get the same
        given = [np.repeat(a, max(count // len(a), 1), axis=0) for a in self._changes.values() if a is not None]
        return kept + [array[:count] for array in given]


def test_each_face_has_its_own_expression_where_the_network_gives_one() -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}), second_opinion=False)
    rows = np.stack([np.roll(np.float32([0.1, 0.6, 0.3, 0, 0, 0, 0, 0]), by) for by in range(5)])
    Rewired(engine, expression=rows)
    faces = engine.analyze(GROUP).faces
    seen = [face.expression for face in faces]
    assert [item and item.label for item in seen] == ["happiness", "surprise", "sadness", "anger", "disgust"]
    for item, row in zip(seen, rows):
        assert item is not None
        assert item.sure
        np.testing.assert_allclose(item.probabilities, row, atol=1e-6)
    assert all(face.age is not None and face.smile is not None and face.glasses is not None for face in faces)


def test_a_network_without_expression_smile_and_glasses_leaves_them_none() -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}), second_opinion=False)
    Rewired(engine, expression=None, smile=None, glasses=None)
    (face,) = engine.analyze(PORTRAIT).faces
    assert (face.expression, face.smile, face.glasses) == (None, None, None)
    assert face.age is not None
    assert face.gender is not None


def test_a_network_that_reads_the_appearance_too_needs_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    more = READER.outputs if "distribution" in READER.outputs else (*READER.outputs, "distribution")
    reading_more = dataclasses.replace(READER, outputs=more)
    _ship(monkeypatch, DETECTOR, reading_more, LANDMARKS, RATER)
    opened: list[str] = []

    def opening(spec: ModelSpec, provider: str, threads: int) -> Network:
        opened.append(spec.task)
        network = open_network(READER if spec is reading_more else spec, provider, threads)
        if spec is reading_more:
            run = network.run
            rated = np.eye(41, dtype=np.float32)[[30]]  # all rate it 4.0 of 1..5
            monkeypatch.setattr(network, "run", lambda b: {**run(b), "distribution": rated.repeat(len(b), 0)})
        return network

    monkeypatch.setattr("facelens.engine.open_network", opening)

    def appearance(**options: object) -> float:
        opened.clear()
        (face,) = open_engine(**options).analyze(PORTRAIT).faces
        assert face.score is not None
        return next(c.value for c in face.score.components if c.name == "appearance")

    assert appearance(second_opinion=False) == pytest.approx(75)
    assert opened == ["attributes", "landmarks"]
    # alone too it is asked first
    assert appearance(second_opinion=False, parts=frozenset({"appearance"})) == pytest.approx(75)
    assert opened == ["attributes"]
    # a network that was asked for by name has the say
    named = appearance(models={"appearance": RATER.name})
    assert named != pytest.approx(75)
    assert opened == ["appearance", "attributes", "landmarks"]
    # a picture is read by both, each by its weight
    weighed = (75 * READER.weight + named * RATER.weight) / (READER.weight + RATER.weight)
    assert appearance() == pytest.approx(weighed, abs=0.01)
    assert opened == ["attributes", "landmarks", "appearance"]


def test_of_whole_frames_pictures_alone_get_a_second_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    # two that agree are not to be sharpened
    reader = dataclasses.replace(READER, age_power=1.0)
    _ship(monkeypatch, DETECTOR, reader, dataclasses.replace(reader, name="other-1"), LANDMARKS, RATER)
    part = frozenset({"attributes"})
    with open_engine(parts=part) as engine:
        engine.analyze(PORTRAIT_FRAME, thorough=False)
        assert set(engine.providers) == {DETECTOR.name, READER.name}
        (network,) = engine._opinions.networks()
        run = network.run
        network.run = lambda b: (out := run(b)) | {"female": np.full_like(out["female"], 0.5)}  # type: ignore[method-assign,operator]
        report = engine.analyze(PORTRAIT_FRAME)
        assert set(report.providers) == {DETECTOR.name, READER.name, "other-1"}
        assert "second opinion" in report.timings
        (face,) = report.faces
        with open_engine(parts=part, second_opinion=False) as alone:
            seen = alone.analyze(PORTRAIT_FRAME)
        assert set(seen.providers) == {DETECTOR.name, READER.name}
        assert "second opinion" not in seen.timings
        (by_one,) = seen.faces
        assert face.gender is not None
        assert by_one.gender is not None
        assert face.gender.label == by_one.gender.label
        assert face.gender.probability == pytest.approx((by_one.gender.probability + 0.5) / 2, abs=1e-4)
        assert face.age is not None
        assert by_one.age is not None
        assert face.age.years == pytest.approx(by_one.age.years, abs=1e-3)
    with open_engine(models={"attributes": "other-1"}) as named_one:
        assert READER.name not in named_one.analyze(PORTRAIT_FRAME).providers


def test_a_second_opinion_is_of_the_views_that_the_first_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a live view asks for it: each network once, with its own crops, moved and mirrored alike."""
    assert READER.crop is not None
    _ship(monkeypatch, *LISTED, dataclasses.replace(READER, name="other-1"))
    frame, clock = images.load(GROUP), StageClock()
    with open_engine(provider="cpu") as engine:
        found = engine.find(frame, False, clock)
        views = [(View(0.02 - 0.01 * row, 0.01 * row, row % 2 == 0),) for row in range(len(found))]
        assert engine._opinions.opened == ()
        engine.read(frame, found, frozenset({"landmarks"}), clock=clock, second=True, views=views)
        engine.read(frame, found, clock=clock, views=views)
        assert engine._opinions.opened == (), "points have no second opinion, and nobody asked for the others"
        readers = [network for task, network in engine.networks.items() if task != "landmarks"]
        others = engine._opinions.networks()
        assert "other-1" in {network.spec.name for network in others}
        seen: dict[str, list[np.ndarray]] = {}
        said: dict[str, np.ndarray] = {}
        for network in (*readers, *others):

            def watched(batch: np.ndarray, run: Any = network.run, name: str = network.spec.name) -> Any:
                seen.setdefault(name, []).append(batch)
                outputs = run(batch)
                said.update({name: outputs["age"]} if "age" in outputs else {})
                return outputs

            monkeypatch.setattr(network, "run", watched)
        faces = engine.read(frame, found, clock=clock, second=True, views=views)
    for network in (*readers, *others):
        spec = network.spec.crop
        assert spec is not None
        (batch,) = seen[network.spec.name]
        assert len(batch) == len(found), "not mirrored as well"
        for crop, detection, (view,) in zip(batch, found, views):
            matrix = view.shifted(alignment(detection.landmarks.points, spec), spec.size)
            expected = cut(frame.image, matrix, spec.size)
            np.testing.assert_array_equal(crop, expected[:, ::-1] if view.mirror else expected)
    assert len(said) >= 2
    for row, face in enumerate(faces):
        assert face.age is not None
        weights = [next(n.spec.weight for n in (*readers, *others) if n.spec.name == name) for name in said]
        expected = np.average([ages[row] for ages in said.values()], axis=0, weights=weights)
        np.testing.assert_allclose(face.age.probabilities, sharpened(expected, READER.age_power), atol=1e-6)


def test_without_the_attributes_there_is_no_expression() -> None:
    (face,) = open_engine(parts=frozenset()).analyze(PORTRAIT).faces
    assert face.expression is None


@pytest.mark.parametrize("values", [np.full((1, 7), 1 / 7), np.full((1, 8), 1 / 4)], ids=["seven", "sum 2"])
def test_an_expression_of_another_form_is_told(values: np.ndarray) -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}), second_opinion=False)
    Rewired(engine, expression=values.astype(np.float32))
    with pytest.raises(ModelShapeError, match="not 8 probabilities"):
        engine.analyze(PORTRAIT)


def test_a_model_file_with_an_expression_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped graph with an eighth of the years as each expression: its values follow from the age's."""
    onnx = pytest.importorskip("onnx", reason="adding an output needs the 'train' extra (onnx)")
    plain = [spec for spec in LISTED if spec.task == "attributes" and "expression" not in spec.outputs]
    if not plain:
        pytest.skip("the shipped networks give an expression of their own")
    eighth = np.float32(np.arange(101)[:, None] // 13 == np.arange(8))
    model = onnx.load(str(plain[0].path))
    graph = model.graph
    graph.initializer.append(onnx.numpy_helper.from_array(eighth, "eighths"))
    graph.node.append(onnx.helper.make_node("MatMul", ["age", "eighths"], ["expression"]))
    graph.output.append(onnx.helper.make_tensor_value_info("expression", onnx.TensorProto.FLOAT, ["N", 8]))
    path = tmp_path / "telling.onnx"
    onnx.save(model, str(path))
    told = {"outputs": (*plain[0].outputs, "expression"), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    telling = dataclasses.replace(plain[0], root=tmp_path, file=path.name, int8=None, **told)
    _ship(monkeypatch, DETECTOR, telling)
    with open_engine(parts=frozenset({"attributes"})) as engine:
        (face,) = engine.analyze(PORTRAIT).faces
    assert face.age is not None
    assert face.expression is not None
    np.testing.assert_allclose(face.expression.probabilities, face.age.probabilities @ eighth, atol=1e-5)


def test_the_first_network_listed_is_asked_for_all_that_it_gives(engine: Engine) -> None:
    (face,) = engine.analyze(PORTRAIT_FRAME, thorough=False).faces
    given = {"smile": face.smile, "glasses": face.glasses, "expression": face.expression}
    assert {name for name, value in given.items() if value is not None} == set(given) & set(READER.outputs)


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        open_engine(parts=frozenset()).options.provider = "cuda"  # type: ignore[misc]


def test_pictures_are_read_in_ten_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    # the same place in both
    monkeypatch.setattr(detector, "search", detector.find_faces)
    engine = open_engine(provider="cpu", second_opinion=False)
    network = engine.networks["attributes"]
    seen: list[np.ndarray] = []
    run = network.run

    def watched(batch: np.ndarray) -> object:
        seen.append(batch)
        return run(batch)

    monkeypatch.setattr(network, "run", watched)
    (live,) = engine.analyze(PORTRAIT_FRAME, thorough=False).faces
    (picture,) = engine.analyze(PORTRAIT_FRAME).faces
    once, often = seen
    assert len(once) == 1
    assert len(often) == len(TEN_CROPS)
    assert (often[0] == once[0]).all()
    assert (often[1] == once[0][:, ::-1]).all()
    assert len({crop.tobytes() for crop in often}) == len(TEN_CROPS)
    said = run(often)["age"]
    assert live.age is not None
    assert picture.age is not None
    assert np.allclose(live.age.probabilities, said[0], atol=1e-5)
    assert np.allclose(picture.age.probabilities, said.mean(axis=0), atol=1e-5)
    assert not np.allclose(said[0], said[1], atol=1e-3)
    # points have a left and a right, which change places in the mirror: what is read twice is nearly what is read once
    assert live.landmarks is not None
    assert picture.landmarks is not None
    apart = np.linalg.norm(live.landmarks.points - picture.landmarks.points, axis=1)
    assert 0 < apart.max() < 0.04 * picture.detection.box.width


def test_each_of_many_faces_gets_the_mean_of_its_own_crops() -> None:
    """More crops than go through a network at once."""
    with open_engine(provider="cpu", second_opinion=False) as engine:
        frame, clock = Frame(images.load(GROUP).image), StageClock()
        found = engine.find(frame, False, clock) * 3
        assert len(found) * len(TEN_CROPS) > BATCH
        together = engine.read(frame, found, clock=clock, views=[TEN_CROPS] * len(found))
        for row in (0, 1, len(found) - 1):
            (alone,) = engine.read(frame, found[row : row + 1], clock=clock, views=[TEN_CROPS])
            assert alone.age is not None
            assert together[row].age is not None
            np.testing.assert_allclose(alone.age.probabilities, together[row].age.probabilities, atol=1e-5)


class PickyFinder:
    """A detector that finds its face only in a picture of one width; it keeps the widths that it was shown."""

    def __init__(self, width: int, confidence: float = 0.9) -> None:
        self.width, self.confidence = width, confidence
        self.seen: list[int] = []

    def detect(self, image: np.ndarray) -> np.ndarray:
        self.seen.append(image.shape[1])
        confidence = self.confidence if image.shape[1] == self.width else 0.3
        unit = image.shape[1] / 100
        points = [40, 40, 60, 40, 50, 50, 42, 60, 58, 60]
        return np.array([[*(v * unit for v in (30, 30, 40, 40, *points)), confidence]], np.float32)


@pytest.mark.parametrize(
    ("width", "seen"), [(640, [640, 800]), (800, [640, 800]), (448, [640, 800, 448]), (960, [640, 800, 448, 960])]
)
def test_a_picture_without_a_sure_face_is_looked_at_again(width: int, seen: list[int]) -> None:
    finder = PickyFinder(width)
    (found,) = detector.search(finder, np.zeros((900, 1600, 3), np.uint8), 640, 0.05)
    assert finder.seen == seen
    # where one of the two first looks is sure, and the other gives 0.3, half of the highest and half of the mean
    assert found.confidence == pytest.approx(0.75 if width in (640, 800) else 0.9)
    # in pixels of the picture, whatever size the detector saw
    assert (found.box.x, found.box.width) == (pytest.approx(480, rel=0.01), pytest.approx(640, rel=0.01))


def test_where_no_look_is_sure_the_first_one_counts() -> None:
    finder = PickyFinder(-1)
    (found,) = detector.search(finder, np.zeros((64, 64, 3), np.uint8), 640, 0.05)
    assert finder.seen == [64, 80, 45, 96, 29]
    assert found.confidence == pytest.approx(0.3)
    assert detector.search(finder, np.zeros((64, 64, 3), np.uint8), 640, 0.6) == ()


def test_live_frames_are_looked_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    detect = engine.finder.detect

    def counted(image: np.ndarray) -> np.ndarray:
        sizes.append(image.shape[1])
        return detect(image)

    monkeypatch.setattr(engine.finder, "detect", counted)
    grey = np.full((480, 640, 3), 127, np.uint8)
    engine.analyze(grey, thorough=False)
    assert sizes == [640]
    engine.analyze(grey)
    assert len(sizes) == 6


def test_a_mirrored_look_finds_the_same_face(engine: Engine) -> None:
    image = images.load(PORTRAIT).image
    (plain,) = detector.find_faces(engine.finder, image, 640, 0.6)
    (mirrored,) = detector.find_faces(engine.finder, image, 640, 0.6, mirror=True)
    apart = np.linalg.norm(plain.landmarks.points - mirrored.landmarks.points, axis=1)
    assert apart.max() < 0.06 * plain.box.width
    assert iou(plain.box, mirrored.box) > 0.85


def test_looks_are_joined() -> None:
    def seen(x: float, confidence: float) -> Detection:
        five = Landmarks(np.float32([[x, 1], [x + 4, 1], [x + 2, 3], [x, 5], [x + 4, 5]]), "five")
        return Detection(Box(x, 0, 100, 100), confidence, five)

    first, second = [seen(0, 0.9), seen(300, 0.8)], [seen(10, 0.6), seen(700, 0.5)]
    joined = sorted(detector.join([first, second]), key=lambda d: d.box.x)
    assert [d.box.x for d in joined] == pytest.approx([4, 300, 700])
    assert [d.landmarks.points[1, 0] for d in joined] == pytest.approx([8, 304, 704])
    assert [d.confidence for d in joined] == pytest.approx([(0.9 + 0.75) / 2, (0.8 + 0.4) / 2, (0.5 + 0.25) / 2])
    assert detector.join([[], []]) == ()


@pytest.mark.parametrize("kind", [YunetDetector, YunetGraph])
def test_our_detectors_find_what_opencvs_own_class_finds(kind: type) -> None:
    """At sizes in turn, as their input is used again, and with sides that are no multiples of 32."""
    theirs = YunetFile(DETECTOR.path, "detector", 0.3)
    ours = kind(DETECTOR, 0.3) if kind is YunetDetector else kind(DETECTOR.path, "detector", 0.3)
    group = images.load(GROUP).image
    for width, height in ((640, 384), (320, 203), (641, 360), (320, 203)):
        image = np.asarray(cv2.resize(group, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        expected, found = theirs.detect(image), ours.detect(image)
        assert len(found) == len(expected) > 0
        by_place = lambda rows: rows[np.argsort(rows[:, 0])]  # noqa: E731
        np.testing.assert_allclose(by_place(found), by_place(expected), atol=0.01)
