"""Opens a network with ONNX Runtime and says which provider it really got."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from facelens.errors import ModelCorruptError, ModelShapeError, ProviderError
from facelens.registry import ModelSpec, verify
from facelens.runtime import providers

# every exception class of ONNX Runtime's own module (Fail, RuntimeException, InvalidProtobuf, ...), which share no base
_STATE = onnxruntime.capi.onnxruntime_pybind11_state
ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(_STATE).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)


class _NotFiniteError(RuntimeError):
    """A network gave a value that is not a number."""


class Network:
    """A network ready to run.

    Attributes:
        spec: the model's entry.
        provider: short name of the provider that the session really uses ("cpu", "cuda", ...).
        requested: what was asked for.
        note: why a better or the requested provider is not used; empty when all is as asked.
    """

    def __init__(self, spec: ModelSpec, session: Any, provider: str, requested: str, note: str, threads: int) -> None:
        self.spec, self.provider, self.requested, self.note = spec, provider, requested, note
        self._session = session
        self._threads = threads
        self._lock = threading.Lock()
        self._input = session.get_inputs()[0].name

    def run(self, batch: npt.NDArray[np.uint8]) -> Mapping[str, npt.NDArray[np.float32]]:
        """Run a batch of crops, N x H x W x 3 uint8; returns each output by name, N rows each.

        A GPU that is lost in mid-run is replaced by the CPU for this and all later batches; ``note`` then says so.

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
        try:
            return self._outputs(batch)
        except ORT_ERRORS as error:
            if self.provider == "cpu":
                raise ProviderError(
                    f"Cannot run {self.spec.name}", _first_line(error), "Run 'facelens doctor'"
                ) from error
            self._fall_back(error)
        return self.run(batch)

    def _outputs(self, batch: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float32]]:
        values = self._session.run(None, {self._input: batch})
        if not all(np.isfinite(value).all() for value in values):
            raise _NotFiniteError("it gave values that are not numbers")
        return dict(zip(self.spec.outputs, values))

    def _fall_back(self, error: Exception) -> None:
        with self._lock:
            if self.provider == "cpu":
                return
            lost = self.provider
            self._session = _session(self.spec, "cpu", self._threads)
            self.provider = "cpu"
            self.note = f"{lost} failed while running ({_first_line(error)}); now on the CPU"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def _session(spec: ModelSpec, provider: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # several sessions that spin fight for the cores: measured 46 ms against 17 ms for five faces on two cores
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(spec.path_on(provider)), sess_options=options, providers=providers.session_providers(provider)
    )


def open_network(spec: ModelSpec, provider: str = "auto", threads: int = 1) -> Network:
    """Check the file, open it on the best provider that works, and check its inputs and outputs.

    Args:
        provider: "auto" or a short name of ``PROVIDER_NAMES``; where it does not work the CPU is used and
            ``Network.note`` says why.
        threads: intra-op threads on the CPU.

    Raises:
        ModelMissingError, ModelCorruptError: see ``registry.verify``; also a file that is no ONNX graph.
        ModelShapeError: inputs or outputs are not those of models.toml.
        ProviderError: not even the CPU opens it.
        UsageError: unknown provider name.
    """
    verify(spec)
    providers.prepare()
    names = providers.candidates(provider)
    notes: list[str] = []
    if provider not in ("auto", *names):
        reason = next(s.note for s in providers.provider_report() if s.name == provider)
        notes.append(f"{provider} asked for, running on {names[0]}: {reason}")
    for name in names:
        try:
            session = _session(spec, name, threads)
        except ORT_ERRORS as error:
            if name == "cpu":
                raise _opening_error(spec, error) from error
            notes.append(f"{name} does not open: {_first_line(error)}. {providers.REPAIR[name]}")
            continue
        got = providers.SHORT_NAMES.get(session.get_providers()[0], session.get_providers()[0])
        if got != name:
            # ONNX Runtime falls back silently; only the opened session tells the truth
            notes.append(f"{name} is not usable on this machine. {providers.REPAIR[name]}")
            if name != names[-1]:
                continue
        _check_form(spec, session)
        return Network(spec, session, got, provider, "; ".join(notes), threads)
    raise ProviderError(f"Cannot run {spec.name}", "; ".join(notes), "Run 'facelens doctor'")


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
