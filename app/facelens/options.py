"""What an engine reads and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from facelens.errors import UsageError

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
        threads: CPU threads of each network; None for what a self-test of this machine found best, which takes half a
            second the first time and is kept (``runtime.threads``).
        finder: what runs the detector, "opencv" (its DNN module) or "onnxruntime", which also runs 8-bit integers.
        second_opinion: single pictures, and people in a live view now and then, are read by all listed networks of a
            task, not by the first alone; see ``opinions``.
        models: task to model name, where another than the first listed is wanted.
        models_dir: folder with another models.toml.
    """

    provider: str = "auto"
    parts: frozenset[str] = ALL_PARTS
    min_confidence: float = 0.6
    detect_size: int = 640
    preset: str = "default"
    weights: Mapping[str, float] | None = None
    threads: int | None = 1
    finder: str = "opencv"
    second_opinion: bool = True
    models: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    models_dir: Path | None = None

    def check(self) -> None:
        """Raises UsageError where a part or the finder is unknown."""
        unknown = set(self.parts) - ALL_PARTS
        if unknown:
            what = "Cannot open the engine"
            raise UsageError(what, f"unknown parts {sorted(unknown)}", f"Known: {sorted(ALL_PARTS)}")
        if self.finder not in FINDERS:
            known = f"known are {', '.join(FINDERS)}"
            raise UsageError(f"Unknown finder '{self.finder}'", known, "Choose one of them")
