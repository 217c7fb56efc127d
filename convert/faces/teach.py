"""What trained networks say of the packs' pictures, as soft labels for a smaller network.

Each picture is read as it is and mirrored, by files that ship, and the mean is kept; the small network sees the picture
augmented. After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, with the noise of Xie,
Luong, Hovy and Le, "Self-training with Noisy Student", CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from convert.faces import augment, data
from facelens.registry import ModelSpec, load_registry
from facelens.runtime import Network, open_network
from facelens.types import Landmarks
from facelens.vision.crop import align
from facelens.vision.landmarks import placed, read_both_ways, refined

Soft = dict[str, npt.NDArray[np.float32]]
TASKS = ("attributes", "appearance")
ALSO = {"appearance": "distribution"}
"""Outputs taken from a network beside the attributes one: task and output."""


def read(networks: Mapping[str, Network], images: npt.NDArray[np.uint8], stored: Any) -> Soft:
    """The mean of what the networks say of crops and of their mirror images."""
    found: Soft = {}
    for task, network in networks.items():
        assert network.spec.crop is not None
        crops = augment.plain(images, network.spec.crop, stored)
        said = network.run_both_ways(crops)
        found |= {name: said[name] for name in ([ALSO[task]] if task in ALSO else network.spec.outputs)}
    return found


def look_closely(network: Network, image: npt.NDArray[np.uint8], five: npt.ArrayLike) -> Landmarks:
    """The points of a face as the engine reads them in pictures: both ways, and once more from where they were found.

    Args:
        image: H x W x 3 BGR.
        five: 5 x 2 px, from which the landmarks network starts.
    """
    crop = network.spec.crop
    assert crop is not None
    seen, matrix = align(image, five, crop)
    first = placed(read_both_ways(network.run, seen[None]), 0, matrix)
    return refined(network.run, crop, image, [first])[0]


def teachers_of(specs: Sequence[ModelSpec], tasks: Sequence[str] = TASKS) -> dict[str, ModelSpec]:
    """Of each task the network that counts most where several are asked."""
    return {task: max((s for s in specs if s.task == task), key=lambda s: s.weight) for task in tasks}


def soft_labels(
    crops: data.Crops, name: str, cache: Path, models: Path, threads: int, tasks: Sequence[str] = TASKS
) -> Soft:
    """Soft labels of all crops of a pack, made once for each teacher and kept as ``cache``/NAME.npz.

    ``name`` tells packs and splits apart.
    """
    teachers = teachers_of(load_registry(models), tasks)
    mark = "-".join(spec.sha256[:8] for spec in teachers.values())
    path = cache / f"{name}-{mark}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        networks = {task: open_network(spec, "cpu", threads) for task, spec in teachers.items()}
        parts: list[Soft] = []
        for start in track(range(0, len(crops.images), 128), description=f"teaching {name}"):
            parts.append(read(networks, crops.images[start : start + 128], crops.stored))
        partial = path.with_suffix(".part.npz")
        whole: dict[str, Any] = {k: np.concatenate([p[k] for p in parts]).astype(np.float16) for k in parts[0]}
        np.savez(partial, **whole)
        partial.replace(path)
    with np.load(path) as stored:
        return {key: stored[key].astype(np.float32) for key in stored.files}
