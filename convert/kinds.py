"""Pictures that hold no living face, or not all of one, made by code: ``convert probe`` shows them to the pipeline.

A ``Kind`` takes a picture of a face and the 68 points of that face (px), and gives a picture of the same size: the face
drawn, cut in stone, masked, turned away, printed. ``drawn_face`` and ``emoji`` need no face at all.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from facelens.types import Image

Points = npt.NDArray[np.float64]
Kind = Callable[[Image, Points], Image]

JAW, BROWS, NOSE_BRIDGE = slice(0, 17), slice(17, 27), 28
EYES = (slice(36, 42), slice(42, 48))
MOUTH = slice(48, 60)


def _grey(image: Image) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)


def _bgr(values: npt.NDArray[np.float32]) -> Image:
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _polygon(shape: tuple[int, ...], points: npt.ArrayLike, soft: float = 1.0) -> npt.NDArray[np.float32]:
    """A mask 0..1 of the hull of points, H x W x 1, its rim ``soft`` px wide."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(np.asarray(points)).astype(np.int32)), 255)
    return np.asarray(np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.float32)[:, :, None] / 255, np.float32)


def _grown(points: Points, factor: float) -> Points:
    centre = points.mean(axis=0)
    return np.asarray(centre + (points - centre) * factor)


def _laid(image: Image, colour: npt.ArrayLike, mask: npt.NDArray[np.float32]) -> Image:
    """A colour or a picture over another where the mask is."""
    mixed = image * (1 - mask) + np.asarray(colour, np.float32) * mask
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _head(points: Points) -> Points:
    """The outline of the whole head: jaw and brows, and the forehead above them."""
    brows = points[BROWS]
    up = brows.mean(axis=0) - points[8]
    return np.concatenate([points[JAW], brows + 0.45 * up])


def _eye_span(points: Points) -> float:
    return float(np.linalg.norm(points[36] - points[45]))


def cartoon(image: Image, points: Points) -> Image:  # noqa: ARG001 - every kind is called alike
    """Flat colours with dark outlines."""
    flat = image
    for _ in range(3):
        flat = np.asarray(cv2.bilateralFilter(flat, 9, 40, 7), np.uint8)
    flat = (flat // 40 * 40 + 20).astype(np.uint8)
    smooth = np.asarray(cv2.medianBlur(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)), 5), np.uint8)
    lines = cv2.adaptiveThreshold(smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 3)
    return np.asarray(cv2.bitwise_and(flat, flat, mask=lines), np.uint8)


def pencil(image: Image, points: Points) -> Image:  # noqa: ARG001
    """A pencil drawing: the grey picture divided by its blurred self."""
    grey = _grey(image)
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 60), np.float32)
    return _bgr(np.minimum(grey / np.maximum(blurred, 1) * 255, 255))


def banknote(image: Image, points: Points) -> Image:
    """An engraving: dark green lines, the broader the darker the picture is there."""
    grey = cv2.GaussianBlur(_grey(image), (0, 0), 1.0)
    rows = np.arange(grey.shape[0], dtype=np.float32)[:, None]
    pitch = max(_eye_span(points) / 22, 2.5)
    wave = 127.5 + 127.5 * np.sin(2 * np.pi * rows / pitch + 0.02 * np.arange(grey.shape[1])[None])
    ink = np.where(np.asarray(grey) > wave, 1.0, 0.0)[:, :, None]
    return np.clip(ink * (205, 228, 214) + (1 - ink) * (60, 84, 48), 0, 255).astype(np.uint8)


def statue(image: Image, points: Points) -> Image:
    """Pale stone without pupils."""
    rng = np.random.default_rng(0)
    grain = np.asarray(cv2.GaussianBlur(rng.normal(0, 30, image.shape[:2]).astype(np.float32), (0, 0), 1.2))
    stone = _bgr(150 + 0.55 * (_grey(image) - 128) + grain)
    for eye in EYES:
        lid = points[eye]
        mask = _polygon(image.shape, _grown(lid, 1.25), _eye_span(points) / 60)
        stone = _laid(stone, stone[_inside(stone, lid[3])] * 0.5 + 75, mask)
    return np.asarray(np.clip(stone * np.array([0.9, 0.97, 1.0]), 0, 255), np.uint8)


