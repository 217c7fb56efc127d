"""The trunk of all face networks: a plain ResNet, since plain convolutions learn fastest on CPUs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers as L


class BatchNorm(L.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation whose training step is TensorFlow's fused kernel: a seventh faster on CPUs than Keras'."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training:
            return super().call(inputs, training=False, mask=mask)
        empty = tf.zeros([0])
        out, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=self.gamma, offset=self.beta, mean=empty, variance=empty, epsilon=self.epsilon
        )
        for running, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running * self.momentum + now * (1 - self.momentum))
        return out


def _conv(x: Any, channels: int, kernel: int, stride: int = 1) -> Any:
    x = L.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return BatchNorm(momentum=0.98)(x)


def block(x: Any, channels: int, stride: int = 1) -> Any:
    """A basic residual block (He et al., "Deep Residual Learning", CVPR 2016) with an average-pool shortcut."""
    short = x
    if stride > 1:
        short = L.AveragePooling2D(stride, padding="same")(short)
    if short.shape[-1] != channels:
        short = _conv(short, channels, 1)
    x = L.ReLU()(_conv(x, channels, 3, stride))
    return L.ReLU()(L.Add()([_conv(x, channels, 3), short]))


def scaled(image: Any) -> Any:
    """The preprocessing inside the graph: uint8 to about -2 .. 2."""
    return L.Rescaling(1 / 64.0, offset=-2.0, name="preprocess")(image)


def trunk(x: Any, widths: tuple[int, ...], depths: tuple[int, ...]) -> Any:
    """Two strided convolutions to a quarter, then stages of basic blocks, each after the first at half the size."""
    x = L.ReLU()(_conv(x, widths[0] // 2, 3, 2))
    x = L.ReLU()(_conv(x, widths[0], 3, 2))
    return _stages(x, widths, depths)


def fine_trunk(x: Any, widths: tuple[int, ...], depths: tuple[int, ...]) -> Any:
    """One strided convolution, so that the first stage sees half the crop's size: dearer, and it learns more."""
    x = L.ReLU()(_conv(x, widths[0], 3, 2))
    return _stages(x, widths, depths)


def _stages(x: Any, widths: tuple[int, ...], depths: tuple[int, ...]) -> Any:
    for stage, (channels, depth) in enumerate(zip(widths, depths)):
        for index in range(depth):
            x = block(x, channels, 2 if stage and index == 0 else 1)
    return x
