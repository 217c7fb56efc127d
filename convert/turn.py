"""What a turn of the head does to the two halves of a face: ``python -m convert turn --data DATA``.

The 68 hand points of the train part of landmarks68 get a common place, size and axis. The difference of each shape
and its mirror image is the turned head and the crooked face together; since the heads turn far more than the faces are
crooked, the first two principal components of those differences (0.92 and 0.02 of their variance) are the turn, level
and tilted. They are written to app/facelens/vision/turn.py; the symmetry of a face takes them out.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from convert.faces.packfile import named
from facelens.vision.symmetry import Shape, halves, upright

PAGE = '''"""How the points of a face move when the head turns, as the difference of a shape and its mirror image.

Made by ``python -m convert turn`` from the train part of landmarks68 ({rows} faces); {share:.0%} of the variance.
"""

from __future__ import annotations

import numpy as np

TURN = np.array(
    [
{numbers}
    ]
).reshape({count}, 68, 2)
"""{count} x 68 x 2, each of length 1 and square to the other; x to the right and y down in a face of root mean square
radius 1."""
'''


COUNT = 2


def components(shapes: Shape, count: int = COUNT) -> tuple[Shape, float]:
    """The first principal components (count x 68 x 2) of the differences of N x 68 x 2 shapes and their mirror images,
    and their share of the variance."""
    differences = np.array([halves(upright(shape)) for shape in shapes]).reshape(len(shapes), -1)
    # each face once as it is and once mirrored, so that the mean is no turn at all
    _, strengths, directions = np.linalg.svd(np.concatenate([differences, -differences]), full_matrices=False)
    return directions[:count].reshape(count, 68, 2), float((strengths[:count] ** 2).sum() / (strengths**2).sum())


def turn(args: Namespace) -> None:
    """Find the components and write the module."""
    columns = ["points68", "width", "height", "split"]
    file = args.data / "landmarks68.parquet"
    with named(file):
        table = pq.read_table(file, columns=columns).to_pydict()
    rows = zip(table["points68"], table["width"], table["height"], table["split"])
    shapes = np.array([np.reshape(p, (68, 2)) * (w, h) for p, w, h, split in rows if split == "train"])
    found, share = components(shapes)
    numbers = "\n".join(f"        [{x:.4f}, {y:.4f}]," for x, y in found.reshape(-1, 2))
    page = PAGE.format(rows=len(shapes), share=share, numbers=numbers, count=COUNT)
    Path("app/facelens/vision/turn.py").write_text(page, encoding="utf-8")
    print(f"{len(shapes)} faces, {share:.3f} of the variance")
