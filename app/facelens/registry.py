"""The models that ship, read from ``models.toml``; each file is checked against its sha256 before it is opened."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from facelens.errors import ModelCorruptError, ModelMissingError
from facelens.geometry import CropSpec
from facelens.resources import models_dir

REINSTALL = "Install Facelens again, or run 'facelens models verify' to see every file"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model: its path below the models' folder, its sha256 and its size."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of models.toml.

    ``int8`` is the same network with 8-bit integers, for CPUs (None where there is none). ``input`` is (height, width)
    in pixels, or () where any size will do. ``crop`` says how a face is cut for the model (None for detectors, which
    read whole pictures). ``accuracy`` maps "pack split figure" to a number.
    """

    name: str
    task: str
    file: str
    sha256: str
    bytes: int
    parameters: int
    input: tuple[int, ...]
    colour: str
    layout: str
    crop: CropSpec | None
    outputs: tuple[str, ...]
    labels: tuple[str, ...]
    licence: str
    trained_on: tuple[str, ...]
    accuracy: Mapping[str, float]
    root: Path
    int8: ModelFile | None = None
    weight: float = 1.0
    """How much it counts where several networks are asked, see ``opinions``."""
    age_power: float = 1.0
    """Power to which the ages of the mean with others are raised, where it is asked first, see ``opinions.mean``."""

    @property
    def path(self) -> Path:
        return self.root / self.file

    def path_on(self, provider: str) -> Path:
        """The file to open on a provider: CPUs run the one with integers faster, where there is one."""
        if provider == "cpu" and self.int8 is not None:
            return self.root / self.int8.file
        return self.path

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """All files of the model."""
        first = ModelFile(self.file, self.sha256, self.bytes)
        return (first,) if self.int8 is None else (first, self.int8)


def _spec(entry: Mapping[str, Any], root: Path) -> ModelSpec:
    size = tuple(int(n) for n in entry.get("input", ()))
    scale = entry.get("crop_scale")
    return ModelSpec(
        name=str(entry["name"]),
        task=str(entry["task"]),
        file=str(entry["file"]),
        sha256=str(entry["sha256"]).lower(),
        bytes=int(entry.get("bytes", 0)),
        parameters=int(entry.get("parameters", 0)),
        input=size,
        colour=str(entry.get("colour", "BGR")),
        layout=str(entry.get("layout", "NHWC")),
        crop=None if scale is None else CropSpec(size[0], float(scale)),
        outputs=tuple(entry.get("outputs", ())),
        labels=tuple(entry.get("labels", ())),
        licence=str(entry.get("licence", "")),
        trained_on=tuple(entry.get("trained_on", ())),
        accuracy=MappingProxyType({str(k): float(v) for k, v in entry.get("accuracy", {}).items()}),
        root=root,
        weight=float(entry.get("weight", 1.0)),
        age_power=float(entry.get("age_power", 1.0)),
        int8=_file(entry["int8"]) if "int8" in entry else None,
    )


def _file(entry: Mapping[str, Any]) -> ModelFile:
    return ModelFile(str(entry["file"]), str(entry["sha256"]).lower(), int(entry["bytes"]))


def load_registry(root: Path | None = None) -> tuple[ModelSpec, ...]:
    """All models of ``root``/models.toml (the bundled folder by default).

    Raises:
        ModelMissingError: there is no models.toml.
        ModelCorruptError: models.toml cannot be understood.
    """
    root = models_dir() if root is None else Path(root)
    path = root / "models.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["model"]
        return tuple(_spec(entry, root) for entry in entries)
    except OSError as error:
        raise ModelMissingError("Cannot read the list of models", f"{path}: {error.strerror}", REINSTALL) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelCorruptError("Cannot understand the list of models", f"{path}: {error}", REINSTALL) from error


def select(specs: Sequence[ModelSpec], task: str, name: str | None = None) -> ModelSpec:
    """The model ``name`` of ``task``; without a name the first of that task.

    Raises:
        ModelMissingError: none fits.
    """
    fitting = [spec for spec in specs if spec.task == task]
    for spec in fitting:
        if name is None or spec.name == name:
            return spec
    wanted = f"no model '{name}' for {task}" if name else f"no model for {task}"
    known = ", ".join(spec.name for spec in fitting) or "none"
    raise ModelMissingError("Cannot choose a model", f"{wanted} is listed (known: {known})", REINSTALL)


def verify(spec: ModelSpec) -> None:
    """Check that the files are there and whole.

    Raises:
        ModelMissingError: no such file, or it may not be read.
        ModelCorruptError: another sha256 than the list says.
    """
    for part in spec.files:
        path = spec.root / part.file
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = path.stat().st_size
        except OSError as error:
            why = f"{path}: {error.strerror or error}"
            raise ModelMissingError(f"Cannot read the model {spec.name}", why, REINSTALL) from error
        if digest != part.sha256:
            why = (
                f"{path} has {size} bytes and sha256 {digest[:12]}..., expected {part.bytes} and {part.sha256[:12]}..."
            )
            raise ModelCorruptError(f"The model {spec.name} is damaged", why, REINSTALL)
