"""Opens a network with ONNX Runtime, and proves which provider it really got."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from facelens.errors import ModelCorruptError, ModelShapeError, ProviderError
from facelens.registry import ModelSpec, verify
from facelens.runtime import providers
from facelens.runtime.binding import BoundSession
from facelens.runtime.proof import Proof, best_ms

log = logging.getLogger(__name__)

# every exception class of ONNX Runtime's own module (Fail, RuntimeException, InvalidProtobuf, ...), which share no base
_STATE = onnxruntime.capi.onnxruntime_pybind11_state
ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(_STATE).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)

CARD_BATCHES = (1, 2, 4, 8)
"""Batch sizes that a card runs once before the first frame: each allocates, and captures a graph of its own."""


class _NotFiniteError(RuntimeError):
    """A network gave a value that is not a number."""


class Network:
    """A network ready to run.

    Attributes:
        spec: the model's entry.
        provider: short name of the provider that the session really uses ("cpu", "cuda", ...).
        requested: what was asked for.
        note: why a better or the requested provider is not used, all that were tried; empty when all is as asked.
        threads: intra-op threads on the CPU.
    """

    def __init__(self, spec: ModelSpec, session: Any, provider: str, requested: str, note: str, threads: int) -> None:
        self.spec, self.provider, self.requested, self.note, self.threads = spec, provider, requested, note, threads
        self._session = session
        self._spare: Any = None
        self._reason = self._repair = ""
        self._ms: tuple[float | None, float | None] = (None, None)
        self._lock = threading.Lock()
        self._input = session.get_inputs()[0].name

    def run(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, npt.NDArray[np.float32]]:
        """Run a batch of crops, N x H x W x 3 uint8; returns each output by name, N rows each.

        A GPU that is lost in mid-run, or out of memory, is replaced by the CPU for this and all later batches;
        ``note`` and ``proof`` then say so.

        Raises:
            ModelShapeError: the batch is not of the model's size.
            ProviderError: not even the CPU can run it.
        """
        expected = (*self.spec.input, 3)
        if batch.ndim != 4 or batch.shape[1:] != expected:
            raise ModelShapeError(
                f"Cannot run {self.spec.name}",
                f"a batch of shape {batch.shape} was given, N x {' x '.join(map(str, expected))} is needed",
                "Report this as a fault of Facelens",
            )
        session = self._session
        try:
            return self._outputs(session, batch)
        except ORT_ERRORS as error:
            self._fall_back(session, error)
        return self.run(batch)

    def run_both_ways(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, npt.NDArray[np.float32]]:
        """As ``run``: the mean of what the network says of each crop and of its mirror image."""
        both = self.run(np.concatenate([batch, batch[:, :, ::-1]]))
        count = len(batch)
        return {name: np.asarray((v[:count] + v[count:]) / 2, np.float32) for name, v in both.items()}

    def explain(self, obstacle: providers.Obstacle) -> None:
        """Say in ``proof`` why the provider is not the one asked for, or not the best one here."""
        self._reason, self._repair = obstacle.reason, obstacle.repair

    @property
    def proof(self) -> Proof:
        """What was asked, what runs, and the times of ``prove``."""
        ms, cpu_ms = self._ms
        return Proof(self.spec.name, self.requested, self.provider, ms, cpu_ms, self._reason, self._repair)

    def prove(self, face: npt.NDArray[np.uint8]) -> Proof:
        """Run one face (H x W x 3 uint8 of the model's size), as often as it takes to tell the times.

        On a card the CPU is timed too, in a session that stays open, so that a card that is lost costs no time to
        replace. Where the CPU was asked for by name nothing is timed: one run warms it up.

        Raises:
            ModelShapeError, ProviderError: see ``run``.
        """
        one = face[None]
        if self.provider != "cpu":
            for size in CARD_BATCHES:
                self.run(np.repeat(one, size, axis=0))
        if self.provider == self.requested == "cpu":
            self.run(one)
            return self.proof
        ms = best_ms(lambda: self.run(one))
        cpu_ms: float | None = ms
        if self.provider != "cpu":
            try:
                spare = _session(self.spec, "cpu", self.threads)
                cpu_ms = best_ms(lambda: spare.run(None, {self._input: one}))
                self._spare = spare
            except ORT_ERRORS as error:
                # the card works: that there is nothing to compare it with is no reason to stop
                log.warning("cannot time %s on the CPU: %s", self.spec.name, _first_line(error))
                cpu_ms = None
        self._ms = ms, cpu_ms
        return self.proof

    def _outputs(self, session: Any, batch: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        values = session.run(None, {self._input: batch})
        if not all(np.isfinite(value).all() for value in values):
            raise _NotFiniteError("it gave values that are not numbers")
        return dict(zip(self.spec.outputs, values))

    def _fall_back(self, session: Any, error: Exception) -> None:
        """Replace ``session``, which failed; raises ProviderError where it is on the CPU, or the CPU does not open."""
        with self._lock:
            if session is not self._session:
                # another thread met the same loss first; what is in use now has not failed
                return
            if self.provider == "cpu":
                raise ProviderError(
                    f"Cannot run {self.spec.name}", _first_line(error), "Run 'facelens doctor'"
                ) from error
            lost, cpu_ms = self.provider, self._ms[1]
            try:
                self._session = self._spare or _session(self.spec, "cpu", self.threads)
            except ORT_ERRORS as closed:
                why = f"{lost} failed while running ({_first_line(error)}), and the CPU does not open: "
                why += _first_line(closed)
                raise ProviderError(f"Cannot run {self.spec.name}", why, "Run 'facelens doctor'") from closed
            self._spare, self.provider = None, "cpu"
            self.note = f"{lost} failed while running ({_first_line(error)}); now on the CPU"
            self._reason = f"{providers.TITLES[lost]} failed while running"
            self._repair = "Open the networks again, or restart; if it comes back, update the driver"
            self._ms = cpu_ms, cpu_ms
            log.warning("%s: %s", self.spec.name, self.note)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def open_session(path: Path, provider: str, threads: int, chosen: list[Any] | None = None) -> Any:
    """A session of ONNX Runtime on one provider, with the settings that all networks run with.

    Args:
        chosen: the provider list, where it has options of a network.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # several sessions that spin fight for the cores: measured 46 ms against 17 ms for five faces on two cores
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # DirectML refuses memory patterns
    options.enable_mem_pattern = provider != "directml"
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=chosen or providers.session_providers(provider)
    )


