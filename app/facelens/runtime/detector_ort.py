"""Runs a YuNet-shaped face detector with ONNX Runtime, decoded as ``cv2.FaceDetectorYN`` does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facelens.errors import ModelShapeError
from facelens.registry import ModelSpec, verify
from facelens.runtime.detector import KEEP, NMS_IOU
from facelens.runtime.graph import Graph
from facelens.runtime.session import ORT_ERRORS
from facelens.types import Image

STRIDES = (8, 16, 32)
FORM_ERRORS: tuple[type[Exception], ...] = (*ORT_ERRORS, ValueError, IndexError)
"""What a graph of another form raises when it is fed and read as YuNet."""


def suppress(boxes: npt.NDArray[Any], scores: npt.NDArray[Any], overlap: float) -> npt.NDArray[np.intp]:
    """Rows that greedy non-maximum suppression keeps, the best first; boxes as x, y, width, height."""
    if not len(boxes):
        return np.zeros(0, np.intp)
    kept = cv2.dnn.NMSBoxes(boxes.astype(np.float64).tolist(), scores.astype(np.float64).tolist(), 0.0, overlap)
    return np.asarray(kept, np.intp).reshape(-1)


class YunetGraph:
    """Any network with YuNet's inputs and outputs; ``detect`` may be called from any thread.

    It finds what ``YunetFile`` finds; on most CPUs ONNX Runtime takes about half of the time of OpenCV's DNN.

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
        try:
            self.detect(np.zeros((64, 64, 3), np.uint8))
        except FORM_ERRORS as error:
            raise ModelShapeError(
                f"The detector {name} cannot be used",
                "its outputs are not cls, obj, bbox and kps at strides 8, 16, 32",
                "Use a detector of YuNet's form",
            ) from error

    def detect(self, image: Image) -> npt.NDArray[np.float32]:
        """As ``YunetFile.detect``."""
        height, width = (-(-side // 32) * 32 for side in image.shape[:2])
        down, right = height - image.shape[0], width - image.shape[1]
        if down or right:
            padded = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
            image = np.asarray(padded, np.uint8)
        out = self._graph.run(np.asarray(cv2.dnn.blobFromImage(image), np.float32))
        rows = []
        for index, stride in enumerate(STRIDES):
            kind, there, box, points = (out[index + 3 * part][0] for part in range(4))
            score = np.sqrt(np.clip(kind[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
            kept = np.flatnonzero(score >= self._threshold)
            grid = np.stack([kept % (width // stride), kept // (width // stride)], axis=1)
            size = np.exp(box[kept, 2:]) * stride
            corner = (grid + box[kept, :2]) * stride - size / 2
            five = (np.tile(grid, 5) + points[kept]) * stride
            rows.append(np.concatenate([corner, size, five, score[kept, None]], axis=1, dtype=np.float32))
        found = np.concatenate(rows)
        found = found[np.isfinite(found).all(axis=1)]
        found = found[np.argsort(-found[:, 14], kind="stable")[:KEEP]]
        return np.asarray(found[suppress(found[:, :4], found[:, 14], NMS_IOU)])


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
