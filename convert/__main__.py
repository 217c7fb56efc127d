"""``python -m convert train|export|evaluate|card NAME``: the way from the packs to the files under ``models/``.

``worst NAME`` shows its worst errors; ``compare`` measures the whole pipeline beside other projects' networks;
``probe`` tells how steady the readings are, and ``calibrate`` makes the age band of several networks hold its 80 %.
``sweep`` and ``learning`` train small networks to show what cost, data and time bring.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from facelens.errors import FacelensError

NAMES = ("detector", "attributes", "landmarks", "appearance", "reader")
COMMANDS = {
    "train": "train on the train parts of the packs; every epoch leaves a checkpoint that --resume takes up",
    "export": "write the ONNX file, prove that it equals the Keras network, and enter it in models.toml",
    "evaluate": "measure the shipped file on a split of the packs",
    "card": "write the model's page from its records",
    "quantise": "make the variant with 8-bit integers, and keep it where it is as accurate and faster",
    "worst": "contact sheets of the 100 worst errors of each kind",
}
TRIALS = {
    "sweep": "attributes networks of several widths and input sizes, trained alike: accuracy against cost",
    "learning": "networks trained with fewer rows and for less time: what more of either would bring",
}


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands; each network takes those that it knows."""
    result = argparse.ArgumentParser(prog="python -m convert", description=__doc__)
    commands = result.add_subparsers(dest="command", required=True)
    for command, words in COMMANDS.items():
        part = commands.add_parser(command, help=words, description=words)
        part.add_argument("name", choices=NAMES)
        part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
        part.add_argument("--run", type=Path, help="folder of checkpoints and logs (default: runs/NAME)")
        part.add_argument("--models", type=Path, default=Path("models"), help="where finished models go")
        part.add_argument("--limit", type=int, help="at most so many rows of each pack (train: detector alone)")
        part.add_argument("--seed", type=int, default=0)
        part.add_argument("--threads", type=int, default=2, help="CPU threads of the network (default: 2)")
        part.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
        part.add_argument("--epochs", type=int, help="of the detector's training (default: its own)")
        part.add_argument("--minutes", type=float, help="let the learning rate follow the clock and end after so long")
        part.add_argument("--split", choices=("val", "test"), default="val")
        part.add_argument("--start", type=Path, help="start from a checkpoint (.npz) or a file that ships (.onnx)")
    part = commands.add_parser("compare", help="measure our pipeline and other projects' networks on the same rows")
    part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
    part.add_argument("--peers", type=Path, default=Path("peers"), help="folder of the others' networks")
    part.add_argument("--models", type=Path, default=Path("models"), help="our models")
    part.add_argument("--limit", type=int, help="at most so many rows of each pack: a quick trial")
    part.add_argument("--threads", type=int, default=1, help="CPU threads of each network (default: 1)")
    part.add_argument("--split", choices=("val", "test"), default="val")
    part = commands.add_parser("probe", help="how steady the readings are, and whether doubt shows")
    part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
    part.add_argument("--models", type=Path, default=Path("models"), help="our models")
    part.add_argument("--limit", type=int, help="pictures of each pack")
    for command, words in TRIALS.items():
        part = commands.add_parser(command, help=words)
        part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
        part.add_argument("--models", type=Path, default=Path("models"), help="our models; the page goes there")
        part.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
        part.add_argument("--seed", type=int, default=0)
    part = commands.add_parser("pareto", help="accuracy against time of the networks that ship, at several input sizes")
    part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
    part.add_argument("--models", type=Path, default=Path("models"), help="our models; the page goes there")
    part.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    part = commands.add_parser("calibrate", help="find how sharp the ages of several networks' mean must be, on val")
    part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
    part.add_argument("--models", type=Path, default=Path("models"), help="our models; the result goes to models.toml")
    part.add_argument("--limit", type=int, help="at most so many rows of each pack: a quick trial")
    part = commands.add_parser("turn", help="find what a turn of the head does to the two halves of a face")
    part.add_argument("--data", type=Path, default=Path("data"), help="folder of the packs (default: data)")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status."""
    known = parser()
    args = known.parse_args(arguments)
    if args.command == "train" and args.name != "detector" and (args.limit or args.epochs):
        known.error("--limit and --epochs are the detector's; the other networks end by --minutes")
    try:
        return run(args)
    except FacelensError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def run(args: argparse.Namespace) -> int:
    """Run the command of ``args``. Returns the exit status.

    Raises:
        FacelensError: a pack or a model cannot be read.
    """
    if args.command in ("compare", "probe", "calibrate", "turn"):
        getattr(importlib.import_module(f"convert.{args.command}"), args.command)(args)
        return 0
    if args.command not in (*TRIALS, "pareto"):
        args.run = args.run or Path("runs") / args.name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    try:
        import cv2
        import keras

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(args.threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        cv2.setNumThreads(1)
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing: pip install 'facelens[train]'", file=sys.stderr)
        return 2
    module = args.command if args.command in ("worst", "quantise", "pareto", *TRIALS) else args.name
    getattr(importlib.import_module(f"convert.{module}"), args.command)(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
