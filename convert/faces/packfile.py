"""Says in a sentence what is wrong with a pack's file, for everything here that reads one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from facelens.errors import UsageError


@contextmanager
def named(file: Path) -> Iterator[None]:
    """Reads from ``file`` within.

    Raises:
        UsageError: it is not there, is no Parquet file, lacks a column, or a picture in it cannot be decoded.
    """
    what = f"Cannot read the pack {file.stem}"
    try:
        yield
    except FileNotFoundError as error:
        why = f"there is no {file.name} in {file.parent}"
        raise UsageError(what, why, "Name the folder of the packs with --data") from error
    except KeyError as error:
        raise UsageError(what, f"it has no column {error}", "Get the file again") from error
    except (pa.ArrowException, OSError) as error:
        # Pillow's error of what is no picture is an OSError
        raise UsageError(what, f"{file} is damaged ({str(error).splitlines()[0]})", "Get the file again") from error
