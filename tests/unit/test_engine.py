"""The engine on real networks: what it finds, what it leaves out, and how broken models are told."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from facelens import Engine, images, open_engine
from facelens.errors import ModelCorruptError, ModelMissingError, ModelShapeError, PictureError, UsageError
from facelens.geometry import alignment, iou
from facelens.registry import ModelSpec, load_registry, select, verify
from facelens.resources import asset
from facelens.runtime import Network, YunetGraph, open_network, provider_report
from facelens.sources.portrait import FIVE
from facelens.types import Frame
from facelens.vision import detector
from facelens.vision.crop import cut
from facelens.vision.schemes import to_scheme

PORTRAIT = asset("samples/astronaut.jpg")
GROUP = asset("samples/group.jpg")
PORTRAIT_FRAME = images.load(PORTRAIT)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(provider="cpu")


def test_the_portrait_is_read_in_full(engine: Engine) -> None:
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
    assert set(report.timings) >= {"detect", "crop", "attributes", "landmarks", "appearance", "total"}
    assert set(report.providers.values()) == {"cpu"}


def test_all_five_of_the_group_the_largest_first(engine: Engine) -> None:
    faces = engine.analyze(GROUP).faces
    assert len(faces) == 5
    areas = [face.detection.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    assert [face.track_id for face in faces] == [1, 2, 3, 4, 5]


def test_a_batch_says_the_same_as_one_by_one(engine: Engine) -> None:
    rng = np.random.default_rng(0)
    for network in engine.networks.values():
        batch = rng.integers(0, 256, (5, *network.spec.input, 3), np.uint8)
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


def test_both_runtimes_find_the_same_faces(engine: Engine) -> None:
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


def test_a_detector_of_another_form_is_refused() -> None:
    path = select(load_registry(), "landmarks").path
    with pytest.raises(ModelShapeError, match="YuNet's form"):
        YunetGraph(path, "odd", 0.6)


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
    assert engine.providers["landmarks-1"] == "cpu"
    assert any(absent in note for note in engine.notes)
    assert len(engine.analyze(PORTRAIT).faces) == 1


@pytest.mark.parametrize("task", ["detector", "attributes", "landmarks", "appearance"])
def test_every_model_is_whole_and_on_the_list(task: str) -> None:
    spec = select(load_registry(), task)
    verify(spec)
    assert spec.path.stat().st_size == spec.bytes


@pytest.mark.parametrize("name", ["attributes/attributes-1.onnx", "detector/detector-1.onnx"])
def test_a_truncated_model_is_named(models: Path, name: str) -> None:
    path = models / name
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelCorruptError, match="damaged"):
        open_engine(models_dir=models)


@pytest.mark.parametrize("name", ["landmarks/landmarks-1.onnx", "models.toml"])
def test_a_missing_file_is_named(models: Path, name: str) -> None:
    (models / name).unlink()
    with pytest.raises(ModelMissingError, match="No such file"):
        open_engine(models_dir=models)


def _approve(models: Path, name: str) -> None:
    """Enter the file's sha256 as the right one, so that only its content can be at fault."""
    path, listing = models / name, models / "models.toml"
    text = listing.read_text()
    start = text.index(f'file = "{name}"')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rest = re.sub(r'sha256 = "[0-9a-f]+"', f'sha256 = "{digest}"', text[start:], count=1)
    listing.write_text(text[:start] + rest)


@pytest.mark.parametrize("name", ["landmarks/landmarks-1.onnx", "detector/detector-1.onnx"])
def test_a_file_that_is_no_network_is_named(models: Path, name: str) -> None:
    (models / name).write_bytes(b"this is not a network at all" * 100)
    _approve(models, name)
    with pytest.raises(ModelCorruptError, match="damaged"):
        open_engine(models_dir=models)


def test_a_network_of_another_shape_is_named(models: Path) -> None:
    (models / "landmarks/landmarks-1.onnx").write_bytes((models / "attributes/attributes-1.onnx").read_bytes())
    _approve(models, "landmarks/landmarks-1.onnx")
    with pytest.raises(ModelShapeError, match="does not fit its entry"):
        open_engine(models_dir=models)
    (models / "detector/detector-1.onnx").write_bytes((models / "attributes/attributes-1.onnx").read_bytes())
    _approve(models, "detector/detector-1.onnx")
    with pytest.raises((ModelShapeError, ModelCorruptError)):
        open_engine(models_dir=models)


def test_a_broken_list_is_named(models: Path) -> None:
    (models / "models.toml").write_text("[[model]\nname=")
    with pytest.raises(ModelCorruptError, match="list of models"):
        load_registry(models)


def test_an_unknown_model_name_is_told() -> None:
    with pytest.raises(ModelMissingError, match="known: landmarks-1"):
        open_engine(models={"landmarks": "nobody"})


def test_a_batch_of_the_wrong_size_is_told() -> None:
    network = open_network(select(load_registry(), "landmarks"))
    with pytest.raises(ModelShapeError, match="a batch of shape"):
        network.run(np.zeros((1, 64, 64, 3), np.uint8))


