"""Providers that prove themselves, with stand-ins for cards; bound buffers for real, on the CPU."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facelens.errors import ProviderError
from facelens.registry import load_registry, select
from facelens.runtime import Network, Proof, open_network, providers, session
from facelens.runtime.binding import SIZES, BoundSession
from facelens.runtime.proof import best_ms
from facelens.runtime.providers import Obstacle

SPEC = select(load_registry(), "landmarks")
FACE = np.full((*SPEC.input, 3), 90, np.uint8)


class Card:
    """A session that says it runs on a provider; the values are those of the real one on the CPU."""

    def __init__(self, provider: str) -> None:
        self._inner = REAL(SPEC, "cpu", 1)
        self.provider = provider
        self.runs: list[int] = []
        self.error: Exception | None = None
        self.blind = False

    def get_providers(self) -> list[str]:
        return [providers.PROVIDERS[self.provider], "CPUExecutionProvider"][: 1 + (self.provider != "cpu")]

    def get_inputs(self) -> Any:
        return self._inner.get_inputs()

    def get_outputs(self) -> Any:
        return self._inner.get_outputs()

    def run(self, names: Any, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        (batch,) = feeds.values()
        self.runs.append(len(batch))
        if self.error is not None:
            raise self.error
        values = self._inner.run(names, feeds)
        return [np.full_like(value, np.nan) for value in values] if self.blind else values


REAL = session._session


class Machine:
    """What ``_session`` opens here, by provider: an error, or the provider that is really got."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **gives: str | Exception) -> None:
        self.gives: dict[str, str | Exception] = {"cpu": "cpu", **gives}
        self.opened: list[tuple[str, bool]] = []
        self.cards: list[Card] = []
        monkeypatch.setattr(session, "_session", self.open)
        monkeypatch.setattr(session, "BoundSession", lambda inner, *_, **__: inner)
        monkeypatch.setattr(providers, "obstacle", lambda name: None)
        monkeypatch.setattr(providers, "built_in", lambda: frozenset(providers.PROVIDERS))

    def open(self, spec: Any, name: str, threads: int, input_name: str = "", graphs: bool = False) -> Card:
        self.opened.append((name, graphs))
        given = self.gives.get(f"{name}+graphs" if graphs else name, self.gives.get(name, "cpu"))
        if isinstance(given, Exception):
            raise given
        self.cards.append(Card(given))
        return self.cards[-1]


def test_a_card_proves_itself_against_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "auto")
    assert (network.provider, network.note) == ("cuda", "")
    assert network.proof == Proof(SPEC.name, "auto", "cuda")
    proof = network.prove(FACE)
    assert (proof.asked, proof.got, proof.reason, proof.repair) == ("auto", "cuda", "", "")
    assert proof.ms is not None
    assert proof.cpu_ms is not None
    assert proof.ratio == pytest.approx(proof.cpu_ms / proof.ms)
    card, cpu = machine.cards
    # every batch size that will come was run once, and the timed ones had one face
    assert card.runs[:4] == [1, 2, 4, 8]
    assert set(card.runs[4:]) == set(cpu.runs) == {1}


def test_where_the_cpu_was_asked_for_nothing_is_timed() -> None:
    network = open_network(SPEC, "cpu")
    assert network.prove(FACE) == Proof(SPEC.name, "cpu", "cpu")


def test_where_auto_ends_on_the_cpu_the_time_is_that_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "built_in", lambda: frozenset({"cpu"}))
    proof = open_network(SPEC, "auto").prove(FACE)
    assert (proof.asked, proof.got, proof.reason) == ("auto", "cpu", "")
    assert proof.ms is not None
    assert proof.ratio == 1


def test_a_silent_fall_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime gives the CPU instead of CUDA without a word: only the session's own list tells."""
    machine = Machine(monkeypatch, cuda="cpu")
    missing = Obstacle("CUDA library libcudnn.so.9 missing", "pip install it", device=True)
    monkeypatch.setattr(providers, "diagnosis", lambda name: missing)
    for asked in ("cuda", "auto"):
        machine.opened.clear()
        network = open_network(SPEC, asked)
        assert (network.proof.asked, network.proof.got) == (asked, "cpu")
        assert (network.proof.reason, network.proof.repair) == (missing.reason, missing.repair)
        assert "cuda: CUDA library libcudnn.so.9 missing. pip install it" in network.note
        assert [name for name, _ in machine.opened].count("cuda") == 1
        assert machine.opened[-1] == ("cpu", False)


