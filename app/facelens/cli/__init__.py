"""The command line: ``facelens`` opens the window, the subcommands do the rest.

Exit codes: 0 all done, 1 some inputs failed, 2 usage, 3 nothing could run (model, provider, display), 130 stopped.
Everything heavy is imported by the command that needs it, so that --help and --version are quick.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from facelens import __version__
from facelens.cli.common import Finder, Pace, Provider, check_outputs, fail, frame_size, plain_streams, say
from facelens.errors import FacelensError
from facelens.gui.launch import open_window
from facelens.machine import bound_arenas

app = typer.Typer(
    name="facelens",
    help="Apparent age, perceived gender, landmarks and an explained face score. Everything stays on this computer.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
models = typer.Typer(help="The networks that ship with Facelens.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(models, name="models")

ProviderOption = Annotated[Provider, typer.Option(help="Where the networks run; the CPU stands in where it must.")]
JsonOption = Annotated[str | None, typer.Option(metavar="FILE|-", help="Write JSON; - is standard output.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"facelens {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,  # noqa: ARG001
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from, and the log.")] = False,  # noqa: ARG001
) -> None:
    """Open the window, unless a command is given."""
    if context.invoked_subcommand is None:
        raise typer.Exit(open_window())


@app.command()
def score(
    paths: Annotated[list[Path], typer.Argument(help="Pictures or folders.", show_default=False)],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False,
    json: JsonOption = None,
    csv: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write a table, a row a face.")] = None,
    annotate: Annotated[Path | None, typer.Option(metavar="DIR", help="Write annotated copies there.")] = None,
    provider: ProviderOption = Provider.auto,
    finder: Annotated[Finder, typer.Option(help="What runs the detector.")] = Finder.opencv,
    preset: Annotated[str, typer.Option(help="How the score is made: default, or classic (the age rule).")] = "default",
    weight: Annotated[list[str] | None, typer.Option(metavar="NAME=N", help="Weigh a component; repeatable.")] = None,
    detail: Annotated[int, typer.Option(min=64, max=4096, help="Longest side in px searched for faces.")] = 1280,
) -> None:
    """Find and read every face in pictures."""
    from facelens.cli.score import Request, run

    wanted = Request(paths, recursive, json, csv, annotate, provider.value, preset, weight or [], detail, finder.value)
    raise typer.Exit(run(wanted))


@app.command()
def live(
    source: Annotated[
        str, typer.Option(help="demo, demo:N (faces), camera, camera:NAME, camera:N, a file, a folder, or an address.")
    ] = "",
    headless: Annotated[bool, typer.Option("--headless", help="No window; figures at the end.")] = False,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many analysed frames.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")] = None,
    camera_size: Annotated[str | None, typer.Option(metavar="WxH", help="Ask the camera for it: 1280x720.")] = None,
    camera_fps: Annotated[float | None, typer.Option(min=1, max=1000, help="Ask the camera for it: 30.")] = None,
    mirror: Annotated[bool | None, typer.Option(help="Turned left to right; without a word, cameras only.")] = None,
    pace: Annotated[Pace | None, typer.Option(help="Clips in their own time, or as fast as possible.")] = None,
    every_frame: Annotated[bool, typer.Option("--every-frame", help="All networks on each frame.")] = False,
    record: Annotated[Path | None, typer.Option(metavar="FILE", help="A .webm clip, and reports as .jsonl.")] = None,
    stats: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write figures of the run as JSON.")] = None,
    provider: ProviderOption = Provider.auto,
    finder: Annotated[
        Finder | None, typer.Option(help="What runs the detector; without a word OpenCV, in the window as it is set.")
    ] = None,
) -> None:
    """Watch a camera, a clip, a stream or the demo. A camera or stream that is lost is waited for."""
    size = None if camera_size is None else frame_size(camera_size)
    if not headless:
        if frames is not None or record is not None:
            fail("--frames and --record need --headless", 2)
        check_outputs(stats)
        given = {
            "camera/size": None if size is None else f"{size[0]}x{size[1]}",
            "camera/fps": None if camera_fps is None else f"{camera_fps:g}",
            "camera/mirror": mirror,
            "camera/pace": None if pace is None else pace.value,
            "engine/every_frame": every_frame or None,
            "engine/provider": None if provider is Provider.auto else provider.value,
            "engine/finder": None if finder is None else finder.value,
        }
        settings = {key: value for key, value in given.items() if value is not None}
        code = open_window(source or None, seconds=seconds, stats=stats, settings=settings)
        raise typer.Exit(code)
    from facelens.cli.live import run
    from facelens.sources import Wishes

    usual = Wishes()
    wishes = Wishes(size or usual.size, camera_fps or usual.fps, mirror, pace is not Pace.fast)
    found_by = (finder or Finder.opencv).value
    code = run(source or "camera", frames, seconds, record, stats, provider.value, wishes, every_frame, found_by)
    raise typer.Exit(code)


@app.command()
def evaluate(
    pack: Annotated[Path, typer.Argument(help="A Parquet file of labelled pictures.", show_default=False)],
    split: Annotated[str | None, typer.Option(help="The rows to measure on; without a word test, or else val.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many rows, evenly spread.")] = None,
    min_face: Annotated[float, typer.Option(min=0, help="Smaller faces count neither way in detection, px.")] = 24.0,
    intervals: Annotated[bool, typer.Option("--intervals", help="95 % bootstrap intervals too.")] = False,
    json: JsonOption = None,
    provider: ProviderOption = Provider.auto,
) -> None:
    """Measure the whole pipeline on labelled pictures."""
    from facelens.cli.measure import run_evaluate

    raise typer.Exit(run_evaluate(pack, split, limit, min_face, intervals, json, provider.value))


@app.command()
def bench(
    faces: Annotated[str, typer.Option(help="Numbers of faces.")] = "1,5",
    size: Annotated[str, typer.Option(help="Frame sizes.")] = "1280x720",
    rounds: Annotated[int, typer.Option(min=3, help="Repeats; the median counts.")] = 30,
    peers: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with other projects' networks, timed beside ours.")
    ] = None,
    finder: Annotated[str, typer.Option(help="What runs the detector: opencv or onnxruntime.")] = "opencv",
    json: JsonOption = None,
    provider: ProviderOption = Provider.auto,
) -> None:
    """Time networks, pipeline and live loop here, on every provider that opens."""
    from facelens.cli.measure import run_bench

    raise typer.Exit(run_bench(faces, size, rounds, peers, finder, json, provider.value))


@models.command("list")
def models_list() -> None:
    """What ships, how large, how good."""
    from facelens.cli.info import run_models_list

    raise typer.Exit(run_models_list())


@models.command("verify")
def models_verify() -> None:
    """Check every file against its sha256."""
    from facelens.cli.info import run_models_verify

    raise typer.Exit(run_models_verify())


@app.command()
def doctor(json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False) -> None:
    """What works on this machine, and what does not and why."""
    from facelens.cli.info import run_doctor

    raise typer.Exit(run_doctor(json))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line: every error is one sentence, unless --debug asks for more."""
    bound_arenas()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # wherever it stands: who adds it to a command that failed adds it at the end
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="facelens: %(message)s")
    # OpenCV warns about what it does inside; read when it is imported
    os.environ.setdefault("OPENCV_LOG_LEVEL", "INFO" if debug else "ERROR")
    plain_streams()
    try:
        app(given, prog_name="facelens")
    except BaseException as error:  # noqa: BLE001 - told in a sentence, with its exit code
        sys.exit(explain(error, debug))
    sys.exit(0)


def explain(error: BaseException, debug: bool = False) -> int:
    """Say in one sentence what ended a command; the exit code. ``SystemExit`` goes on."""
    plain_streams()
    match error:
        case FacelensError():
            _tell(str(error), debug)
            return error.exit_code
        case KeyboardInterrupt():
            return 130
        case BrokenPipeError():
            # the reader of standard output has left: nothing more to say, nor to flush at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        case ImportError():
            _tell(f"A library is missing or does not fit: {error}. Install Facelens again (see the README).", debug)
            return 3
        case Exception():
            logging.getLogger(__name__).debug("unexpected", exc_info=error)
            kind = type(error).__name__
            _tell(f"Unexpected {kind}: {error}. This is a fault of Facelens: --debug shows where.", debug)
            return 3
    raise error


def _tell(text: str, debug: bool) -> None:
    say(f"facelens: {text}", "red")
    if debug:
        import traceback

        traceback.print_exc()