def _inside(image: Image, point: npt.ArrayLike) -> tuple[int, int]:
    x, y = np.round(np.asarray(point)).astype(int)
    return int(np.clip(y, 0, image.shape[0] - 1)), int(np.clip(x, 0, image.shape[1] - 1))


def surgical_mask(image: Image, points: Points) -> Image:
    """A light blue cloth from the bridge of the nose to the chin, with its folds."""
    outline = np.concatenate([points[1:16], points[NOSE_BRIDGE][None]])
    rows = np.arange(image.shape[0], dtype=np.float32)[:, None, None]
    folds = 8 * np.sin(2 * np.pi * rows / max(_eye_span(points) / 5, 3.0))
    cloth = np.array([214, 190, 150], np.float32) + folds + 0.15 * (_grey(image)[:, :, None] - 128)
    return _laid(image, cloth, _polygon(image.shape, outline))


def carnival_mask(image: Image, points: Points) -> Image:
    """A dark half mask with a golden rim; the eyes look out of it."""
    centre = points[[36, 45]].mean(axis=0)
    upper = np.concatenate([_grown(points[BROWS], 1.12), points[[0, 1, 15, 16]], points[[31, 35]]])
    out = _laid(image, (60, 190, 220), _polygon(image.shape, centre + (upper - centre) * 1.1))
    out = _laid(out, (70, 20, 90), _polygon(image.shape, upper))
    for eye in EYES:
        out = _laid(out, image, _polygon(image.shape, _grown(points[eye], 1.3)))
    return out


def full_mask(image: Image, points: Points) -> Image:
    """A white mask over the whole face, with holes for the eyes and painted lips."""
    shade = 225 + 0.18 * (np.asarray(cv2.GaussianBlur(_grey(image), (0, 0), _eye_span(points) / 8)) - 128)
    out = _laid(image, _bgr(shade), _polygon(image.shape, _head(points)))
    for eye in EYES:
        out = _laid(out, np.asarray(image, np.float32) * 0.4, _polygon(image.shape, _grown(points[eye], 1.5)))
    return _laid(out, (50, 40, 170), _polygon(image.shape, points[MOUTH]))


def back_of_head(image: Image, points: Points) -> Image:
    """Hair where the face was, of the colour above the forehead."""
    rng = np.random.default_rng(0)
    head = _grown(_head(points), 1.12)
    top = points[BROWS].mean(axis=0) + 0.62 * (points[BROWS].mean(axis=0) - points[8])
    y, x = _inside(image, top)
    near = image[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].reshape(-1, 3)
    colour = np.minimum(np.median(near, axis=0), 150)
    strands = rng.normal(0, 1, image.shape[:2]).astype(np.float32)
    strands = np.asarray(cv2.GaussianBlur(strands, (0, 0), sigmaX=1.0, sigmaY=_eye_span(points) / 4))
    strands = strands / max(float(strands.std()), 1e-6) * 14
    return _laid(image, colour[None, None] + strands[:, :, None], _polygon(image.shape, head, _eye_span(points) / 25))


