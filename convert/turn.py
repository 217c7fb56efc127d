"""What a turn of the head does to the two halves of a face: ``python -m convert turn --data DATA``.

The 68 hand points of the train part of landmarks68 get a common place, size and axis. The difference of each shape
and its mirror image is the turned head and the crooked face together; since the heads turn far more than the faces are
crooked, the first principal component of those differences (0.92 of their variance) is the turn. It is written to
app/facelens/vision/turn.py, which the symmetry of a face takes out.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

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
)
"""68 x 2, length 1; x to the right and y down in a face of root mean square radius 1."""
'''


def component(shapes: Shape) -> tuple[Shape, float]:
    """The first principal component (68 x 2) of the differences of N x 68 x 2 shapes and their mirror images, and its
    share of their variance."""
    differences = np.array([halves(upright(shape)) for shape in shapes]).reshape(len(shapes), -1)
    # each face once as it is and once mirrored, so that the mean is no turn at all
    _, strengths, directions = np.linalg.svd(np.concatenate([differences, -differences]), full_matrices=False)
    return directions[0].reshape(68, 2), float(strengths[0] ** 2 / (strengths**2).sum())


def turn(args: Namespace) -> None:
    """Find the component and write the module."""
    columns = ["points68", "width", "height", "split"]
    table = pq.read_table(args.data / "landmarks68.parquet", columns=columns).to_pydict()
    rows = zip(table["points68"], table["width"], table["height"], table["split"])
    shapes = np.array([np.reshape(p, (68, 2)) * (w, h) for p, w, h, split in rows if split == "train"])
    found, share = component(shapes)
    found *= np.sign(found[30, 0])
    numbers = "\n".join(f"        [{x:.4f}, {y:.4f}]," for x, y in found)
    page = PAGE.format(rows=len(shapes), share=share, numbers=numbers)
    Path("app/facelens/vision/turn.py").write_text(page, encoding="utf-8")
    print(f"{len(shapes)} faces, {share:.3f} of the variance")
