"""An untrained detector, exported: every runtime reads the same from it, and OpenCV finds the faces that we decode."""

from __future__ import annotations

import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the 'train' extra (keras)")
pytest.importorskip("tf2onnx", reason="training needs the 'train' extra (tf2onnx)")

from convert import detector_calibrate, detector_export, detector_ship
from convert.detector_measure import yunet_form
from convert.detector_network import build
from convert.detector_targets import decode


@pytest.fixture(scope="module")
def untrained() -> object:
    """The network with random heads, so that some cells of random pictures score high."""
    import keras

    keras.utils.set_random_seed(3)
    model = build()
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if layer.name.endswith("_conv"):
            kernel, bias = layer.get_weights()
            spread = 1.0 if layer.name.startswith(("cls", "obj")) else 0.2
            layer.set_weights([rng.normal(0, spread, kernel.shape), rng.normal(0, 0.3, bias.shape)])
    return model


@pytest.fixture(scope="module")
def exported(untrained: object, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    model = detector_export.exported(untrained, 0.5)
    path = tmp_path_factory.mktemp("detector") / "tiny.onnx"
    detector_export.write(model, path)
    return model, path


def test_runtimes_agree_at_any_size(exported: tuple[object, Path]) -> None:
    worst = detector_export.parity(*exported, sizes=((64, 96), (160, 128)))
    assert max(worst.values()) < 1e-4


def test_a_changed_weight_is_no_parity(exported: tuple[object, Path], tmp_path: Path) -> None:
    import onnx

    _, path = exported
    graph = onnx.load(str(path))
    for weights in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.ndim == 4:
            weights.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1.05), weights.name))
            break
    onnx.save(graph, str(tmp_path / "bent.onnx"))
    with pytest.raises(detector_export.ParityError):
        detector_export.parity(exported[0], tmp_path / "bent.onnx", sizes=((64, 64),))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(96, 160), (128, 128)])
def test_our_decoding_is_that_of_opencv(exported: tuple[object, Path], size: tuple[int, int]) -> None:
    _, path = exported
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    rows = detector_export.rows_of(detector_export.session(path), image)
    ours = decode(rows, *size, threshold=0.5)
    detector = cv2.FaceDetectorYN.create(str(path), "", size[::-1], 0.5, 0.3, 5000)
    theirs = detector.detect(image)[1]
    assert theirs is not None
    assert len(ours) == len(theirs) > 0
    theirs = theirs[np.lexsort(theirs[:, :2].T)]
    ours = ours[np.lexsort(ours[:, :2].T)]
    assert np.allclose(ours, theirs, atol=1e-2)


def test_the_shift_moves_every_score_and_nothing_else(untrained: object, exported: tuple[object, Path]) -> None:
    image = np.random.default_rng(2).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    plain = detector_export.exported(untrained, 0.0)(image)  # type: ignore[operator,arg-type]
    moved = exported[0](image)  # type: ignore[operator]
    for name, before, after in zip(detector_export.NAMES, plain, moved):
        b, a = np.asarray(before, np.float64), np.asarray(after, np.float64)
        if name.startswith(("cls", "obj")):
            assert np.allclose(np.log(a / (1 - a)) - np.log(b / (1 - b)), 0.5, atol=1e-3)
        else:
            assert np.allclose(a, b)


def test_shifting_candidates_equals_shifting_the_graph(
    untrained: object, exported: tuple[object, Path], tmp_path: Path
) -> None:
    raw = tmp_path / "raw.onnx"
    detector_export.write(detector_export.exported(untrained, 0.0), raw)  # type: ignore[arg-type]
    picture = np.random.default_rng(4).integers(0, 256, (96, 128, 3), np.uint8)
    by_hand = detector_calibrate.candidates(detector_export.session(raw), picture, 128).faces(0.5, 0.6)
    in_graph = yunet_form(exported[1], 128, 0.6)(picture)
    assert len(by_hand) == len(in_graph) > 0
    assert np.allclose(np.sort(by_hand[:, 14]), np.sort(in_graph[:, 14]), atol=1e-4)


def test_the_entry_replaces_only_its_own(tmp_path: Path) -> None:
    (tmp_path / "detector").mkdir()
    target = tmp_path / "detector" / "detector-1.onnx"
    target.write_bytes(b"first")
    (tmp_path / "models.toml").write_text('# kept\n[[model]]\nname = "other"\nbytes = 3\n')
    figures = {"scenes val ap 24px": 0.9, "no_faces val alarms": 0.01, "scenes val ap 12px": 0.8}
    detector_ship.enter(tmp_path, target, 5, figures)
    target.write_bytes(b"second")
    detector_ship.enter(tmp_path, target, 7, figures)
    text = (tmp_path / "models.toml").read_text()
    entries = {entry["name"]: entry for entry in tomllib.loads(text)["model"]}
    assert text.startswith("# kept")
    assert text.count("[[model]]") == 2
    assert entries["other"]["bytes"] == 3
    assert entries["detector-1"]["bytes"] == 6
    assert entries["detector-1"]["parameters"] == 7
    assert entries["detector-1"]["accuracy"] == {"scenes val AP, faces from 24 px": 0.9, "no_faces val alarms": 0.01}


def test_the_graph_is_slim(exported: tuple[object, Path]) -> None:
    """Nothing is left of what the export writes for enlarging, and each stride has one convolution for its heads."""
    import onnx

    kinds = [node.op_type for node in onnx.load(str(exported[1])).graph.node]
    assert not {"Tile", "Shape", "Gather", "Slice", "Cast", "Mul"} & set(kinds)
    assert (kinds.count("Resize"), kinds.count("Split"), kinds.count("Pad")) == (2, 3, 1)


def test_a_graph_of_another_form_is_not_rewritten() -> None:
    import onnx

    from convert.detector_graph import GraphFormError, slim

    value = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, None, None])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["input"], ["out"])], "odd", [value], [value])
    with pytest.raises(GraphFormError, match="one convolution"):
        slim(onnx.helper.make_model(graph))
