"""Second opinions: further networks that read beside the first one, where there is time: in single pictures, and when a
live view reads a person anew.

Networks that were trained apart err apart, so the mean of what they say is right more often than either (L. K. Hansen
and P. Salamon, "Neural Network Ensembles", IEEE Transactions on Pattern Analysis and Machine Intelligence 12, 1990).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from facelens.options import EngineOptions
from facelens.registry import ModelSpec, verify
from facelens.runtime import Network
from facelens.vision import attributes
from facelens.vision.trust import sharpened

Outputs = Mapping[str, npt.NDArray[np.float32]]
TASKS = (attributes.TASK, "appearance")
AGE = "age"
"""The output that ``mean`` sharpens."""
BATCH = 60
"""Crops that go through a network at once; more take more memory, and no less time."""


class SecondOpinions:
    """Networks beside those that an engine uses; opened when they are first asked, from any thread.

    Raises (on construction):
        ModelMissingError, ModelCorruptError: see ``registry.verify``.
    """

    def __init__(self, specs: Sequence[ModelSpec], open_network: Callable[[ModelSpec], Network]) -> None:
        for spec in specs:
            verify(spec)
        self._specs, self._open = specs, open_network
        self._lock = threading.Lock()
        self._networks: tuple[Network, ...] | None = None

    @property
    def opened(self) -> tuple[Network, ...]:
        """Those that have been asked."""
        return self._networks or ()

    def close(self) -> None:
        """Let go of them."""
        with self._lock:
            self._networks = ()

    def networks(self) -> tuple[Network, ...]:
        """All of them.

        Raises:
            ModelError: see ``runtime.open_network``.
        """
        with self._lock:
            if self._networks is None:
                self._networks = tuple(self._open(spec) for spec in self._specs)
            return self._networks


def seconds(specs: Iterable[ModelSpec], first: Iterable[ModelSpec], options: EngineOptions) -> list[ModelSpec]:
    """The listed networks that are to be asked beside those of ``first``: of the parts that are read, and where no
    network of the task was chosen by name."""
    if not options.second_opinion:
        return []
    used = {spec.name for spec in first}
    tasks = [task for task in TASKS if task in options.parts and task not in options.models]
    return [spec for spec in specs if spec.task in tasks and spec.name not in used]


def run_views(network: Network, crops: npt.NDArray[np.uint8], faces: int) -> Outputs:
    """What a network says of each of so many faces: the mean over their crops, which follow each other.

    Args:
        crops: as many for each face, the first face's first.
    """
    parts = [network.run(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    whole = parts[0] if len(parts) == 1 else {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    if len(crops) == faces:
        return whole
    return {name: value.reshape(faces, -1, *value.shape[1:]).mean(1) for name, value in whole.items()}


def mean(opinions: Sequence[tuple[float, Outputs]], age_power: float = 1.0) -> Outputs:
    """The outputs of the first of ``opinions``, which are weights and outputs: each the weighted mean over all that
    give one of its name and shape.

    The mean of distributions that each fit is too wide: it holds the spread of every one and their disagreement on top
    (R. Ranjan and T. Gneiting, "Combining Probability Forecasts", Journal of the Royal Statistical Society B 72, 2010).
    So the ages of several opinions are ``sharpened`` by ``age_power``, which ``convert calibrate`` finds on val.
    """
    out = {}
    for name, value in opinions[0][1].items():
        fitting = [(weight, o[name]) for weight, o in opinions if name in o and o[name].shape == value.shape]
        total = sum(weight for weight, _ in fitting)
        out[name] = np.asarray(sum(weight * said for weight, said in fitting) / total, np.float32)
        if name == AGE and len(fitting) > 1:
            out[name] = sharpened(out[name], age_power)
    return out
