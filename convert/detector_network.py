"""The face detector's network: a small pyramid of plain convolutions that OpenCV's ``FaceDetectorYN`` runs.

Plain 3 x 3 convolutions with few channels are used instead of separable ones: at equal running time they train about
1.5 times faster on a CPU. Stride-2 convolutions are padded explicitly (OpenCV's DNN shifts "same" ones).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

STRIDES = (8, 16, 32)
HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""Channels of each head; ``cls`` and ``obj`` come out as probabilities when exported, as logits in training."""
CHANNELS = sum(HEADS.values())
PRIOR = -4.0
"""Start of the bias of both score heads: nearly everything is background."""


def _convolution(x: Any, channels: int, name: str, stride: int = 1, kernel: int = 3) -> Any:
    if stride == 2:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.Conv2D(channels, kernel, strides=stride, padding=padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def build(
    *, exported: bool = False, stem: int = 16, widths: tuple[int, int, int] = (32, 48, 64), neck: int = 32
) -> keras.Model:
    """The network: B x H x W x 3 BGR 0..255 in, H and W multiples of 32.

    With ``exported`` the outputs are the twelve of ``FaceDetectorYN`` (cls_8 cls_16 cls_32 obj_8 ... kps_32, each
    B x (H/s * W/s) x C, scores as probabilities); otherwise one float32 tensor B x A x 16 holding the logits of cls and
    obj, then box and points, of the strides 8, 16, 32 one after another. Layers of both carry the same names.
    """
    image = keras.Input((None, None, 3), name="input")
    x = layers.Rescaling(1 / 64.0, offset=-2.0, name="scale")(image)
    x = _convolution(x, stem, "stem", 2)
    x = _convolution(x, widths[0], "down4", 2)
    x = _convolution(x, widths[0], "down8", 2)
    x = _convolution(x, widths[0], "stage8a")
    c8 = _convolution(x, widths[0], "stage8b")
    x = _convolution(c8, widths[1], "down16", 2)
    c16 = _convolution(x, widths[1], "stage16")
    x = _convolution(c16, widths[2], "down32", 2)
    x = _convolution(x, widths[2], "stage32a")
    # two more here cost little at this stride and widen the view to 380 px, for faces that fill the frame
    x = _convolution(x, widths[2], "stage32b")
    c32 = _convolution(x, widths[2], "stage32c")

    p32 = _convolution(c32, neck, "lateral32", kernel=1)
    up = layers.UpSampling2D(2, name="up16")(p32)
    p16 = layers.Add(name="sum16")([_convolution(c16, neck, "lateral16", kernel=1), up])
    p16 = _convolution(p16, neck, "smooth16")
    up = layers.UpSampling2D(2, name="up8")(p16)
    p8 = layers.Add(name="sum8")([_convolution(c8, neck, "lateral8", kernel=1), up])
    p8 = _convolution(p8, neck, "smooth8")

    heads: dict[str, Any] = {}
    for stride, level in zip(STRIDES, (p8, p16, p32)):
        shared = _convolution(level, neck, f"head{stride}")
        for head, channels in HEADS.items():
            bias = keras.initializers.Constant(PRIOR if head in ("cls", "obj") else 0.0)
            name = f"{head}{stride}_conv"
            out = layers.Conv2D(channels, 1, bias_initializer=bias, dtype="float32", name=name)(shared)
            if exported and head in ("cls", "obj"):
                out = layers.Activation("sigmoid", dtype="float32", name=f"{head}{stride}_sigmoid")(out)
            name = f"{head}_{stride}"
            heads[name] = layers.Reshape((-1, channels), dtype="float32", name=name)(out)
    if exported:
        return keras.Model(image, [heads[f"{head}_{stride}"] for head in HEADS for stride in STRIDES])
    rows = [
        layers.Concatenate(axis=-1, dtype="float32", name=f"row{stride}")([heads[f"{head}_{stride}"] for head in HEADS])
        for stride in STRIDES
    ]
    return keras.Model(image, layers.Concatenate(axis=1, dtype="float32", name="rows")(rows))