def test_a_network_that_fails_on_the_gpu_goes_on_on_the_cpu() -> None:
    network = open_network(select(load_registry(), "landmarks"), "cpu")

    class Lost:
        def run(self, *_: object) -> object:
            raise RuntimeError("device lost\nlong trace")

    network._session, network.provider = Lost(), "cuda"
    points = network.run(np.zeros((2, 112, 112, 3), np.uint8))["points"]
    assert points.shape == (2, 68, 2)
    assert network.provider == "cpu"
    assert network.note == "cuda failed while running (device lost); now on the CPU"


def test_warming_up_reads_the_bundled_face_and_proves_the_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_engine(provider="auto") as engine:
        assert all(proof.ms is None for proof in engine.proofs)
        proved: dict[str, np.ndarray] = {}
        for network in engine.networks.values():
            monkeypatch.setattr(network, "prove", lambda face, name=network.spec.name: proved.update({name: face}))
        engine.warm_up()
        assert set(proved) == {"attributes-1", "landmarks-1", "appearance-1"}
        (found,) = engine.analyze(PORTRAIT).faces
        for network in engine.networks.values():
            spec = network.spec.crop
            assert spec is not None
            # the face as it is cut for the network
            expected = cut(images.load(PORTRAIT).image, alignment(found.detection.landmarks.points, spec), spec.size)
            np.testing.assert_array_equal(proved[network.spec.name], expected)


def test_proofs_after_warming_up() -> None:
    with open_engine(provider="auto") as engine:
        engine.warm_up()
        finder, *networks = engine.proofs
        assert (finder.network, finder.asked, finder.got, finder.ms) == ("detector-1", "cpu", "cpu", None)
        assert [proof.network for proof in networks] == ["appearance-1", "attributes-1", "landmarks-1"]
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

        for network in engine.networks.values():
            network._session, network.provider = Lost(), "cuda"
        assert engine.providers["landmarks-1"] == "cuda"
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
    """A session that gives other outputs: changes the shipped attributes network's, by name."""

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
        # pictures are read twice: the mirrored faces get the same again
        given = [np.concatenate([array, array]) for array in self._changes.values() if array is not None]
        return kept + [array[:count] for array in given]


def test_each_face_has_its_own_expression_where_the_network_gives_one() -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}))
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
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}))
    Rewired(engine, expression=None, smile=None, glasses=None)
    (face,) = engine.analyze(PORTRAIT).faces
    assert (face.expression, face.smile, face.glasses) == (None, None, None)
    assert face.age is not None
    assert face.gender is not None


def test_a_network_that_reads_the_appearance_too_needs_no_second_one(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = models / "models.toml"
    before = toml.read_text("utf-8")
    toml.write_text(before.replace('"smile", "glasses"', '"smile", "glasses", "distribution"'), "utf-8")
    assert toml.read_text("utf-8") != before
    opened: list[str] = []

    def reading_more(spec: ModelSpec, provider: str, threads: int) -> Network:
        opened.append(spec.task)
        kept = tuple(name for name in spec.outputs if name != "distribution" or spec.task == "appearance")
        network = open_network(dataclasses.replace(spec, outputs=kept), provider, threads)
        if spec.task == "attributes":
            run = network.run
            rated = np.eye(41, dtype=np.float32)[[30]]  # all rate it 4.0 of 1..5
            monkeypatch.setattr(network, "run", lambda b: {**run(b), "distribution": rated.repeat(len(b), 0)})
        return network

    monkeypatch.setattr("facelens.engine.open_network", reading_more)

    def appearance(**options: object) -> float:
        opened.clear()
        (face,) = open_engine(models_dir=models, **options).analyze(PORTRAIT).faces
        assert face.score is not None
        return next(c.value for c in face.score.components if c.name == "appearance")

    assert appearance(second_opinion=False) == pytest.approx(75)
    assert opened == ["attributes", "landmarks"]
    # alone too it is asked first
    assert appearance(second_opinion=False, parts=frozenset({"appearance"})) == pytest.approx(75)
    assert opened == ["attributes"]
    # a network that was asked for by name has the say
    named = appearance(models={"appearance": "appearance-1"})
    assert named != pytest.approx(75)
    assert opened == ["appearance", "attributes", "landmarks"]
    # a picture is read by both
    assert appearance() == pytest.approx((75 + named) / 2, abs=0.01)
    assert opened == ["attributes", "landmarks", "appearance"]


def test_a_second_opinion_is_asked_for_pictures_alone(models: Path) -> None:
    toml = models / "models.toml"
    first = tomllib.loads(toml.read_text("utf-8"))["model"]
    (entry,) = (item for item in first if item["task"] == "attributes")
    with toml.open("a", encoding="utf-8") as out:
        named = {k: v for k, v in entry.items() if k not in ("accuracy", "int8")} | {"name": "other-1"}
        out.write("\n[[model]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in named.items()))
    with open_engine(models_dir=models, parts=frozenset({"attributes"})) as engine:
        engine.analyze(PORTRAIT_FRAME, thorough=False)
        assert set(engine.providers) == {"detector-1", "attributes-1"}
        (network,) = engine._opinions.networks()
        run = network.run
        network.run = lambda b: (out := run(b)) | {"female": np.full_like(out["female"], 0.5)}  # type: ignore[method-assign,operator]
        report = engine.analyze(PORTRAIT_FRAME)
        assert set(report.providers) == {"detector-1", "attributes-1", "other-1"}
        assert "second opinion" in report.timings
        (face,) = report.faces
        with open_engine(parts=frozenset({"attributes"})) as alone:
            (by_one,) = alone.analyze(PORTRAIT_FRAME).faces
        assert face.gender is not None
        assert by_one.gender is not None
        assert face.gender.label == by_one.gender.label
        assert face.gender.probability == pytest.approx((by_one.gender.probability + 0.5) / 2, abs=1e-4)
        assert face.age is not None
        assert by_one.age is not None
        assert face.age.years == pytest.approx(by_one.age.years, abs=1e-3)
    with open_engine(models_dir=models, models={"attributes": "other-1"}) as named_one:
        assert "attributes-1" not in named_one.analyze(PORTRAIT_FRAME).providers


def test_without_the_attributes_there_is_no_expression() -> None:
    (face,) = open_engine(parts=frozenset()).analyze(PORTRAIT).faces
    assert face.expression is None


@pytest.mark.parametrize("values", [np.full((1, 7), 1 / 7), np.full((1, 8), 1 / 4)], ids=["seven", "sum 2"])
def test_an_expression_of_another_form_is_told(values: np.ndarray) -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"attributes"}))
    Rewired(engine, expression=values.astype(np.float32))
    with pytest.raises(ModelShapeError, match="not 8 probabilities"):
        engine.analyze(PORTRAIT)