def test_without_a_card_auto_has_nothing_to_mend_and_a_request_has(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    absent = Obstacle("CUDA library libcuda.so.1 missing", "Install the driver", device=False)
    monkeypatch.setattr(providers, "obstacle", lambda name: absent if name == "cuda" else None)
    monkeypatch.setattr(providers, "built_in", lambda: frozenset({"cuda", "cpu"}))
    assert open_network(SPEC, "auto").proof.reason == ""
    assert "libcuda.so.1" in open_network(SPEC, "auto").note
    assert open_network(SPEC, "cuda").proof.reason == absent.reason
    # what cannot work is not opened at all
    assert {name for name, _ in machine.opened} == {"cpu"}


def test_graphs_are_left_out_where_the_network_cannot_be_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = RuntimeError("not all nodes have been partitioned to the CUDA EP")
    machine = Machine(monkeypatch, cuda="cuda", **{"cuda+graphs": refused})
    assert open_network(SPEC, "cuda").provider == "cuda"
    assert machine.opened == [("cuda", True), ("cuda", False)]


def test_tensorrt_falls_to_cuda_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, tensorrt=RuntimeError("no nvinfer\nat line 7"), cuda="cuda")
    proof = open_network(SPEC, "tensorrt").proof
    assert (proof.asked, proof.got) == ("tensorrt", "cuda")
    assert proof.reason == "TensorRT does not open: no nvinfer"


@pytest.mark.parametrize("kind", [RuntimeError, session._STATE.RuntimeException, session._STATE.Fail])
def test_a_card_that_is_lost_is_replaced_within_the_batch(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "cuda")
    network.prove(FACE)
    batch = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    expected = network.run(batch)["points"]
    opened = len(machine.opened)
    machine.cards[0].error = kind("CUDA failure 2: out of memory ; GPU=0\nfile x.cc")
    np.testing.assert_array_equal(network.run(batch)["points"], expected)
    # the session that the proof was made with goes on: nothing had to be opened while a frame waited
    assert len(machine.opened) == opened
    assert network.provider == "cpu"
    assert network.note == "cuda failed while running (CUDA failure 2: out of memory ; GPU=0); now on the CPU"
    assert (network.proof.got, network.proof.reason) == ("cpu", "CUDA failed while running")
    assert network.proof.repair
    assert network.proof.ratio == 1
    # and it stays there
    runs = len(machine.cards[0].runs)
    network.run(batch)
    assert len(machine.cards[0].runs) == runs


def test_a_card_that_is_lost_to_two_threads_at_once_is_replaced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "cuda")
    network.prove(FACE)
    both, replaced = threading.Barrier(2), threading.Event()

    def lost(*_: object) -> object:
        both.wait(30)
        if threading.current_thread().name == "later":
            # what it used is no longer what the network uses
            assert replaced.wait(30)
        raise RuntimeError("CUDA failure 700")

    monkeypatch.setattr(machine.cards[0], "run", lost)
    told: dict[str, Any] = {}

    def run() -> None:
        name = threading.current_thread().name
        try:
            told[name] = network.run(FACE[None])["points"].shape
        except Exception as error:  # noqa: BLE001 - told below
            told[name] = error
        replaced.set()

    threads = [threading.Thread(target=run, name=name) for name in ("earlier", "later")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told == {"earlier": (1, 68, 2), "later": (1, 68, 2)}
    assert network.note == "cuda failed while running (CUDA failure 700); now on the CPU"


def test_a_card_that_gives_no_numbers_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "cuda")
    machine.cards[0].blind = True
    assert np.isfinite(network.run(FACE[None])["points"]).all()
    assert network.provider == "cpu"


