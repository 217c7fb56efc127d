"""Files written whole or not at all, and paths as they are told to people."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from facelens.errors import OutputError


@contextmanager
def atomic_file(path: str | Path, what: str = "") -> Iterator[BinaryIO]:
    """A new file beside ``path`` that takes its place when the block ends, and is removed when the block fails.

    Args:
        what: the start of the error's sentence; by default "Cannot write" and the path.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full. Other errors of the block pass through.
    """
    what = what or f"Cannot write {shown(path)}"
    try:
        path = Path(os.path.realpath(path))  # a link stays a link
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        special = path.exists() and not path.is_file()  # /dev/stdout, a pipe: nothing may take its place
        beside = path if special else path.with_name(f".facelens-{secrets.token_hex(6)}.part")
        # not tempfile: its files are private to the user, and the result should be as readable as any other
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0) | (0 if special else os.O_CREAT | os.O_EXCL)
        stream = os.fdopen(os.open(beside, flags, 0o666), "wb")
    except (OSError, ValueError) as error:
        raise output_error(what, Path(path), error) from error
    try:
        with stream:
            yield stream
        if not special:
            beside.replace(path)
    except BaseException as error:
        if not special:
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise output_error(what, path, error) from error
        raise


def output_error(what: str, path: Path, error: OSError | ValueError) -> OutputError:
    """The system's ``error`` about a file at ``path`` as a sentence that starts with ``what``."""
    number = error.errno if isinstance(error, OSError) else None
    folder = shown(path.parent)
    if number == errno.ENOENT:
        return OutputError(what, f"there is no folder {folder}", "Make the folder, or choose another")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(what, f"the folder {folder} may not be written to", "Choose another folder")
    if number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(what, "the disk is full", "Free some space, or choose another disk")
    if number == errno.EISDIR:
        return OutputError(what, "a folder has that name", "Choose another name")
    if number == errno.ENOTDIR:
        return OutputError(what, f"{folder} is not a folder", "Choose another folder")
    if number == errno.ENAMETOOLONG:
        return OutputError(what, "the path is longer than the system allows", "Choose a shorter name")
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return OutputError(what, why, "Choose another place")


def shown(path: str | Path) -> str:
    """The path for an error's sentence: without characters that break the line, and not pages long."""
    text = "".join(c if c.isprintable() else "?" for c in str(path))
    return text if len(text) <= 200 else f"{text[:90]}...{text[-90:]}"


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write ``data`` to a file in one step; an older file stays until it is whole.

    Raises:
        OutputError: see ``atomic_file``.
    """
    with atomic_file(path) as stream:
        stream.write(data)


def make_folder(folder: Path) -> None:
    """Make a folder that the user chose for pictures and clips, with those around it, where it is missing.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"The folder {shown(folder)} cannot be made"
        raise OutputError(what, error.strerror or str(error), "Choose another in the settings") from error
