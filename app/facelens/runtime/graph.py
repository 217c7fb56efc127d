"""Opens any ONNX file on the CPU, for networks that are not ours and have no entry in models.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens.errors import ModelCorruptError, ModelMissingError
from facelens.files import shown
from facelens.runtime import providers
from facelens.runtime.session import ORT_ERRORS, open_session


class Graph:
    """An ONNX file with one input, run on the CPU with the same settings as our own networks.

    Raises:
        ModelMissingError: no such file.
        ModelCorruptError: ONNX Runtime cannot read it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise ModelMissingError(f"Cannot open {shown(path)}", "there is no such file", "Check the folder")
        providers.prepare()
        try:
            self._session: Any = open_session(path, "cpu", threads)
        except ORT_ERRORS as error:
            why = "ONNX Runtime cannot read it"
            raise ModelCorruptError(f"Cannot open {shown(path)}", why, "Fetch the file again") from error
        self._input = self._session.get_inputs()[0].name
        self.path = path

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in the order of the file."""
        return tuple(output.name for output in self._session.get_outputs())

    def run(self, batch: npt.NDArray[Any]) -> list[npt.NDArray[np.float32]]:
        """All outputs in the order of the file."""
        return list(self._session.run(None, {self._input: batch}))
