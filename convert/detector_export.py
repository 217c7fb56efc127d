"""The trained detector as an ONNX file of the ``FaceDetectorYN`` form, and the proof that the runtimes agree on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from convert.detector_data import Array
from convert.detector_graph import slim
from convert.detector_network import HEADS, STRIDES, build

NAMES = tuple(f"{head}_{stride}" for head in HEADS for stride in STRIDES)
TOLERANCE = 1e-4
SIZES = ((320, 320), (384, 640), (480, 288))
"""Heights and widths at which the runtimes are compared."""


class ParityError(RuntimeError):
    """Two runtimes read different values from the same network."""


def exported(model: keras.Model, shift: float) -> keras.Model:
    """The same network with the twelve outputs; ``shift`` is added to the logits of both scores (calibration)."""
    keras.mixed_precision.set_dtype_policy("float32")
    twin = build(exported=True)
    for layer in model.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        if layer.name.startswith(("cls", "obj")):
            weights[1] = weights[1] + np.float32(shift)
        twin.get_layer(layer.name).set_weights(weights)
    return twin


def write(model: keras.Model, path: Path) -> None:
    """Write ``exported`` network ``model`` to ``path`` (temporary file, then replaced), see ``detector_graph``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part.onnx")
    signature = (tf.TensorSpec((1, None, None, 3), tf.float32, name="input"),)
    tf2onnx.convert.from_keras(
        model, input_signature=signature, opset=17, inputs_as_nchw=["input"], output_path=str(temporary)
    )
    proto = onnx.load(str(temporary))
    missing = set(NAMES) - {output.name for output in proto.graph.output}
    if missing:
        raise ParityError(f"the exported graph lacks the outputs {sorted(missing)}")
    onnx.save(slim(proto), str(temporary))
    temporary.replace(path)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def parity(model: keras.Model, path: Path, sizes: tuple[tuple[int, int], ...] = SIZES) -> dict[str, float]:
    """Largest difference of any output, Keras to ONNX Runtime and ONNX Runtime to OpenCV, over ``sizes``.

    Raises ParityError above 1e-4 (relative to 1 for the scores, to the larger of 1 and the value elsewhere).
    """
    run = session(path)
    net = cv2.dnn.readNet(str(path))
    worst = {"keras": 0.0, "opencv": 0.0}
    rng = np.random.default_rng(0)
    for height, width in sizes:
        small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        blob = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
        reference = dict(zip(NAMES, run.run(list(NAMES), {"input": blob})))
        by_keras = dict(zip(NAMES, model(image[None], training=False)))
        net.setInput(blob)
        by_opencv = dict(zip(NAMES, net.forward(list(NAMES))))
        for name, value in reference.items():
            scale = np.maximum(1.0, np.abs(value))
            for kind, other in (("keras", by_keras), ("opencv", by_opencv)):
                difference = float((np.abs(np.asarray(other[name]).reshape(value.shape) - value) / scale).max())
                worst[kind] = max(worst[kind], difference)
    if max(worst.values()) > TOLERANCE:
        raise ParityError(f"the runtimes differ by {worst}, more than {TOLERANCE}: {path} is not fit to ship")
    return worst


def rows_of(run: onnxruntime.InferenceSession, image: Any) -> Array:
    """The outputs for an H x W x 3 picture (H and W multiples of 32) as rows A x 16, in the order of the cells."""
    blob = np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1)[None])
    out = dict(zip(NAMES, run.run(list(NAMES), {"input": blob})))
    parts = [np.concatenate([out[f"{head}_{stride}"][0] for head in HEADS], 1) for stride in STRIDES]
    return np.asarray(np.concatenate(parts), np.float32)
