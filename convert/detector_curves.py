"""The detector's training curves as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PARTS = ("loss", "scores", "box", "points", "rate")


def draw(log: list[dict[str, Any]], path: Path) -> None:
    """One panel for each part of the loss and for the learning rate, over the crops seen, written to ``path`` (PNG)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seen, crops = [], 0
    for entry in log:
        crops += int(entry["crops"])
        seen.append(crops / 1000)
    figure = Figure(figsize=(3 * len(PARTS), 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, part in zip(figure.subplots(1, len(PARTS)), PARTS):
        axes.plot(seen, [entry[part] for entry in log], marker=".")
        axes.set_title(part)
        axes.set_xlabel("thousand crops")
        axes.grid(alpha=0.3)
    temporary = path.with_suffix(".part.png")
    figure.savefig(temporary, dpi=100)
    temporary.replace(path)
