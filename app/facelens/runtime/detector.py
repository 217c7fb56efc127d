"""Runs a YuNet-shaped face detector with OpenCV's DNN (``cv2.FaceDetectorYN``)."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facelens.errors import ModelCorruptError, ModelShapeError
from facelens.registry import ModelSpec, verify
from facelens.types import Image

# OpenCV 5 warns on standard error about its own default target each time a network is opened
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

NMS_IOU = 0.3
KEEP = 5000
"""Boxes kept before and after suppression, as in YuNet's own demo."""


def other_form(name: str) -> ModelShapeError:
    """The error of a detector that is not of YuNet's form."""
    return ModelShapeError(
        f"The detector {name} cannot be used",
        "its outputs are not those of OpenCV's FaceDetectorYN (cls, obj, bbox and kps at strides 8, 16, 32)",
        "Use a detector of YuNet's form",
    )


class YunetFile:
    """Any network with YuNet's inputs and outputs (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector",
    Machine Intelligence Research 2023).

    cv2.dnn objects are not thread-safe, so ``detect`` takes a lock.

    Args:
        path: the ONNX file.
        name: what errors call it.
        threshold: smallest confidence kept, 0..1.

    Raises:
        ModelCorruptError: OpenCV cannot read the file.
        ModelShapeError: OpenCV reads the graph, and its outputs are not YuNet's.
    """

    provider = "cpu"
    note = ""

    def __init__(self, path: Path, name: str, threshold: float) -> None:
        self._lock = threading.Lock()
        self._size = (64, 64)
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", self._size, threshold, NMS_IOU, KEEP)
        except cv2.error as error:
            why = f"OpenCV cannot read {path.name}"
            raise ModelCorruptError(f"The detector {name} is damaged", why, "Install Facelens again") from error
        try:
            self._detector.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise other_form(name) from error

    def detect(self, image: Image) -> npt.NDArray[np.float32]:
        """Faces in ``image`` (BGR uint8, sides multiples of 32 are fastest): N x 15 float32.

        Columns: x, y, width, height, five points (x, y) in the order of scheme 'five', confidence 0..1; pixels of
        ``image``.
        """
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


class YunetDetector(YunetFile):
    """The detector of an entry in models.toml.

    Raises:
        ModelMissingError, ModelCorruptError: see ``registry.verify`` and ``YunetFile``.
        ModelShapeError: see ``YunetFile``.
    """

    def __init__(self, spec: ModelSpec, threshold: float) -> None:
        verify(spec)
        super().__init__(spec.path, spec.name, threshold)
        self.spec = spec