def test_where_the_cpu_fails_too_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "cuda")
    machine.cards[0].error = RuntimeError("lost")
    machine.gives["cpu"] = RuntimeError("no memory")
    with pytest.raises(ProviderError, match=r"lost.*no memory"):
        network.run(FACE[None])
    network = Network(SPEC, Card("cpu"), "cpu", "auto", "", 1)
    network._session.error = RuntimeError("broken\nmore")
    with pytest.raises(ProviderError, match="broken"):
        network.run(FACE[None])


def test_a_cpu_that_does_not_open_leaves_the_card_without_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, cuda="cuda")
    network = open_network(SPEC, "cuda")
    machine.gives["cpu"] = RuntimeError("no memory")
    proof = network.prove(FACE)
    assert proof.got == "cuda"
    assert proof.ms is not None
    assert (proof.cpu_ms, proof.ratio) == (None, None)


def test_the_quickest_run_counts() -> None:
    ticks = iter([0.0, 0.004, 1.0, 1.002, 2.0, 2.009])
    calls = itertools.count()
    assert best_ms(lambda: next(calls), 3, lambda: next(ticks)) == pytest.approx(2)
    assert next(calls) == 3


def test_a_proof_in_json() -> None:
    told = Proof("a", "auto", "cuda", 0.6049, 5.4, "", "").as_dict()
    assert told == {
        "network": "a", "asked": "auto", "got": "cuda", "ms": 0.6, "cpu_ms": 5.4, "reason": "", "repair": "",
        "ratio": 8.93,
    }  # fmt: skip
    assert Proof("a", "cpu", "cpu").as_dict()["ratio"] is None


# which providers are tried


def test_the_order_is_from_best_to_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "built_in", lambda: frozenset(providers.PROVIDERS))
    monkeypatch.setattr(providers, "has_engine", lambda spec: False)
    assert providers.candidates("auto", SPEC) == ["cuda", "coreml", "directml", "cpu"]
    # TensorRT has built its engine before: no wait of minutes
    monkeypatch.setattr(providers, "has_engine", lambda spec: True)
    assert providers.candidates("auto", SPEC) == ["tensorrt", "cuda", "coreml", "directml", "cpu"]
    assert providers.candidates("tensorrt") == ["tensorrt", "cuda", "cpu"]
    assert providers.candidates("coreml") == ["coreml", "cpu"]
    monkeypatch.setattr(providers, "built_in", lambda: frozenset({"cpu"}))
    assert providers.candidates("cuda") == ["cpu"]


def test_only_cuda_and_tensorrt_get_options() -> None:
    assert providers.session_providers("cpu") == ["CPUExecutionProvider"]
    assert providers.session_providers("coreml") == ["CoreMLExecutionProvider", "CPUExecutionProvider"]
    (name, options), last = providers.session_providers("cuda", graphs=True)
    assert (name, options["enable_cuda_graph"], last) == ("CUDAExecutionProvider", "1", "CPUExecutionProvider")
    assert providers.session_providers("cuda")[0][1]["enable_cuda_graph"] == "0"


def test_tensorrt_keeps_its_engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(providers, "cache_folder", lambda: tmp_path)
    assert not providers.has_engine(SPEC)
    (_, options), *rest = providers.session_providers("tensorrt", SPEC, "input")
    assert options["trt_profile_max_shapes"] == "input:32x112x112x3"
    assert rest == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    folder = providers.engine_folder(SPEC)
    assert str(folder) == options["trt_engine_cache_path"]
    (folder / "graph.engine").touch()
    assert providers.has_engine(SPEC)


@pytest.mark.parametrize(
    ("said", "library"),
    [
        ("libcublasLt.so.13: cannot open shared object file: No such file or directory", "libcublasLt.so.13"),
        ("Failed to load /x/nvidia/cudnn/lib/libcudnn.so.9: cannot allocate memory", "libcudnn.so.9"),
        ("Failed to load C:\\a b\\nvidia\\bin\\cublasLt64_13.dll: Could not find module", "cublasLt64_13.dll"),
        ("/x/libonnxruntime_providers_cuda.so: undefined symbol: Provider_GetHost", ""),
        ("", ""),
    ],
)
def test_the_missing_library_is_named(said: str, library: str) -> None:
    assert providers.named_library(said) == library