def poster(image: Image, points: Points) -> Image:  # noqa: ARG001
    """A print on a wall, seen from far aside."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners * (0.34, 1.0) + (0.33 * width, 0)
    seen[1:3, 1] = 0.2 * height, 0.8 * height
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderValue=(150, 160, 165)), np.uint8)


def doubled(image: Image, points: Points) -> Image:
    """Two faces over each other, as in a double exposure."""
    move = np.array([[1, 0, 0.45 * _eye_span(points)], [0, 1, 0.25 * _eye_span(points)]], np.float32)
    other = cv2.warpAffine(image[:, ::-1], move, (image.shape[1], image.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.addWeighted(image, 0.5, np.asarray(other), 0.5, 0), np.uint8)


KINDS: dict[str, Kind] = {
    "cartoon of it": cartoon,
    "pencil drawing of it": pencil,
    "engraved, as on a banknote": banknote,
    "as a statue": statue,
    "surgical mask": surgical_mask,
    "carnival mask": carnival_mask,
    "white full mask": full_mask,
    "back of the head": back_of_head,
    "on a poster, seen from aside": poster,
    "two faces over each other": doubled,
}
"""What is made of a picture of a face."""


def emoji(seed: int, size: int = 320) -> Image:
    """A round smiley on a plain ground; colours, eyes and mouth differ by the seed."""
    rng = np.random.default_rng(seed)
    out = np.full((size, size, 3), rng.integers(120, 256, 3), np.uint8)
    centre, radius = (size // 2, size // 2), int(size * rng.uniform(0.25, 0.4))
    skin = [(60, 205, 250), (140, 190, 240), (90, 140, 200), (255, 255, 255)][seed % 4]
    _disc(out, centre, (radius, radius), skin)
    cv2.circle(out, centre, radius, (30, 60, 90), max(radius // 30, 1), cv2.LINE_AA)
    for side in (-1, 1):
        eye = (centre[0] + int(side * radius * 0.38), centre[1] - int(radius * 0.22))
        _disc(out, eye, (int(radius * 0.1), int(radius * rng.uniform(0.1, 0.2))), (20, 30, 40))
    bend = (0, 180) if seed % 3 else (180, 360)
    mouth = (centre[0], centre[1] + int(radius * (0.25 if seed % 3 else 0.6)))
    reach = (int(radius * 0.5), int(radius * 0.35))
    cv2.ellipse(out, mouth, reach, 0, *bend, (20, 30, 40), max(radius // 14, 2), cv2.LINE_AA)
    return out


def drawn_face(seed: int, size: int = 320) -> Image:
    """A simple face as in a comic: oval head, hair, brows, eyes with pupils, nose and mouth."""
    rng = np.random.default_rng(seed)
    out = np.full((size, size, 3), rng.integers(90, 256, 3), np.uint8)
    cx, cy, rx = size // 2, size // 2, int(size * rng.uniform(0.2, 0.28))
    ry = int(rx * rng.uniform(1.15, 1.4))
    skin = np.array([(170, 205, 245), (130, 175, 225), (80, 120, 170), (200, 220, 250)])[seed % 4]
    hair = rng.integers(10, 150, 3)
    _disc(out, (cx, cy - ry // 4), (int(rx * 1.18), int(ry * rng.uniform(0.95, 1.25))), hair)
    _disc(out, (cx, cy), (rx, ry), skin)
    line, ink = max(size // 110, 1), (30, 35, 50)
    for side in (-1, 1):
        eye = (cx + int(side * rx * 0.42), cy - ry // 8)
        _disc(out, eye, (int(rx * 0.2), int(rx * rng.uniform(0.11, 0.2))), (250, 250, 250))
        cv2.ellipse(out, eye, (int(rx * 0.2), int(rx * 0.15)), 0, 180, 360, ink, line, cv2.LINE_AA)
        _disc(out, eye, (int(rx * 0.09), int(rx * 0.1)), rng.integers(20, 120, 3))
        brow = (eye[0], eye[1] - int(rx * 0.2))
        cv2.ellipse(out, brow, (int(rx * 0.25), int(rx * 0.12)), 0, 200, 340, ink, 2 * line, cv2.LINE_AA)
    cv2.ellipse(out, (cx, cy + ry // 5), (int(rx * 0.14), int(rx * 0.1)), 0, 0, 180, ink, line, cv2.LINE_AA)
    mouth = (cx, cy + int(ry * 0.45))
    cv2.ellipse(out, mouth, (int(rx * 0.38), int(rx * 0.16)), 0, 0, 180, (70, 60, 170), 2 * line, cv2.LINE_AA)
    return out


def _disc(image: Image, centre: tuple[int, int], reach: tuple[int, int], colour: npt.ArrayLike) -> None:
    cv2.ellipse(image, centre, reach, 0, 0, 360, [int(c) for c in np.asarray(colour)], -1, cv2.LINE_AA)


DRAWN: dict[str, Callable[[int], Image]] = {"smileys": emoji, "drawn faces": drawn_face}
"""Pictures by seed that never were a photograph."""
