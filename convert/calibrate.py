"""How sharp the ages of several networks' mean must be: ``python -m convert calibrate --data DATA``.

Second opinions are the mean of what networks say (``facelens.opinions``), and a mean of distributions is wider than the
ages it stands for. The power that ``opinions.mean`` raises it to is found here, on the val parts of utkface (years) and
fairface (buckets): the one with which the band shown holds as many of the ages as it should. It is written to
models.toml, as ``age_power`` of the first attributes network; a new export of either network takes it away again, since
it holds for the networks that it was found with.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tomlkit
from rich.progress import track

from convert.faces.ship import replace
from facelens.ages import quantiles
from facelens.engine import open_engine
from facelens.errors import UsageError
from facelens.evaluation import THRESHOLD, central, open_pack
from facelens.evaluation.packs import padded
from facelens.registry import load_registry, select
from facelens.types import AGE_COUNT
from facelens.vision import attributes
from facelens.vision.trust import sharpened

PACKS = ("utkface", "fairface")
POWERS = np.round(np.arange(0.7, 1.601, 0.01), 2)

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Ages read, N x 101 probabilities, and the true ones, N each: from ``first`` to ``last`` year, both included."""

    read: npt.NDArray[np.float32]
    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]


def bands(read: npt.ArrayLike) -> tuple[Values, Values]:
    """Low and high end of the band of each distribution (N x 101), in whole years as they are shown."""
    shares = ((1 - attributes.BAND) / 2, (1 + attributes.BAND) / 2)
    low, high = np.round([quantiles(row, shares) for row in np.asarray(read)]).T
    return low, high


def coverage(ages: Labelled, power: float) -> float:
    """Share of the ages inside the band. Of a bucket, that of what the distribution holds of it."""
    read = sharpened(ages.read, power).astype(np.float64)
    low, high = bands(read)
    years = np.arange(AGE_COUNT)[None]
    labelled = (ages.first[:, None] <= years) & (years <= ages.last[:, None])
    weights = (read + 1e-9) * labelled
    inside = (low[:, None] <= years) & (years <= high[:, None])
    return float(((weights * inside).sum(1) / weights.sum(1)).mean())


def best(packs: Sequence[Labelled], share: float = attributes.BAND) -> float:
    """The power with which the mean coverage over the packs is nearest to ``share``."""
    found = [np.mean([coverage(ages, power) for ages in packs]) for power in POWERS]
    return float(POWERS[int(np.argmin(np.abs(np.array(found) - share)))])


def readings(path: Path, models: Path, limit: int | None, power: float) -> Labelled:
    """The ages that the whole pipeline reads on a pack's val part, with the present ``power`` taken out again."""
    rows: list[tuple[npt.NDArray[np.float32], int, int]] = []
    pack = open_pack(path, "val", limit)
    fields: dict[str, Any] = {
        "parts": frozenset({attributes.TASK}),
        "min_confidence": THRESHOLD,
        "finder": "onnxruntime",
    }
    with open_engine(models_dir=models, **fields) as engine:
        for row in track(pack, description=path.stem, total=pack.rows):
            if row.image is None:
                continue
            image = padded(row.image)[0]
            face = central(engine.analyze(image).faces, image)
            if face is not None and face.age is not None:
                rows.append((face.age.probabilities, *_span(row.labels)))
    if not rows:
        raise UsageError(
            f"Cannot calibrate on {path.name}", "no face was found in its pictures", "Take more of its rows"
        )
    read, first, last = zip(*rows)
    return Labelled(sharpened(np.array(read), 1 / power), np.array(first), np.array(last))


def _span(labels: dict[str, Any]) -> tuple[int, int]:
    if labels.get("age") is not None:
        return (min(int(labels["age"]), AGE_COUNT - 1),) * 2
    return int(labels["age_low"]), min(int(labels["age_high"]), AGE_COUNT - 1)


def enter(models: Path, name: str, power: float) -> None:
    """Write the power into the network's entry of models.toml."""
    path = models / "models.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    item = next(item for item in document["model"] if item["name"] == name)
    if "age_power" in item:
        item["age_power"] = power
    else:
        # before the tables of figures, which would otherwise take it for their own
        rest = {key: item.pop(key) for key in ("accuracy", "int8") if key in item}
        item["age_power"] = power
        for key, value in rest.items():
            item[key] = value
    replace(path, tomlkit.dumps(document).encode())


def calibrate(args: Namespace) -> None:
    """Find the power, write it, and tell the coverage before and after."""
    first = select(load_registry(args.models), attributes.TASK)
    packs = [readings(args.data / f"{name}.parquet", args.models, args.limit, first.age_power) for name in PACKS]
    power = best(packs)
    enter(args.models, first.name, power)
    for name, ages in zip(PACKS, packs):
        before, after = coverage(ages, first.age_power), coverage(ages, power)
        print(f"{name} val: {len(ages.read)} ages, {before:.4f} in the band before, {after:.4f} with {power:.2f}")
