"""Other projects' published networks as complete pipelines, to be measured beside Facelens on the same pictures.

Their files are not part of Facelens: point ``open_peers`` at a folder that holds them. Each is fed and read as its own
project does; where that project publishes no pipeline, the usual one is put together.

- YuNet: Wu, Peng and Yu, Machine Intelligence Research 2023 (libfacedetection.train).
- RFB-320: Linzaer, Ultra-Light-Fast-Generic-Face-Detector-1MB.
- face-api.js: V. Muehler; tiny YOLO detector, 68 points, age and gender.
- GA: InsightFace's gender-age network of 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, bounding_box
from facelens.runtime import Graph, YunetFile, YunetGraph, suppress
from facelens.types import (
    AGE_COUNT,
    AgeEstimate,
    Box,
    Detection,
    Face,
    Frame,
    FrameReport,
    GenderEstimate,
    Image,
    Landmarks,
)
from facelens.vision.crop import align
from facelens.vision.detector import find_faces
from facelens.vision.schemes import to_scheme

Array = npt.NDArray[np.float32]
ARCFACE = CropSpec(112, 1.0)
TINY_ANCHORS = np.array(
    [[1.603231, 2.094468], [6.041143, 7.080126], [2.882459, 3.518061], [4.266906, 5.178857], [9.041765, 10.66308]]
)


def _sigmoid(x: Array) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x.astype(np.float64))))


def _rgb(image: Image) -> Array:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.float32)


def square(image: Image, box: Box, size: int) -> tuple[Image, float, npt.NDArray[np.float64]]:
    """A box cut at the picture's edges, padded with black to a centred square and resized, as face-api.js does.

    Returns:
        The crop, px of the picture for one px of the crop, and the picture's place (x, y) of the crop's corner.
    """
    height, width = image.shape[:2]
    left, top = max(round(box.x), 0), max(round(box.y), 0)
    right, bottom = min(round(box.right), width), min(round(box.bottom), height)
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    side = max(part.shape[:2])
    y, x = (side - part.shape[0]) // 2, (side - part.shape[1]) // 2
    whole = np.zeros((side, side, 3), np.uint8)
    whole[y : y + part.shape[0], x : x + part.shape[1]] = part
    crop = np.asarray(cv2.resize(whole, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)
    return crop, side / size, np.array([left - x, top - y], np.float64)


def guessed_five(box: Box) -> Landmarks:
    """Where the five points of an upright face in a box usually lie, for detectors that give none."""
    share = (ARCFACE.template - 56.0) / 80.0 + 0.5
    return Landmarks((share * (box.width, box.height) + (box.x, box.y)).astype(np.float32), "five")


def one_year(years: float) -> AgeEstimate:
    """An age from a network that says years and no distribution."""
    years = float(np.clip(years, 0, AGE_COUNT - 1))
    probabilities = np.zeros(AGE_COUNT, np.float32)
    probabilities[round(years)] = 1
    return AgeEstimate(years, years, years, probabilities)


def yunet_opencv(folder: Path, longest_side: int) -> Callable[[Image], list[Detection]]:
    """YuNet by OpenCV's DNN."""
    detector = YunetFile(folder / "yunet_n_dynamic.onnx", "YuNet", 0.05)
    return lambda image: list(find_faces(detector, image, longest_side, 0.05))


def yunet_ort(folder: Path, longest_side: int, threads: int) -> Callable[[Image], list[Detection]]:
    """YuNet by ONNX Runtime."""
    detector = YunetGraph(folder / "yunet_n_dynamic.onnx", "YuNet", 0.6, threads)
    return lambda image: list(find_faces(detector, image, longest_side, 0.6))


class Rfb320:
    """The Ultra-Light detector at 320 x 240."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._graph = Graph(folder / "version-RFB-320.onnx", threads)

    def __call__(self, image: Image) -> list[Detection]:
        small = (_rgb(np.asarray(cv2.resize(image, (320, 240)), np.uint8)) - 127) / 128
        scores, corners = self._graph.run(np.ascontiguousarray(small.transpose(2, 0, 1)[None]))
        # the best 400 show the whole curve: it gives thousands of empty places 0.05 and more
        kept = np.argsort(-scores[0, :, 1])[:400]
        size = np.array([image.shape[1], image.shape[0]], np.float64)
        low, high = corners[0, kept, :2] * size, corners[0, kept, 2:] * size
        return _detections(np.concatenate([low, high - low], axis=1), scores[0, kept, 1].astype(np.float64), 0.3)


class Tiny416:
    """face-api.js' tiny YOLO detector."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._graph = Graph(folder / "fa_tiny416.onnx", threads)

    def __call__(self, image: Image) -> list[Detection]:
        ratio = 416 / max(image.shape[:2])
        size = (max(round(image.shape[1] * ratio), 1), max(round(image.shape[0] * ratio), 1))
        canvas = np.zeros((1, 416, 416, 3), np.float32)
        canvas[0, : size[1], : size[0]] = _rgb(np.asarray(cv2.resize(image, size), np.uint8))
        (out,) = self._graph.run(canvas)
        cells = out.reshape(13, 13, 5, 5)
        score = _sigmoid(cells[..., 4])
        row, column, anchor = np.nonzero(score > 0.05)
        values = cells[row, column, anchor]
        centre = (np.stack([column, row], 1) + _sigmoid(values[:, :2])) / 13
        extent = np.exp(values[:, 2:4].astype(np.float64)) * TINY_ANCHORS[anchor] / 13
        boxes = np.concatenate([centre - extent / 2, extent], axis=1) * 416 / ratio
        return _detections(boxes, score[row, column, anchor], 0.4)