def _session(spec: ModelSpec, provider: str, threads: int, input_name: str = "", graphs: bool = False) -> Any:
    chosen = providers.session_providers(provider, spec, input_name, graphs)
    return open_session(spec.path_on(provider), provider, threads, chosen)


def cpu_session(spec: ModelSpec, threads: int) -> Any:
    """ONNX Runtime's own session of a network on the CPU, as ``open_network`` would open it; nothing is checked."""
    providers.prepare()
    return _session(spec, "cpu", threads)


def _session_on(spec: ModelSpec, name: str, threads: int) -> Any:
    """A session on one provider, as that runs fastest. Only ``get_providers`` tells whether it is really on it."""
    if name == "cuda":
        try:
            # refused where a node would have to run on the CPU
            session = _session(spec, name, threads, graphs=True)
            return BoundSession(session, "cuda", graphs=True) if _got(session) == name else session
        except ORT_ERRORS as error:
            log.info("%s without CUDA graphs: %s", spec.name, _first_line(error))
        session = _session(spec, name, threads)
        return BoundSession(session, "cuda") if _got(session) == name else session
    if name == "tensorrt":
        given = _session(spec, "cpu", threads).get_inputs()[0].name
        session = _session(spec, name, threads, given)
        return BoundSession(session, "cuda") if _got(session) == name else session
    return _session(spec, name, threads)


def _got(session: Any) -> str:
    full = str(session.get_providers()[0])
    return providers.SHORT_NAMES.get(full, full)


def open_network(spec: ModelSpec, provider: str = "auto", threads: int = 1) -> Network:
    """Check the file, open it on the best provider that works, and check its inputs and outputs.

    Args:
        provider: "auto" or a short name of ``PROVIDER_NAMES``; where it does not work the CPU is used, and
            ``Network.note`` and ``Network.proof`` say why.
        threads: intra-op threads on the CPU.

    Raises:
        ModelMissingError, ModelCorruptError: see ``registry.verify``; also a file that is no ONNX graph.
        ModelShapeError: inputs or outputs are not those of models.toml.
        ProviderError: not even the CPU opens it.
        UsageError: unknown provider name.
    """
    verify(spec)
    providers.prepare()
    names = providers.candidates(provider, spec)
    met: dict[str, providers.Obstacle] = {}
    if provider not in ("auto", *names):
        absent = providers.obstacle(provider)
        assert absent is not None
        met[provider] = absent
    for name in names:
        # what is seen at once need not be tried: every attempt opens the file
        seen = None if name == "cpu" else providers.obstacle(name)
        if seen is not None:
            met[name] = seen
            continue
        try:
            session = _session_on(spec, name, threads)
        except ORT_ERRORS as error:
            if name == "cpu":
                raise _opening_error(spec, error) from error
            met[name] = providers.Obstacle(
                f"{providers.TITLES[name]} does not open: {_first_line(error)}", providers.REPAIR[name], device=True
            )
            continue
        got = _got(session)
        if got != name:
            # ONNX Runtime falls back silently; only the opened session tells the truth
            met[name] = providers.diagnosis(name)
            if name != names[-1]:
                continue
        _check_form(spec, session)
        network = Network(spec, session, got, provider, _note(met), threads)
        worth = next((o for n, o in met.items() if o.device or n == provider), None)
        if worth is not None:
            network.explain(worth)
        return network
    raise ProviderError(f"Cannot run {spec.name}", _note(met), "Run 'facelens doctor'")


def _note(met: Mapping[str, providers.Obstacle]) -> str:
    return "; ".join(f"{name}: {obstacle.reason}. {obstacle.repair}" for name, obstacle in met.items())


def _opening_error(spec: ModelSpec, error: Exception) -> ModelCorruptError | ProviderError:
    if isinstance(error, (_STATE.InvalidProtobuf, _STATE.InvalidGraph)):
        return ModelCorruptError(f"The model {spec.name} is damaged", _first_line(error), "Install Facelens again")
    return ProviderError(f"Cannot open {spec.name} on the CPU", _first_line(error), "Run 'facelens doctor'")


def _check_form(spec: ModelSpec, session: Any) -> None:
    inputs, outputs = session.get_inputs(), tuple(o.name for o in session.get_outputs())
    shape = tuple(inputs[0].shape[1:])
    if len(inputs) != 1 or shape != (*spec.input, 3) or inputs[0].type != "tensor(uint8)" or outputs != spec.outputs:
        raise ModelShapeError(
            f"The model {spec.name} does not fit its entry in models.toml",
            f"it takes {inputs[0].type} {shape} and gives {', '.join(outputs)}; "
            f"expected tensor(uint8) {(*spec.input, 3)} and {', '.join(spec.outputs)}",
            "Use the model file that belongs to this version of Facelens",
        )
