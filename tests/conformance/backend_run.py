"""Outputs and gradients of every case under whichever backend Keras has.

KERAS_BACKEND=jax python -m conformance.backend_run results.npz
"""

import sys

import keras
import numpy as np
from conformance.cases import CASES


def loss_weights(shape):
    return np.random.default_rng(8).normal(size=shape).astype("float32")


def gradients_jax(layer, images):
    import jax

    def loss(values, images):
        y, _ = layer.stateless_call(values, frozen, images, training=True)
        return (y * loss_weights(y.shape)).sum()

    values = [w.value for w in layer.trainable_variables]
    frozen = [w.value for w in layer.non_trainable_variables]
    by_weight, by_image = jax.jit(jax.grad(loss, (0, 1)))(values, images)
    return [*by_weight, by_image]


def gradients_tensorflow(layer, images):
    import tensorflow as tf

    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        y = layer(images, training=True)
        loss = tf.reduce_sum(y * loss_weights(y.shape))
    return tape.gradient(loss, [*(w.value for w in layer.trainable_variables), images])


def results():
    """Case name, slash, "outputs" or number of the gradient -> array."""
    backend = keras.backend.backend()
    gradients = {"jax": gradients_jax, "tensorflow": gradients_tensorflow}[backend]
    found = {}
    for name, case in CASES.items():
        layer, images = case.make_without_noise(), case.images()
        found[f"{name}/outputs"] = layer(images)
        for number, gradient in enumerate(gradients(layer, images)):
            found[f"{name}/gradient {number}"] = gradient
    return {name: keras.ops.convert_to_numpy(x) for name, x in found.items()}


if __name__ == "__main__":
    np.savez(sys.argv[1], backend=keras.backend.backend(), **results())
