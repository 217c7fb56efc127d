"""Muon for convolutional networks: momentum whose matrix is brought to equal singular values before each step.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; steps scaled to those of AdamW after Liu
et al., "Muon is Scalable for LLM Training", 2025. Keras' Muon leaves kernels of convolutions to AdamW; here they are
taken as matrices of (height x width x channels in) x channels out, as Jordan does.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


class KernelMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Muon on kernels of convolutions, AdamW on the rest: norms, biases, the stem (few inputs) and the heads."""

    def __init__(self, rate: float, *, weight_decay: float, global_clipnorm: float) -> None:
        super().__init__(
            rate, weight_decay=weight_decay, adam_weight_decay=weight_decay, global_clipnorm=global_clipnorm
        )

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4 or variable.shape[2] <= 3

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        m.assign(m * self.momentum + gradient)
        ahead = tf.reshape(gradient + self.momentum * m, (-1, variable.shape[-1]))
        size = float(max(ahead.shape))
        step = tf.reshape(orthogonal(ahead), variable.shape)
        variable.assign_sub(tf.cast(lr, variable.dtype) * (self.rms_rate * size**0.5) * step)


def orthogonal(matrix: Any) -> Any:
    """Nearly the closest matrix with orthonormal rows or columns, by five Newton-Schulz steps in bfloat16."""
    x = tf.cast(matrix / (tf.norm(matrix) + 1e-7), tf.bfloat16)
    wide = matrix.shape[0] < matrix.shape[1]
    a, b, c = (tf.cast(v, tf.bfloat16) for v in NEWTON_SCHULZ)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = tf.matmul(x, x, transpose_b=True) if wide else tf.matmul(x, x, transpose_a=True)
        mixed = b * gram + c * tf.matmul(gram, gram)
        x = a * x + (tf.matmul(mixed, x) if wide else tf.matmul(x, mixed))
    return tf.cast(x, tf.float32)
