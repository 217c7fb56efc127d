"""The engine: one frame in, one report out; every network reads all faces of the frame as one batch."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens import images
from facelens.errors import PictureError, UsageError
from facelens.geometry import CropSpec, alignment, invert, transform
from facelens.registry import load_registry, select
from facelens.runtime import Network, OrtDetector, YunetDetector, open_network
from facelens.types import Detection, Face, Frame, FrameReport, Image, Landmarks
from facelens.vision import attributes, detector, quality, score
from facelens.vision.crop import cut

FINDERS = ("opencv", "onnxruntime")
ALL_PARTS = frozenset({"attributes", "landmarks", "appearance"})


@dataclasses.dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine reads and how.

    Attributes:
        provider: "auto", "cpu", "cuda", "tensorrt", "coreml" or "directml".
        parts: networks to run beside the detector; a part left out leaves None in the report.
        min_confidence: detections below are dropped, 0..1.
        detect_size: longest side in px of the picture that the detector sees; larger finds smaller faces.
        preset: "default" or "classic" (the published age rule), see ``vision.score``.
        weights: weights of the score's components, None for the usual ones.
        threads: CPU threads of each network.
        finder: what runs the detector, "opencv" (its DNN module) or "onnxruntime", which is the faster on most CPUs.
        models: task to model name, where another than the first listed is wanted.
        models_dir: folder with another models.toml.
    """

    provider: str = "auto"
    parts: frozenset[str] = ALL_PARTS
    min_confidence: float = 0.6
    detect_size: int = 640
    preset: str = "default"
    weights: Mapping[str, float] | None = None
    threads: int = 1
    finder: str = "opencv"
    models: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    models_dir: Path | None = None


