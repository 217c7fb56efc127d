"""``facelens score``: pictures in, reports out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.progress import track
from rich.table import Table
from rich.text import Text

from facelens import images, report
from facelens.cli.common import check_outputs, console, expression_cell, say, written
from facelens.engine import Engine, open_engine
from facelens.errors import FacelensError, OutputError, PictureError, UsageError
from facelens.files import shown
from facelens.options import EngineOptions
from facelens.paint_cv import annotate as painted
from facelens.types import FrameReport


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command, as given."""

    paths: Sequence[Path]
    recursive: bool
    json: str | None
    csv: str | None
    annotate: Path | None
    provider: str
    preset: str
    weight: Sequence[str]
    detail: int
    finder: str = "opencv"


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one face in the table: those up to the smile, the expression, and those after it."""

    before: tuple[Text | str, ...]
    expression: str = ""
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """What has been read so far, in all its forms."""

    lines: list[Line] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: int = 0

    def add(self, path: Path, found: FrameReport) -> None:
        self.objects.append(report.to_dict(found, written(path)))
        self.rows += report.to_rows(found, written(path))
        self.lines += _lines(path, found)

    def add_error(self, path: Path, error: FacelensError) -> None:
        self.failed += 1
        self.objects.append(report.error_dict(written(path), error))
        self.rows.append({"source": written(path), "error": str(error)})
        say(f"facelens: {error}", "red")


def weights_of(texts: Sequence[str]) -> dict[str, float] | None:
    """``["appearance=1", "quality=2"]`` as a mapping; None for no texts.

    Raises:
        UsageError: a text that is not NAME=NUMBER.
    """
    weights: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError as error:
            raise UsageError(
                f"Cannot use the weight '{text}'", "it is not NAME=NUMBER", "Try --weight quality=2"
            ) from error
    return weights or None


def annotated_path(folder: Path, picture: Path, taken: set[str]) -> Path:
    """Where the annotated copy goes: the picture's name, numbered where ``taken`` has it; adds it to ``taken``."""
    suffix = picture.suffix if picture.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") else ".jpg"
    stem = picture.stem
    while len(stem.encode("utf-8", "replace")) > 200:  # file systems hold 255 bytes
        stem = stem[:-1]
    path, number = folder / f"{stem}-facelens{suffix}", 2
    while _key(path) in taken:
        path, number = folder / f"{stem}-facelens-{number}{suffix}", number + 1
    taken.add(_key(path))
    return path


def _key(path: Path) -> str:
    """The same for two names that one file has on a system that does not tell a from A."""
    return str(path.absolute()).casefold()


def run(wanted: Request) -> int:
    """Score pictures; the exit code. What was read is written even when it is stopped half-way.

    Raises:
        UsageError, ModelError, ProviderError: nothing could run.
        OutputError: the results cannot be written.
    """
    check_outputs(wanted.json, wanted.csv)
    results = Results()
    pictures = _collect(wanted, results)
    if wanted.annotate is not None:
        _make_folder(wanted.annotate)
    options = EngineOptions(
        provider=wanted.provider,
        preset=wanted.preset,
        weights=weights_of(wanted.weight),
        detect_size=wanted.detail,
        finder=wanted.finder,
        threads=None,
    )
    with open_engine(options) as engine:
        if wanted.provider != "auto":
            for note in engine.notes:
                say(f"facelens: {note}", "yellow")
        code = _work(engine, pictures, wanted, results)
    if results.lines and "-" not in (wanted.json, wanted.csv):
        console.print(_table(results.lines))
    _write(wanted, results)
    return code or (1 if results.failed else 0)


def _collect(wanted: Request, results: Results) -> list[Path]:
    """All pictures, each once; a folder that gives none is a failed input."""
    pictures: dict[Path, None] = {}
    for path in wanted.paths:
        try:
            found = images.find_pictures([path], wanted.recursive)
            if not found:
                more = "Name pictures" if wanted.recursive else "Name pictures, or add --recursive to look below it too"
                raise PictureError(f"There is nothing to score in {shown(path)}", "it holds no pictures", more)
        except PictureError as error:
            results.add_error(path, error)
        else:
            pictures.update(dict.fromkeys(found))
    return list(pictures)


def _work(engine: Engine, pictures: Sequence[Path], wanted: Request, results: Results) -> int:
    """The exit code, as far as it does not follow from the results."""
    # a copy must not replace a picture that is still to be read
    taken = {_key(picture) for picture in pictures}
    try:
        for path in track(pictures, "Scoring", console=console, transient=True, disable=len(pictures) < 3):
            try:
                frame = images.load(path)
                found = engine.analyze(frame)
            except PictureError as error:
                results.add_error(path, error)
                continue
            results.add(path, found)
            if wanted.annotate is not None:
                try:
                    images.save(annotated_path(wanted.annotate, path, taken), painted(frame.image, found))
                except OutputError as error:
                    results.failed += 1
                    say(f"facelens: {error}", "red")
    except KeyboardInterrupt:
        say(f"Stopped after {len(results.objects)} of {len(pictures)} pictures.", "yellow")
        return 130
    except FacelensError as error:
        # the networks gave up; what was read so far is still worth keeping
        say(f"facelens: {error}", "red")
        return error.exit_code
    return 0


def _write(wanted: Request, results: Results) -> None:
    """Write JSON and CSV; where one cannot be written the other still is."""
    single = len(wanted.paths) == 1 and not images.is_folder(wanted.paths[0])
    problems: list[OutputError] = []
    if wanted.json is not None:
        try:
            report.write_json(wanted.json, results.objects[0] if single and results.objects else results.objects)
        except OutputError as error:
            problems.append(error)
    if wanted.csv is not None:
        try:
            report.write_csv(wanted.csv, results.rows)
        except OutputError as error:
            problems.append(error)
    for problem in problems[1:]:
        say(f"facelens: {problem}", "red")
    if problems:
        raise problems[0]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError(f"Cannot make the folder {shown(folder)}", why, "Choose another") from error


def _table(lines: Sequence[Line]) -> Table:
    """Everything that was read, a line a face; only some networks tell the expression, without one it has no column."""
    known = any(line.expression for line in lines)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, right in (("picture", 0), ("face", 1), ("apparent age", 1), ("perceived gender", 0), ("smile", 1)):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    if known:
        table.add_column("expression")
    table.add_column("score", justify="right")
    table.add_column("tip")
    for line in lines:
        table.add_row(*line.before, *([line.expression] if known else []), *line.after)
    return table


def _lines(picture: Path, found: FrameReport) -> list[Line]:
    name = Text(shown(picture.name))  # brackets in a file's name are no markup
    if not found.faces:
        return [Line((name, "none found"))]
    lines = []
    for index, face in enumerate(found.faces):
        gender = face.gender
        sex = "" if gender is None else f"{gender.label} {gender.probability:.0%}" if gender.sure else "not sure"
        before = (
            "" if index else name,
            str(face.track_id),
            "" if face.age is None else f"{face.age.years:.0f} ({face.age.low:.0f}–{face.age.high:.0f})",
            sex,
            "" if face.smile is None else f"{face.smile:.0%}",
        )
        after = (
            "" if face.score is None else f"{face.score.value:.0f}",
            "" if face.score is None else next(iter(face.score.tips), ""),
        )
        lines.append(Line(before, expression_cell(face.expression), after))
    return lines
