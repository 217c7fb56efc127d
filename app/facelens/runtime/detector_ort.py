"""Runs a YuNet-shaped face detector with ONNX Runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facelens.registry import ModelSpec, verify
from facelens.runtime.graph import Graph
from facelens.runtime.session import ORT_ERRORS
from facelens.runtime.yunet import Blob, decode, other_form
from facelens.types import Image

FORM_ERRORS: tuple[type[Exception], ...] = (*ORT_ERRORS, ValueError, IndexError)
"""What a graph of another form raises when it is fed and read as YuNet."""


class YunetGraph:
    """Any network with YuNet's inputs and outputs; ``detect`` may be called from any thread.

    It finds what ``YunetDetector`` finds, in about half its time, and can run 8-bit integers, which OpenCV's DNN runs
    slower than floats.

    Args:
        path: the ONNX file.
        name: what errors call it.
        threshold: smallest confidence kept, 0..1.
        threads: CPU threads.

    Raises:
        ModelMissingError, ModelCorruptError: see ``Graph``.
        ModelShapeError: its outputs are not YuNet's.
    """

    provider = "cpu"
    note = ""

    def __init__(self, path: Path, name: str, threshold: float, threads: int = 1) -> None:
        self._graph, self._threshold = Graph(path, threads), threshold
        self._blob, self._lock = Blob(), threading.Lock()
        try:
            self.detect(np.zeros((64, 64, 3), np.uint8))
        except FORM_ERRORS as error:
            raise other_form(name) from error

    def detect(self, image: Image) -> npt.NDArray[np.float32]:
        """Faces in ``image``, BGR uint8: see ``yunet.decode``."""
        with self._lock:
            blob = self._blob.of(image)
            return decode(self._graph.run(blob), blob.shape[3], self._threshold)


class OrtDetector(YunetGraph):
    """The detector of an entry in models.toml, with 8-bit integers where the entry has them.

    Raises:
        ModelMissingError, ModelCorruptError: see ``registry.verify`` and ``Graph``.
        ModelShapeError: see ``YunetGraph``.
    """

    def __init__(self, spec: ModelSpec, threshold: float, threads: int = 1) -> None:
        verify(spec)
        super().__init__(spec.path_on("cpu"), spec.name, threshold, threads)
        self.spec = spec
