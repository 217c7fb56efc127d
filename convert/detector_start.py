"""Goes on from the detector that ships: its weights as those of a network that can be trained, see ``faces.unfold``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from convert.detector_export import rows_of, session
from convert.detector_network import HEADS, STRIDES, build
from convert.faces.unfold import given, settle

SCALE, OFFSET = 1 / 64.0, -2.0
"""Of ``detector_network.build``; the export makes them part of the first convolution."""
TOLERANCE = 1e-3
SCORES = 2
"""Columns of a row that the file gives as probabilities."""


def start(path: Path, crops: npt.NDArray[np.uint8]) -> keras.Model:
    """A float32 network that says what the file says.

    Args:
        path: of a file that ``detector_export`` wrote.
        crops: N x S x S x 3 BGR as in training, some dozen; their statistics are those of the normalisations.

    Raises:
        SystemExit: the file is not one of ``detector_export`` with floats, or has another trunk.
    """
    if path.suffix != ".onnx" or not path.exists():
        raise SystemExit(f"The detector starts from a file that ships (.onnx), and {path} is none")
    graph = onnx.load(str(path)).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    after = {name: node for node in graph.node if node.op_type == "Relu" for name in node.input}
    keras.mixed_precision.set_dtype_policy("float32")
    model = build()
    layers = {layer.name: layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)}
    norms = []
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        if len(node.input) < 3 or not {node.input[1], node.input[2]} <= values.keys():
            raise SystemExit(f"{path} is no detector of ours with floats")
        kernel, bias = values[node.input[1]].transpose(2, 3, 1, 0), values[node.input[2]]
        if node.output[0] not in after:
            _heads(layers, node.output[0], kernel, bias)
            continue
        # Keras' name of the activation after it: .../NAME_relu_1/Relu
        parts = ["", *after[node.output[0]].name.split("/")]
        name = parts[-2].removesuffix("_1").removesuffix("_relu")
        if name == "stem":
            kernel = kernel / np.float32(SCALE)
            bias = bias - OFFSET * kernel.sum((0, 1, 2))
        layer = layers.pop(name, None)
        if layer is None or kernel.shape != tuple(layer.kernel.shape):
            raise SystemExit(f"{path} has another trunk: no convolution {name} of {kernel.shape} is in this one")
        norms.append(given(layer, kernel, bias))
    if layers:
        raise SystemExit(f"{path} has another trunk: it lacks {', '.join(layers)}")
    _check(model, path, crops[0])
    settle(model, norms, crops.astype(np.float32))
    return model


def _heads(layers: dict[str, Any], name: str, kernel: npt.NDArray[Any], bias: npt.NDArray[Any]) -> None:
    """The four heads of a stride, which the file has as one convolution, headsSTRIDE."""
    first = 0
    for head, channels in HEADS.items():
        layer = layers.pop(f"{head}{name.removeprefix('heads')}_conv", None)
        if layer is None or first + channels > kernel.shape[-1]:
            raise SystemExit(f"This file is no detector of ours: it has an output {name}")
        layer.kernel.assign(kernel[..., first : first + channels])
        layer.bias.assign(bias[first : first + channels])
        first += channels


def _check(model: keras.Model, path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """The network must say what the file says."""
    side = picture.shape[0] // max(STRIDES) * max(STRIDES)
    picture = picture[:side, :side].astype(np.float32)
    theirs, ours = rows_of(session(path), picture), np.array(model(picture[None], training=False))[0]
    ours[:, :SCORES] = 1 / (1 + np.exp(-ours[:, :SCORES]))
    if (off := float((np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))).max())) > TOLERANCE:
        raise SystemExit(f"{path} has another trunk: what it says differs by {off:.2g}")
