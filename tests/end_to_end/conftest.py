"""What the end-to-end tests share: the command line run in this process, and the bundled portrait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from facelens import engine, images
from facelens.cli import main
from facelens.resources import asset
from facelens.types import Expression, FrameReport, Image


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


Facelens = Callable[..., Result]


@pytest.fixture
def facelens(capsys: pytest.CaptureFixture[str]) -> Facelens:
    """Runs ``facelens`` with the given arguments, as its entry point does."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = left.value.code
        return Result(code if isinstance(code, int) else 0, said.out, said.err)

    return run


@pytest.fixture
def expression(monkeypatch: pytest.MonkeyPatch) -> Callable[[Expression | None], None]:
    """Makes the engine tell the given expression of every face, whatever its network gives."""

    def told(seen: Expression | None) -> None:
        real = engine.Engine.analyze

        def analyze(self: Any, frame: Any, thorough: bool = True, gaze: Any = None) -> FrameReport:
            found = real(self, frame, thorough, gaze)
            return replace(found, faces=tuple(replace(face, expression=seen) for face in found.faces))

        monkeypatch.setattr(engine.Engine, "analyze", analyze)

    return told


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    return asset("samples/astronaut.jpg")


@pytest.fixture(scope="session")
def portrait(portrait_path: Path) -> Image:
    return images.load(portrait_path).image
