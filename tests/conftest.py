"""What all tests share: none depends on what a self-test finds on this machine (``runtime.threads``), nor on the names
of the networks that ship."""

from __future__ import annotations

import os

import pytest

from facelens.registry import load_registry, select

os.environ.setdefault("FACELENS_THREADS", "1")


@pytest.fixture(scope="session")
def first_names() -> frozenset[str]:
    """The networks that an engine opens at once: the first listed of each task, where no other does its work too."""
    listed = load_registry()
    tasks = ["detector", "attributes", "landmarks"]
    if "distribution" not in select(listed, "attributes").outputs:
        tasks.append("appearance")
    return frozenset(select(listed, task).name for task in tasks)


@pytest.fixture(scope="session")
def all_names(first_names: frozenset[str]) -> frozenset[str]:
    """Those and the ones that give a second opinion."""
    return first_names | {spec.name for spec in load_registry() if spec.task in ("attributes", "appearance")}