class Clock:
    """Collects the milliseconds of each stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + (time.perf_counter() - start) * 1000


def _run(network: Network, crops: npt.NDArray[np.uint8], twice: bool) -> Mapping[str, npt.NDArray[np.float32]]:
    if not twice:
        return network.run(crops)
    both = network.run(np.concatenate([crops, crops[:, :, ::-1]]))
    count = len(crops)
    return {name: np.asarray((v[:count] + v[count:]) / 2, np.float32) for name, v in both.items()}


class Engine:
    """Opened networks. Use ``open_engine``; ``analyze`` may be called from any thread.

    Raises (on construction):
        UsageError: an unknown part, preset, weight or provider.
        ModelError: see ``runtime.open_network``.
    """

    def __init__(self, options: EngineOptions) -> None:
        unknown = set(options.parts) - ALL_PARTS
        if unknown:
            raise UsageError(
                "Cannot open the engine", f"unknown parts {sorted(unknown)}", f"Known: {sorted(ALL_PARTS)}"
            )
        if options.finder not in FINDERS:
            known = f"known are {', '.join(FINDERS)}"
            raise UsageError(f"Unknown finder '{options.finder}'", known, "Choose one of them")
        self.options = options
        self._lock = threading.Lock()
        self._score = self._checked(options.preset, options.weights)
        specs = load_registry(options.models_dir)
        finder = select(specs, detector.TASK, options.models.get(detector.TASK))
        self._detector: YunetDetector | OrtDetector
        if options.finder == "onnxruntime":
            self._detector = OrtDetector(finder, options.min_confidence, options.threads)
        else:
            self._detector = YunetDetector(finder, options.min_confidence)
        wanted = {task: select(specs, task, options.models.get(task)) for task in sorted(options.parts)}
        reader = wanted.get(attributes.TASK)
        if reader is not None and score.OUTPUT in reader.outputs and "appearance" not in options.models:
            # it reads the appearance as well: no second network looks at the same crop
            wanted.pop("appearance", None)
        self._networks: dict[str, Network] = {
            task: open_network(spec, options.provider, options.threads) for task, spec in wanted.items()
        }

    @staticmethod
    def _checked(preset: str, weights: Mapping[str, float] | None) -> tuple[str, Mapping[str, float]]:
        if preset not in score.PRESETS:
            raise UsageError(
                f"Unknown preset '{preset}'", f"known are {', '.join(score.PRESETS)}", "Choose one of them"
            )
        return preset, score.check_weights(weights)

    @property
    def networks(self) -> Mapping[str, Network]:
        """Opened networks by task, without the detector."""
        return MappingProxyType(self._networks)

    @property
    def finder(self) -> YunetDetector | OrtDetector:
        """The opened detector."""
        return self._detector

    @property
    def providers(self) -> Mapping[str, str]:
        """The provider that each network really uses, by model name."""
        found = {self._detector.spec.name: self._detector.provider}
        return found | {network.spec.name: network.provider for network in self._networks.values()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Why a better or the requested provider is not in use, each reason once."""
        return tuple(dict.fromkeys(network.note for network in self._networks.values() if network.note))

    def set_score(self, preset: str, weights: Mapping[str, float] | None = None) -> None:
        """Change how the score is made from the next frame on.

        Raises:
            UsageError: see ``vision.score.check_weights``.
        """
        checked = self._checked(preset, weights)
        with self._lock:
            self._score = checked

    def analyze(self, frame: Frame | Image | str | Path | bytes, thorough: bool = True) -> FrameReport:
        """Find and read every face of a frame, an array (H x W x 3 BGR uint8), a path, or the bytes of a picture.

        Args:
            thorough: look again at other sizes where no sure face is found (``vision.detector.search``), and read
                each face twice, as it is and mirrored; live views, which get another frame at once, save that time.

        Raises:
            PictureError: the picture cannot be read, or the array has another form.
            ProviderError: a network fails on the CPU too.
            ModelShapeError: a network gives an expression in another form, see ``vision.attributes``.
        """
        if isinstance(frame, (str, Path, bytes)):
            frame = images.load(frame)
        elif isinstance(frame, np.ndarray):
            frame = Frame(frame)
        clock = Clock()
        with clock.stage("total"):
            found = self.find(frame, thorough, clock)
            faces = self.read(frame, found, clock=clock, twice=thorough)
        return self.report(frame, faces, clock)

    def find(self, frame: Frame, thorough: bool, clock: Clock) -> tuple[Detection, ...]:
        """The detector's part of ``analyze``.

        Raises:
            PictureError: the array has another form.
        """
        image = frame.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise PictureError(
                "Cannot analyse this array",
                f"it has shape {image.shape} and type {image.dtype}",
                "Give height x width x 3 values of uint8, BGR",
            )
        with clock.stage("detect"):
            find = detector.search if thorough else detector.find_faces
            return find(self._detector, image, self.options.detect_size, self.options.min_confidence)

    def read(
        self,
        frame: Frame,
        found: Sequence[Detection],
        parts: frozenset[str] | None = None,
        *,
        clock: Clock,
        twice: bool = False,
    ) -> tuple[Face, ...]:
        """Read faces at known places, each network all of them as one batch.

        Args:
            found: where they are, for instance moved on from an earlier frame.
            parts: those of ``options.parts`` to read, None for all. Where some are left out there is no quality and no
                score either: both are of one look at a face.
            twice: attributes and appearance are the mean of what the networks say of a face and of its mirror image.

        Raises:
            ProviderError, ModelShapeError: see ``analyze``.
        """
        if not found:
            return ()
        whole = parts is None or parts >= self.options.parts
        tasks = [t for t in self._networks if parts is None or t in parts]
        matrices: dict[CropSpec, list[npt.NDArray[np.float64]]] = {}
        crops: dict[CropSpec, npt.NDArray[np.uint8]] = {}
        wanted = {spec for t in tasks if (spec := self._networks[t].spec.crop)} | ({quality.CROP} if whole else set())
        with clock.stage("crop"):
            for spec in wanted:
                matrices[spec] = [alignment(d.landmarks.points, spec) for d in found]
                crops[spec] = np.stack([cut(frame.image, matrix, spec.size) for matrix in matrices[spec]])
        outputs: dict[str, Mapping[str, npt.NDArray[np.float32]]] = {}
        for task in tasks:
            network = self._networks[task]
            assert network.spec.crop is not None
            with clock.stage(task):
                outputs[task] = _run(network, crops[network.spec.crop], twice and task != "landmarks")
        with clock.stage("measure"):
            return tuple(
                self._face(row, detection, crops[quality.CROP][row] if whole else None, matrices, outputs)
                for row, detection in enumerate(found)
            )

    def report(self, frame: Frame, faces: tuple[Face, ...], clock: Clock) -> FrameReport:
        """What was found in a frame."""
        size = (frame.width, frame.height)
        return FrameReport(frame.index, frame.captured_at, size, faces, clock.timings, self.providers)

    def _face(
        self,
        row: int,
        detection: Detection,
        crop: Image | None,
        matrices: Mapping[CropSpec, list[npt.NDArray[np.float64]]],
        outputs: Mapping[str, Mapping[str, npt.NDArray[np.float32]]],
    ) -> Face:
        parts: dict[str, Any] = dict.fromkeys(("age", "gender", "smile", "glasses", "expression"))
        if "attributes" in outputs:
            parts = dict(zip(parts, attributes.read(outputs["attributes"], row)))
        landmarks: Landmarks | None = None
        if "landmarks" in outputs:
            spec = self._networks["landmarks"].spec.crop
            assert spec is not None
            back = invert(matrices[spec][row])
            spread = outputs["landmarks"].get("spread")
            landmarks = Landmarks(
                transform(back, outputs["landmarks"]["points"][row]),
                "ibug68",
                None if spread is None else spread[row] * float(np.hypot(back[0, 0], back[1, 0])),
            )
        if crop is None:
            return Face(row + 1, detection, landmarks=landmarks, **parts)
        looks: float | None = None
        if "appearance" in self.options.parts:
            source = outputs.get("appearance") or outputs[attributes.TASK]
            looks = score.appearance_value(source[score.OUTPUT][row])
        measured = quality.measure(crop, detection.landmarks.points, detection.box)
        with self._lock:
            preset, weights = self._score
        if preset == "classic":
            value = None if parts["age"] is None else score.classic_score(parts["age"], measured, parts["smile"])
        else:
            value = score.face_score(
                weights, appearance=looks, smile=parts["smile"], landmarks=landmarks, quality=measured
            )
        return Face(row + 1, detection, landmarks=landmarks, quality=measured, score=value, **parts)

    def warm_up(self) -> None:
        """Run every network once, so that the first frame is not the slowest."""
        self._detector.detect(np.zeros((96, 96, 3), np.uint8))
        for network in self._networks.values():
            network.run(np.zeros((1, *network.spec.input, 3), np.uint8))

    def close(self) -> None:
        """Let go of the networks; the engine cannot be used afterwards."""
        self._networks.clear()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_engine(options: EngineOptions | None = None, **overrides: Any) -> Engine:
    """Open an engine; any field of ``EngineOptions`` may be given by name.

    Raises:
        UsageError, ModelError, ProviderError: see ``Engine``; UsageError also for an unknown field.
    """
    known = {field.name for field in dataclasses.fields(EngineOptions)}
    unknown = set(overrides) - known
    if unknown:
        raise UsageError("Cannot open the engine", f"unknown options {sorted(unknown)}", f"Known: {sorted(known)}")
    return Engine(dataclasses.replace(options or EngineOptions(), **overrides))
