"""Goes on from a file that ships: its weights as those of a network that can be trained.

An exported graph holds each batch normalisation within the convolution before it. Here every convolution gets its
normalisation back, with the statistics that crops give it and the scale and shift that undo them: the network says what
the file says, and its training begins where that of the file ended, but for the optimiser.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from convert.faces.training import restore
from facelens.runtime import Graph

Array = npt.NDArray[Any]
Norm = tuple[Any, Any, Array]
"""A convolution, the normalisation after it, and the bias that the file has for both."""
BATCHES = 8
"""Of crops, from which the statistics are taken."""
TOLERANCE = 1e-3
"""How far features may differ, as a share of their spread."""


class Folded:
    """The convolutions and last layers of an exported face network."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.model = onnx.load(str(path))
        self._values = {item.name: numpy_helper.to_array(item) for item in self.model.graph.initializer}
        self._makers = {name: node for node in self.model.graph.node for name in node.output}

    def convolutions(self) -> Iterator[tuple[Array, Array]]:
        """Kernel (height x width x in x out) and bias of each, in the order in which they run."""
        for node in self.model.graph.node:
            if node.op_type == "Conv":
                if node.input[1] not in self._values:
                    raise SystemExit(f"{self._path} holds integers: start from the file with floats")
                kernel = self._values[node.input[1]].transpose(2, 3, 1, 0)
                bias = self._values[node.input[2]] if len(node.input) > 2 else np.zeros(kernel.shape[-1], np.float32)
                yield kernel, bias

    def head(self, output: str) -> tuple[Array, Array, str]:
        """Kernel and bias of the dense layer that an output comes from, and the name of what that layer reads."""
        found: Array | None = None
        name = output
        while (node := self._makers[name]).op_type != "MatMul":
            constants = [self._values[item] for item in node.input if item in self._values]
            if node.op_type == "Add":
                found = constants[0]
            name = next(item for item in node.input if item not in self._values)
        kernel = self._values[node.input[1]]
        bias = np.zeros(kernel.shape[1], np.float32) if found is None else found.reshape(-1)
        return kernel, bias, node.input[0]


def start(
    build: Callable[[str], Any],
    path: Path | None,
    heads: Mapping[str, str],
    make: Callable[[], npt.NDArray[np.uint8]],
) -> Any:
    """The network to train, from a checkpoint (.npz), a file that ships (.onnx) or nothing.

    Args:
        build: precision -> network.
        heads: see ``unfold``.
        make: a batch of augmented crops.

    Raises:
        SystemExit: there is no such file, or see ``unfold`` and ``training.restore``.
    """
    exact = None
    if path is not None and not path.exists():
        raise SystemExit(f"There is no {path} to start from")
    if path is not None and path.suffix == ".onnx":
        exact = build("float32")
        unfold(exact, path, heads, np.concatenate([make() for _ in range(BATCHES)]))
    model = build("mixed_bfloat16")
    if exact is not None:
        for ours, theirs in zip(model.weights, exact.weights):
            ours.assign(theirs)
    elif path is not None:
        restore(path, model.weights)
    return model


def unfold(model: Any, path: Path, heads: Mapping[str, str], crops: npt.NDArray[np.uint8]) -> None:
    """Give ``model`` the weights of a file; heads that the file lacks, or has of another form, stay as they are.

    Args:
        model: float32, of the same trunk as the file, each convolution followed by a normalisation.
        heads: name of a dense layer of the model -> name of the output of the file.
        crops: N x S x S x 3 BGR, augmented as in training; at least the statistics of some hundred.

    Raises:
        SystemExit: the trunks differ, or the file holds integers.
    """
    folded = Folded(path)
    left = list(folded.convolutions())
    norms = []
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D):
            continue
        # of those of one form the order is the same in both graphs, as they follow each other
        index = next((i for i, (kernel, _) in enumerate(left) if kernel.shape == tuple(layer.kernel.shape)), None)
        if index is None:
            raise SystemExit(f"{path} has another trunk: no convolution of {tuple(layer.kernel.shape)} is left in it")
        kernel, bias = left.pop(index)
        norms.append(given(layer, kernel, bias))
    if left:
        raise SystemExit(f"{path} has another trunk: {len(left)} of its convolutions are left over")
    wanted = {output.name for output in folded.model.graph.output}
    read = ""
    for name, output in heads.items():
        layer = model.get_layer(name)
        if output in wanted and (head := folded.head(output))[0].shape == tuple(layer.kernel.shape):
            layer.kernel.assign(head[0])
            layer.bias.assign(head[1])
            read, last = head[2], layer
    if not read:
        raise SystemExit(f"{path} has none of the outputs {', '.join(heads.values())}")
    _check(keras.Model(model.input, last.input), folded, read, path, crops[:8])
    settle(model, norms, crops)


def given(layer: Any, kernel: Array, bias: Array) -> Norm:
    """Give a convolution its weights, and the normalisation after it the bias and no more to do, until ``settle``."""
    layer.kernel.assign(kernel)
    norm = layer.output._keras_history.operation._outbound_nodes[0].operation
    norm.gamma.assign(np.ones_like(bias))
    norm.beta.assign(bias)
    norm.moving_mean.assign(np.zeros_like(bias))
    norm.moving_variance.assign(np.full_like(bias, 1 - norm.epsilon))
    return layer, norm, bias


def _check(trunk: Any, folded: Folded, name: str, path: Path, crops: npt.NDArray[np.uint8]) -> None:
    """The features must be those of the file."""
    folded.model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    side = folded.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    crops = crops[:, :side, :side]
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.onnx"
        onnx.save(folded.model, str(probe))
        graph = Graph(probe)
        theirs = dict(zip(graph.outputs, graph.run(crops)))[name]
    ours = np.asarray(trunk.predict_on_batch(crops))
    off = float(np.abs(ours.reshape(theirs.shape) - theirs).max() / max(float(theirs.std()), 1e-6))
    if off > TOLERANCE:
        raise SystemExit(f"{path} has another trunk: its features differ by {off:.2g} of their spread")


def settle(model: Any, norms: list[Norm], crops: npt.NDArray[np.uint8]) -> None:
    """Real statistics for each normalisation, and the scale and shift that leave its values as they were."""
    inside = keras.Model(model.input, [layer.output for layer, _, _ in norms])
    sums = [np.zeros((2, len(bias))) for _, _, bias in norms]
    count = 0
    for start in range(0, len(crops), 64):
        batch = crops[start : start + 64]
        for total, value in zip(sums, inside.predict_on_batch(batch)):
            values = np.asarray(value, np.float64).reshape(-1, value.shape[-1])
            total += len(batch) * np.stack([values.mean(0), np.square(values).mean(0)])
        count += len(batch)
    for (_, norm, bias), (mean, square) in zip(norms, (total / count for total in sums)):
        variance = np.maximum(square - mean**2, 1e-6)
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)
        norm.gamma.assign(np.sqrt(variance + norm.epsilon))
        norm.beta.assign(bias + mean)