def test_a_model_file_with_an_expression_is_read(models: Path) -> None:
    """The shipped graph with an eighth of the years as each expression: its values follow from the age's."""
    onnx = pytest.importorskip("onnx", reason="adding an output needs the 'train' extra (onnx)")
    path, listing = models / "attributes/attributes-1.onnx", models / "models.toml"
    eighth = np.float32(np.arange(101)[:, None] // 13 == np.arange(8))
    model = onnx.load(str(path))
    graph = model.graph
    given = [output.name for output in graph.output]
    if "expression" in given:
        pytest.skip("the shipped network gives an expression of its own")
    graph.initializer.append(onnx.numpy_helper.from_array(eighth, "eighths"))
    graph.node.append(onnx.helper.make_node("MatMul", ["age", "eighths"], ["expression"]))
    graph.output.append(onnx.helper.make_tensor_value_info("expression", onnx.TensorProto.FLOAT, ["N", 8]))
    onnx.save(model, str(path))
    listing.write_text(listing.read_text().replace(f'"{given[-1]}"]', f'"{given[-1]}", "expression"]', 1))
    _approve(models, "attributes/attributes-1.onnx")
    with open_engine(models_dir=models, parts=frozenset({"attributes"})) as engine:
        (face,) = engine.analyze(PORTRAIT).faces
    assert face.age is not None
    assert face.expression is not None
    np.testing.assert_allclose(face.expression.probabilities, face.age.probabilities @ eighth, atol=1e-5)


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        open_engine(parts=frozenset()).options.provider = "cuda"  # type: ignore[misc]


def test_pictures_are_read_as_they_are_and_mirrored(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    network = engine.networks["attributes"]
    seen: list[np.ndarray] = []
    run = network.run

    def watched(batch: np.ndarray) -> object:
        seen.append(batch)
        return run(batch)

    monkeypatch.setattr(network, "run", watched)
    (live,) = engine.analyze(PORTRAIT_FRAME, thorough=False).faces
    (picture,) = engine.analyze(PORTRAIT_FRAME).faces
    once, twice = seen
    assert len(once) == 1
    assert (twice[0] == once[0]).all()
    assert (twice[1] == once[0][:, ::-1]).all()
    said = run(twice)["age"]
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


@pytest.mark.parametrize(("width", "seen"), [(640, [640]), (448, [640, 448]), (960, [640, 448, 960])])
def test_a_picture_without_a_sure_face_is_looked_at_again(width: int, seen: list[int]) -> None:
    finder = PickyFinder(width)
    (found,) = detector.search(finder, np.zeros((900, 1600, 3), np.uint8), 640, 0.05)
    assert finder.seen == seen
    assert found.confidence == pytest.approx(0.9)
    # in pixels of the picture, whatever size the detector saw
    assert (found.box.x, found.box.width) == (pytest.approx(480, rel=0.01), pytest.approx(640, rel=0.01))


def test_where_no_look_is_sure_the_first_one_counts() -> None:
    finder = PickyFinder(-1)
    (found,) = detector.search(finder, np.zeros((64, 64, 3), np.uint8), 640, 0.05)
    assert finder.seen == [64, 45, 96, 29]
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
    assert len(sizes) == 5
