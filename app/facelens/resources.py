"""Files that ship inside the package: models, icons, sample pictures."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def models_dir() -> Path:
    """The folder of models.toml and the networks."""
    return Path(str(files("facelens.models")))


def asset(name: str) -> Path:
    """A bundled file, for instance ``samples/astronaut.jpg``."""
    return Path(str(files("facelens.assets") / name))