@pytest.fixture
def fresh() -> Any:
    """The diagnosis is made anew, and not kept for the other tests."""
    providers.diagnosis.cache_clear()
    yield
    providers.diagnosis.cache_clear()


@pytest.mark.parametrize(
    ("says", "reason", "repair"),
    [
        (
            {"cuda": "libcublasLt.so.13: cannot open shared object file: No such file"},
            "CUDA library libcublasLt.so.13 missing",
            'pip install "onnxruntime-gpu[cuda,cudnn]"',
        ),
        ({"cuda": "undefined symbol: Provider_GetHost"}, "no NVIDIA card answers", "nvidia-smi"),
        ({"cuda": None}, "no NVIDIA card answers", "nvidia-smi"),
    ],
)
def test_why_cuda_did_not_start(
    monkeypatch: pytest.MonkeyPatch, fresh: Any, says: dict[str, str | None], reason: str, repair: str
) -> None:
    loads: Callable[[str], str | None] = lambda library: says["cuda"] if "providers_cuda" in library else None  # noqa: E731
    monkeypatch.setattr(providers, "_loads", loads)
    monkeypatch.setattr(providers, "driver", lambda: "")
    monkeypatch.setattr(providers, "prepare", lambda: "")
    monkeypatch.setattr(providers, "built_in", lambda: frozenset({"cuda", "cpu"}))
    found = providers.diagnosis("cuda")
    assert found.reason == reason
    assert repair in found.repair
    assert found.device


def test_a_machine_without_a_driver_is_told_first(monkeypatch: pytest.MonkeyPatch, fresh: Any) -> None:
    monkeypatch.setattr(providers, "driver", lambda: "libcuda.so.1")
    monkeypatch.setattr(providers, "built_in", lambda: frozenset({"cuda", "cpu"}))
    seen = providers.obstacle("cuda")
    assert seen is not None
    assert seen.reason == "CUDA library libcuda.so.1 missing"
    assert not seen.device
    assert providers.diagnosis("cuda") == seen


# bound buffers


def test_bound_buffers_give_what_the_session_gives() -> None:
    plain = REAL(SPEC, "cpu", 1)
    bound = BoundSession(REAL(SPEC, "cpu", 1), "cpu")
    assert bound.get_providers() == ["CPUExecutionProvider"]
    name = bound.get_inputs()[0].name
    rng = np.random.default_rng(1)
    # 3 is filled up to 4, 1 comes after more, 70 is cut into 32, 32 and 6
    for count in (1, 3, 4, 1, 70):
        batch = rng.integers(0, 256, (count, *SPEC.input, 3), np.uint8)
        given = bound.run(None, {name: batch})
        assert given[0].shape == (count, 68, 2)
        for values, expected in zip(given, plain.run(None, {name: batch}), strict=True):
            np.testing.assert_allclose(values, expected, atol=1e-3)
    assert sorted(bound._bound) == [1, 4, 8, 32]
    assert set(bound._bound) <= set(SIZES)


def test_what_bound_buffers_gave_is_not_written_over() -> None:
    bound = BoundSession(REAL(SPEC, "cpu", 1), "cpu")
    name = bound.get_inputs()[0].name
    first = bound.run(None, {name: FACE[None]})[0]
    before = first.copy()
    bound.run(None, {name: np.random.default_rng(2).integers(0, 256, (1, *SPEC.input, 3), np.uint8)})
    np.testing.assert_array_equal(first, before)


def test_a_network_runs_by_bound_buffers() -> None:
    plain = open_network(SPEC, "cpu")
    bound = Network(SPEC, BoundSession(REAL(SPEC, "cpu", 1), "cpu"), "cuda", "cuda", "", 1)
    batch = np.random.default_rng(3).integers(0, 256, (5, *SPEC.input, 3), np.uint8)
    np.testing.assert_allclose(bound.run(batch)["points"], plain.run(batch)["points"], atol=1e-3)
