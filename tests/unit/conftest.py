"""What the unit tests share: a registry folder whose files can be broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from facelens.resources import models_dir


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the bundled models folder."""
    folder = tmp_path / "models"
    shutil.copytree(models_dir(), folder, ignore=shutil.ignore_patterns("*.md", "*.png", "*.json", "__pycache__"))
    return folder