def _detections(boxes: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], overlap: float) -> list[Detection]:
    found = []
    for row in suppress(boxes, scores, overlap):
        box = Box(*(float(v) for v in boxes[row]))
        found.append(Detection(box, float(scores[row]), guessed_five(box)))
    return found


class FaceApiReader:
    """face-api.js' 68 points, then age and gender on the box around them."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._points = Graph(folder / "fa_lm68.onnx", threads)
        self._readings = Graph(folder / "fa_agegender.onnx", threads)

    def __call__(self, image: Image, found: Sequence[Detection]) -> tuple[Face, ...]:
        cuts = [square(image, detection.box, 112) for detection in found]
        (out,) = self._points.run(np.stack([_rgb(crop) for crop, _, _ in cuts]))
        shapes = []
        for row, (_, scale, corner) in zip(out, cuts):
            points = (row.reshape(68, 2) * 112 * scale + corner - 0.5).astype(np.float32)
            shapes.append(Landmarks(points, "ibug68"))
        crops = []
        for shape in shapes:
            box = bounding_box(shape.points)
            more_x, more_y = box.width * 0.1, box.height * 0.1
            grown = Box(box.x - more_x, box.y - more_y, box.width + 2 * more_x, box.height + 2 * more_y)
            crops.append(_rgb(square(image, grown, 112)[0]))
        years, gender = self._readings.run(np.stack(crops))
        faces = []
        for index, (detection, shape) in enumerate(zip(found, shapes)):
            five = to_scheme(shape, "five")
            assert five is not None
            faces.append(
                Face(
                    index + 1,
                    Detection(detection.box, detection.confidence, five),
                    age=one_year(float(years[index, 0])),
                    gender=_gender(float(gender[index, 1])),
                    landmarks=shape,
                )
            )
        return tuple(faces)


class GaReader:
    """InsightFace's gender and age, one face at a time as its file demands."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._graph = Graph(folder / "insightface_ga_2018.onnx", threads)

    def __call__(self, image: Image, found: Sequence[Detection]) -> tuple[Face, ...]:
        faces = []
        for index, detection in enumerate(found):
            crop = _rgb(align(image, detection.landmarks.points, ARCFACE)[0])
            (out,) = self._graph.run(np.ascontiguousarray(crop.transpose(2, 0, 1)[None]))
            female = _sigmoid(out[0, 0:1] - out[0, 1:2])[0]
            votes = out[0, 2:].reshape(100, 2)
            years = float((votes[:, 1] > votes[:, 0]).sum())
            faces.append(Face(index + 1, detection, age=one_year(years), gender=_gender(float(female))))
        return tuple(faces)


def _gender(female: float) -> GenderEstimate:
    return GenderEstimate("female", female) if female >= 0.5 else GenderEstimate("male", 1 - female)


class Peer:
    """A detector and what reads its faces; ``analyze`` answers like ``Engine.analyze``.

    ``size`` is the sum of its files in bytes, ``threshold`` the confidence from which its project counts a face,
    ``full`` says that it gives boxes, 68 points, age and gender.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[Path],
        detect: Callable[[Image], list[Detection]],
        read: Callable[[Image, Sequence[Detection]], tuple[Face, ...]] | None,
        threshold: float = 0.6,
        full: bool = False,
    ) -> None:
        self.name, self.size, self.threshold = name, sum(path.stat().st_size for path in files), threshold
        self.full = full
        self._detect, self._read = detect, read

    def analyze(self, frame: Image | Frame) -> FrameReport:
        """Faces of a picture, BGR uint8: all that a detector alone sees, or what is read above ``threshold``."""
        image = frame.image if isinstance(frame, Frame) else frame
        found = self._detect(image)
        if self._read is None:
            faces = tuple(Face(index + 1, detection) for index, detection in enumerate(found))
        else:
            sure = [detection for detection in found if detection.confidence >= self.threshold]
            faces = self._read(image, sure) if sure else ()
        return FrameReport(0, 0.0, (image.shape[1], image.shape[0]), faces)


def open_peers(folder: Path, threads: int = 1) -> tuple[Peer, ...]:
    """The complete pipelines: detector, age and gender, and 68 points but for the one with GA.

    Raises:
        ModelMissingError, ModelCorruptError: see ``runtime.Graph``.
    """
    yunet, tiny = folder / "yunet_n_dynamic.onnx", folder / "fa_tiny416.onnx"
    api = [folder / "fa_lm68.onnx", folder / "fa_agegender.onnx"]
    ga = folder / "insightface_ga_2018.onnx"
    return (
        Peer("face-api.js", [tiny, *api], Tiny416(folder, threads), FaceApiReader(folder, threads), 0.5, full=True),
        Peer(
            "YuNet + face-api.js",
            [yunet, *api],
            yunet_ort(folder, 640, threads),
            FaceApiReader(folder, threads),
            full=True,
        ),
        Peer("YuNet + InsightFace GA", [yunet, ga], yunet_opencv(folder, 320), GaReader(folder, threads)),
    )


def open_detectors(folder: Path, threads: int = 1) -> tuple[Peer, ...]:
    """The detectors alone.

    Raises:
        ModelMissingError, ModelCorruptError: see ``runtime.Graph``.
    """
    yunet, rfb, tiny = (folder / f for f in ("yunet_n_dynamic.onnx", "version-RFB-320.onnx", "fa_tiny416.onnx"))
    return (
        Peer("YuNet", [yunet], yunet_opencv(folder, 640), None),
        Peer("RFB-320", [rfb], Rfb320(folder, threads), None, 0.7),
        Peer("face-api.js tiny", [tiny], Tiny416(folder, threads), None, 0.5),
    )
