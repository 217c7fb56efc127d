"""The engine: one frame in, one report out; every network reads all faces of the frame as one batch."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facelens import images
from facelens.errors import PictureError, UsageError
from facelens.geometry import alignment
from facelens.opinions import TASKS, SecondOpinions, mean, run_views, seconds
from facelens.options import EngineOptions
from facelens.registry import ModelSpec, load_registry, select
from facelens.resources import asset
from facelens.runtime import Choice, Network, OrtDetector, Proof, YunetDetector, choose_threads, open_network
from facelens.timing import StageClock
from facelens.types import Box, Detection, Face, Frame, FrameReport, Image, Landmarks
from facelens.vision import attributes, detector, landmarks, quality, score
from facelens.vision.crop import TEN_CROPS, View, cut
from facelens.vision.crops import FaceCrops
from facelens.vision.gaze import Gaze
from facelens.vision.trust import trust

CROWD = 30
"""Of more faces each is read in two crops, as it is and mirrored, and points once: time and memory have an end."""
WARM_UP_PICTURE = "samples/astronaut.jpg"


class Engine:
    """Opened networks. Use ``open_engine``; ``analyze`` may be called from any thread.

    Raises (on construction):
        UsageError: an unknown part, preset, weight or provider.
        ModelError: see ``runtime.open_network``.
    """

    def __init__(self, options: EngineOptions) -> None:
        options.check()
        self.options = options
        self._lock = threading.Lock()
        self._score = self._checked(options.preset, options.weights)
        specs = load_registry(options.models_dir)
        finder = select(specs, detector.TASK, options.models.get(detector.TASK))
        wanted = {task: select(specs, task, options.models.get(task)) for task in sorted(options.parts)}
        reader = select(specs, attributes.TASK, options.models.get(attributes.TASK))
        if "appearance" in wanted and score.OUTPUT in reader.outputs and "appearance" not in options.models:
            # it reads the appearance as well: no second network looks at the same crop
            del wanted["appearance"]
            wanted.setdefault("appearance" if attributes.TASK not in wanted else attributes.TASK, reader)
        by_ort = options.finder == "onnxruntime"
        beside = seconds(specs, wanted.values(), options)
        measured = [*wanted.values(), *beside, *([finder] if by_ort else [])]
        self._choices = choose_threads(measured) if options.threads is None else {}
        self._detector: YunetDetector | OrtDetector
        if by_ort:
            count = options.threads or self._choices[finder.name].threads
            self._detector = OrtDetector(finder, detector.least(options.min_confidence), count)
        else:
            self._detector = YunetDetector(finder, detector.least(options.min_confidence))
        self._networks: dict[str, Network] = {task: self._open(spec) for task, spec in wanted.items()}
        self._opinions = SecondOpinions(beside, self._open)

    def _open(self, spec: ModelSpec) -> Network:
        return open_network(spec, self.options.provider, self.options.threads or self._choices[spec.name].threads)

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
    def _every(self) -> tuple[Network, ...]:
        """All that are open, those of second opinions after the others."""
        return (*self._networks.values(), *self._opinions.opened)

    @property
    def finder(self) -> YunetDetector | OrtDetector:
        """The opened detector."""
        return self._detector

    @property
    def providers(self) -> Mapping[str, str]:
        """The provider that each network really uses, by model name."""
        found = {self._detector.spec.name: self._detector.provider}
        return found | {network.spec.name: network.provider for network in self._every}

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """For each network what it was asked to run on and what it got; timed once ``warm_up`` has run.

        The detector is always on the CPU, and not timed.
        """
        first = Proof(self._detector.spec.name, "cpu", self._detector.provider)
        return (first, *(network.proof for network in self._every))

    @property
    def threads(self) -> Mapping[str, Choice]:
        """CPU threads of each network, by model name, with what the self-test measured, where there was one."""
        given = {network.spec.name: Choice(network.threads, {}) for network in self._every}
        return given | self._choices

    @property
    def notes(self) -> tuple[str, ...]:
        """Why a better or the requested provider is not in use, each reason once."""
        return tuple(dict.fromkeys(network.note for network in self._every if network.note))

    def set_score(self, preset: str, weights: Mapping[str, float] | None = None) -> None:
        """Change how the score is made from the next frame on.

        Raises:
            UsageError: see ``vision.score.check_weights``.
        """
        checked = self._checked(preset, weights)
        with self._lock:
            self._score = checked

    def analyze(
        self, frame: Frame | Image | str | Path | bytes, thorough: bool = True, gaze: Gaze | None = None
    ) -> FrameReport:
        """Find and read every face of a frame, an array (H x W x 3 BGR uint8), a path, or the bytes of a picture.

        Args:
            thorough: look again at other sizes where no sure face is found (``vision.detector.search``), and read
                each face in ``vision.crop.TEN_CROPS``; live views, which get another frame at once, save that time.
            gaze: of the source that the frame is from, see ``find``.

        Raises:
            PictureError: the picture cannot be read, or the array has another form.
            ProviderError: a network fails on the CPU too.
            ModelShapeError: a network gives an expression in another form, see ``vision.attributes``.
        """
        if isinstance(frame, (str, Path, bytes)):
            frame = images.load(frame)
        elif isinstance(frame, np.ndarray):
            frame = Frame(frame)
        clock = StageClock()
        with clock.stage("total"):
            found = self.find(frame, thorough, clock, gaze)
            often = TEN_CROPS if len(found) <= CROWD else TEN_CROPS[:2]
            views = [often] * len(found) if thorough else None
            faces = self.read(frame, found, clock=clock, twice=thorough, second=thorough, views=views)
        return self.report(frame, faces, clock)

    def find(
        self,
        frame: Frame,
        thorough: bool,
        clock: StageClock,
        gaze: Gaze | None = None,
        known: Sequence[Box] | None = None,
    ) -> tuple[Detection, ...]:
        """The detector's part of ``analyze``.

        Args:
            gaze: chooses how closely to look, where not ``thorough``; None for ``options.detect_size``.
            known: see ``Gaze.find``.

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
            least, size = self.options.min_confidence, self.options.detect_size
            if thorough:
                return detector.search(self._detector, image, size, least)
            look = partial(detector.find_faces, self._detector, image, threshold=least)
            return look(size) if gaze is None else gaze.find(look, frame.captured_at, max(image.shape[:2]), known)

    def read(
        self,
        frame: Frame,
        found: Sequence[Detection],
        parts: frozenset[str] | None = None,
        *,
        clock: StageClock,
        twice: bool = False,
        second: bool = False,
        views: Sequence[Sequence[View]] | None = None,
    ) -> tuple[Face, ...]:
        """Read faces at known places, each network all of them as one batch.

        Args:
            found: where they are, for instance moved on from an earlier frame.
            parts: those of ``options.parts`` to read, None for all. Where some are left out there is no quality and no
                score either: both are of one look at a face.
            twice: points are read as they are and mirrored, and once more from there, see ``landmarks.refined``.
            second: other networks are asked too, see ``opinions``.
            views: for each face the crops, as many for each, in which attributes and appearance see it; what is read in
                them is averaged. None for the usual one.

        Raises:
            ProviderError, ModelShapeError: see ``analyze``.
        """
        if not found:
            return ()
        whole = parts is None or parts >= self.options.parts
        tasks = [t for t in self._networks if parts is None or t in parts]
        # by crop and whether it is varied: points and quality stay with the usual crops
        others = self._opinions.networks() if second and set(TASKS) & set(tasks) else ()
        wanted = {(spec, _varies(t, views)) for t in tasks if (spec := self._networks[t].spec.crop)}
        wanted |= {(spec, views is not None) for network in others if (spec := network.spec.crop)}
        with clock.stage("crop"):
            cut_out = FaceCrops(frame.image, found, wanted, views, whole)
        crops = cut_out.batches
        outputs: dict[str, Mapping[str, npt.NDArray[np.float32]]] = {}
        points: list[Landmarks] = []
        for task in tasks:
            network = self._networks[task]
            assert network.spec.crop is not None
            seen = crops[network.spec.crop, _varies(task, views)]
            with clock.stage(task):
                if task != landmarks.TASK:
                    outputs[task] = run_views(network, seen, len(found))
                    continue
                said = landmarks.read_both_ways(network.run, seen) if twice else network.run(seen)
                places = cut_out.matrices[network.spec.crop]
                points = [landmarks.placed(said, row, matrix) for row, matrix in enumerate(places)]
                if twice and len(found) <= CROWD:
                    points = landmarks.refined(network.run, network.spec.crop, frame.image, points)
        if others:
            with clock.stage("second opinion"):
                seen_by = [(n, crops[n.spec.crop, views is not None]) for n in others if n.spec.crop]
                opinions = [(n.spec.weight, run_views(n, seen, len(found))) for n, seen in seen_by]
                # a network that was chosen by name speaks for itself
                asked = [task for task in TASKS if task in outputs and task not in self.options.models]
                for task in asked:
                    first = self._networks[task].spec
                    outputs[task] = mean([(first.weight, outputs[task]), *opinions], first.age_power)
        with clock.stage("measure"):
            return tuple(
                self._face(row, detection, cut_out.windows[row] if whole else None, outputs, points)
                for row, detection in enumerate(found)
            )

    def report(self, frame: Frame, faces: tuple[Face, ...], clock: StageClock) -> FrameReport:
        """What was found in a frame."""
        size = (frame.width, frame.height)
        return FrameReport(frame.index, frame.captured_at, size, faces, clock.timings, self.providers, frame.moment)

    def _face(
        self,
        row: int,
        detection: Detection,
        luma: npt.NDArray[np.uint8] | None,
        outputs: Mapping[str, Mapping[str, npt.NDArray[np.float32]]],
        points: Sequence[Landmarks],
    ) -> Face:
        parts: dict[str, Any] = dict.fromkeys(("age", "gender", "smile", "glasses", "expression"))
        marks = points[row] if points else None
        if attributes.TASK in outputs:
            sure = trust(detection, luma, marks)
            parts = dict(zip(parts, attributes.read(outputs[attributes.TASK], row, sure)))
        if luma is None:
            return Face(row + 1, detection, landmarks=marks, **parts)
        looks: float | None = None
        if "appearance" in self.options.parts:
            source = outputs.get("appearance") or outputs[attributes.TASK]
            looks = score.appearance_value(source[score.OUTPUT][row])
        measured = quality.measure(luma, detection.landmarks.points, detection.box)
        with self._lock:
            preset, weights = self._score
        if preset == "classic":
            value = None if parts["age"] is None else score.classic_score(parts["age"], measured, parts["smile"])
        else:
            value = score.face_score(weights, appearance=looks, smile=parts["smile"], landmarks=marks, quality=measured)
        return Face(row + 1, detection, landmarks=marks, quality=measured, score=value, **parts)

    def warm_up(self) -> None:
        """Read the bundled face once, so that the first frame is not the slowest, and prove the providers with it.

        Raises:
            ProviderError: a network fails on the CPU too.
        """
        # not images.load: Pillow would be loaded for this alone
        picture = cv2.imread(str(asset(WARM_UP_PICTURE)), cv2.IMREAD_COLOR)
        # a grey picture warms up too; what its readings are does not matter
        image = np.asarray(picture if picture is not None else np.full((512, 512, 3), 127), np.uint8)
        found = self.analyze(image, thorough=False).faces
        for network in (*self._networks.values(), *self._opinions.networks()):
            spec = network.spec.crop
            if found and spec is not None:
                points = found[0].detection.landmarks.points
                network.prove(cut(image, alignment(points, spec), spec.size))
            else:
                network.prove(np.full((*network.spec.input, 3), 127, np.uint8))

    def close(self) -> None:
        """Let go of the networks; the engine cannot be used afterwards."""
        self._networks.clear()
        self._opinions.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _varies(task: str, views: Sequence[Sequence[View]] | None) -> bool:
    return views is not None and task != landmarks.TASK


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
