"""All crops that networks and measurements need of the faces of one picture, cut together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, Matrix, placed, to_template
from facelens.types import Detection, Image
from facelens.vision import quality
from facelens.vision.crop import Cutter, View


class FaceCrops:
    """Crops of the faces of one picture.

    Args:
        image: H x W x 3 BGR uint8.
        found: where the faces are.
        wanted: crop forms, and whether they are varied.
        views: for each face how its varied crops are off, as many for each; None where none is varied.
        measured: the parts that ``quality.measure`` looks at are cut as well.

    Attributes:
        matrices: by form, for each face the matrix (2 x 3) from the picture to the usual crop.
        batches: by form and whether varied, the crops of all faces, those of one face one after another:
            N x S x S x 3 BGR uint8.
        windows: what ``quality.measure`` looks at, grey, for each face; empty without ``measured``.
    """

    def __init__(
        self,
        image: Image,
        found: Sequence[Detection],
        wanted: Iterable[tuple[CropSpec, bool]],
        views: Sequence[Sequence[View]] | None = None,
        measured: bool = False,
    ) -> None:
        straight = [to_template(detection.landmarks.points) for detection in found]
        self.matrices: dict[CropSpec, list[Matrix]] = {}
        places: dict[tuple[CropSpec, bool], list[Matrix]] = {}
        for spec, varied in wanted:
            usual = self.matrices.setdefault(spec, [placed(matrix, spec) for matrix in straight])
            places[spec, varied] = usual
            if varied and views is not None:
                places[spec, varied] = [
                    v.shifted(matrix, spec.size) for mine, matrix in zip(views, usual) for v in mine
                ]
        # a part of a crop that is made anyway does as well
        part = next((k for k in places if not (k[1] and views) and quality.inside(k[0])), None) if measured else None
        windows = []
        if measured and part is None:
            windows = [quality.window(placed(matrix, quality.CROP)) for matrix in straight]
        sizes = {key: (key[0].size, key[0].size) for key in places}
        every = [(matrix, sizes[key]) for key, matrices in places.items() for matrix in matrices]
        cutter = Cutter(image, [*every, *((matrix, quality.WINDOW) for matrix in windows)])
        self.batches: dict[tuple[CropSpec, bool], npt.NDArray[np.uint8]] = {}
        for key, matrices in places.items():
            batch = np.stack([cutter.cut(matrix, sizes[key]) for matrix in matrices])
            if key[1] and views is not None:
                for crop, view in zip(batch, itertools.chain(*views)):
                    if view.mirror:
                        crop[:] = crop[:, ::-1].copy()
            self.batches[key] = batch
        looked_at: Iterable[Image] = (cutter.cut(matrix, quality.WINDOW) for matrix in windows)
        if part is not None and (place := quality.inside(part[0])):
            looked_at = (crop[place] for crop in self.batches[part])
        self.windows = [np.asarray(cv2.cvtColor(window, cv2.COLOR_BGR2GRAY), np.uint8) for window in looked_at]
