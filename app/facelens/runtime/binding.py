"""Runs a session with buffers of its own on the device, bound once: nothing is allocated while frames come.

CUDA graphs need this, as a captured graph replays the addresses it saw. On the CPU it gains nothing, and is not used.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

SIZES = (1, 2, 4, 8, 16, 32)
"""Batch sizes that buffers are kept for; others are filled up to the next one, or cut into several."""


class _Bound:
    """Buffers and binding for one batch size."""

    def __init__(self, session: Any, size: int, device: str, graph: bool) -> None:
        def buffer(shape: list[Any], kind: type[np.generic]) -> Any:
            # the first dimension is the batch
            whole = [size, *(int(side) for side in shape[1:])]
            return onnxruntime.OrtValue.ortvalue_from_shape_and_type(whole, kind, device, 0)

        (given,) = session.get_inputs()
        self._session = session
        self._staging = np.zeros((size, *(int(side) for side in given.shape[1:])), np.uint8)
        self._input = buffer(given.shape, np.uint8)
        self._outputs = [buffer(output.shape, np.float32) for output in session.get_outputs()]
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(given.name, self._input)
        for output, value in zip(session.get_outputs(), self._outputs):
            self._binding.bind_ortvalue_output(output.name, value)
        self._options = onnxruntime.RunOptions()
        if graph:
            # a graph of its own for each size
            self._options.add_run_config_entry("gpu_graph_id", str(size))

    def run(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        count = len(batch)
        if count < len(self._staging):
            self._staging[:count] = batch
            batch = self._staging
        self._input.update_inplace(batch)
        self._session.run_with_iobinding(self._binding, self._options)
        # copies: the buffers are written over by the next batch, and what is handed out is the caller's to keep
        return [np.array(value.numpy()[:count]) for value in self._outputs]


class BoundSession:
    """A session that is called like ONNX Runtime's own and runs by bound buffers. Calls take turns.

    Args:
        session: one input of uint8 and outputs of float32, whose first dimension is the batch and the others are fixed.
        device: where the buffers lie, "cuda" or "cpu".
        graphs: the session captures CUDA graphs.
    """

    def __init__(self, session: Any, device: str, graphs: bool = False) -> None:
        self._session, self._device, self._graphs = session, device, graphs
        self._bound: dict[int, _Bound] = {}
        self._lock = threading.Lock()

    def get_inputs(self) -> Any:
        return self._session.get_inputs()

    def get_outputs(self) -> Any:
        return self._session.get_outputs()

    def get_providers(self) -> Any:
        return self._session.get_providers()

    def run(self, _: object, feeds: dict[str, npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.float32]]:
        """All outputs of a batch of any size, in the order of the graph."""
        (batch,) = feeds.values()
        with self._lock:
            parts = [self._part(batch[start : start + SIZES[-1]]) for start in range(0, max(len(batch), 1), SIZES[-1])]
        return parts[0] if len(parts) == 1 else [np.concatenate(outputs) for outputs in zip(*parts)]

    def _part(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        size = next(size for size in SIZES if size >= len(batch))
        if size not in self._bound:
            self._bound[size] = _Bound(self._session, size, self._device, self._graphs)
        return self._bound[size].run(batch)
