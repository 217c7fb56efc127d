"""Runs a YuNet-shaped face detector with OpenCV's DNN."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facelens.errors import ModelCorruptError
from facelens.registry import ModelSpec, verify
from facelens.runtime.yunet import KEEP, NMS_IOU, OUTPUTS, Blob, decode, other_form
from facelens.types import Image

# OpenCV 5 warns on standard error about its own default target each time a network is opened
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def _damaged(name: str, path: Path) -> ModelCorruptError:
    why = f"OpenCV cannot read {path.name}"
    return ModelCorruptError(f"The detector {name} is damaged", why, "Install Facelens again")


class YunetFile:
    """Any network with YuNet's inputs and outputs, run by ``cv2.FaceDetectorYN``, as those of others are.

    cv2.dnn objects are not thread-safe, so ``detect`` takes a lock.

    Args:
        path: the ONNX file.
        name: what errors call it.
        threshold: smallest confidence kept, 0..1.

    Raises:
        ModelCorruptError: OpenCV cannot read the file.
        ModelShapeError: OpenCV reads the graph, and its outputs are not YuNet's.
    """

    def __init__(self, path: Path, name: str, threshold: float) -> None:
        self._lock = threading.Lock()
        self._size = (64, 64)
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", self._size, threshold, NMS_IOU, KEEP)
        except cv2.error as error:
            raise _damaged(name, path) from error
        try:
            self._detector.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise other_form(name) from error

    def detect(self, image: Image) -> npt.NDArray[np.float32]:
        """Faces in ``image``, BGR uint8: N x 15 as in ``yunet.decode``."""
        size = (image.shape[1], image.shape[0])
        with self._lock:
            if size != self._size:
                self._detector.setInputSize(size)
                self._size = size
            _, faces = self._detector.detect(image)
        if faces is None:
            return np.zeros((0, 15), np.float32)
        found = np.asarray(faces, np.float32).reshape(-1, 15)
        return found[np.isfinite(found).all(axis=1)]


class YunetDetector:
    """The detector of an entry in models.toml.

    It finds what ``cv2.FaceDetectorYN`` finds, which fetches new memory for every frame; ``detect`` takes a lock.

    Raises:
        ModelMissingError, ModelCorruptError: see ``registry.verify``; ModelCorruptError also where OpenCV cannot read
            the file.
        ModelShapeError: OpenCV reads the graph, and its outputs are not YuNet's.
    """

    provider = "cpu"
    note = ""

    def __init__(self, spec: ModelSpec, threshold: float) -> None:
        verify(spec)
        self.spec, self._threshold = spec, threshold
        self._blob, self._lock = Blob(), threading.Lock()
        try:
            self._net = cv2.dnn.readNetFromONNX(str(spec.path))
        except cv2.error as error:
            raise _damaged(spec.name, spec.path) from error
        try:
            self.detect(np.zeros((64, 64, 3), np.uint8))
        except (cv2.error, ValueError, IndexError) as error:
            raise other_form(spec.name) from error

    def detect(self, image: Image) -> npt.NDArray[np.float32]:
        """Faces in ``image``, BGR uint8: see ``yunet.decode``."""
        with self._lock:
            blob = self._blob.of(image)
            self._net.setInput(blob)
            out = [np.asarray(value, np.float32) for value in self._net.forward(OUTPUTS)]
            return decode(out, blob.shape[3], self._threshold)
