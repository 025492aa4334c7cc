"""ReNet beside four `keras.layers.LSTM` sweeps and the bare matrix products."""

import keras
import numpy as np
import tensorflow as tf

from tfrecvis.layers import ReNet

# (batch, height, width, channels, units)
CASES = ((8, 56, 56, 64, 128), (64, 28, 28, 32, 64))


class KerasSweeps(keras.layers.Layer):
    """ReNet written with `keras.layers.LSTM`: what a Keras user has today.

    Example:

    >>> KerasSweeps(4)(keras.ops.ones((2, 3, 5, 6))).shape
    TensorShape([2, 3, 5, 8])
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.vertical, self.horizontal = (
            keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))
            for _ in range(2)
        )

    def call(self, images, training=False):
        x = keras.ops.transpose(images, (0, 2, 1, 3))  # (B, W, H, C)
        x = self._sweep(x, self.vertical, training)
        x = keras.ops.transpose(x, (0, 2, 1, 3))
        return self._sweep(x, self.horizontal, training)

    def _sweep(self, x, layer, training):
        batch, lanes, steps, channels = keras.ops.shape(x)
        y = layer(keras.ops.reshape(x, (-1, steps, channels)), training=training)
        return keras.ops.reshape(y, (batch, lanes, steps, 2 * self.units))


class MatrixProducts:
    """The matrix products of ReNet and of its gradient, and nothing else.

    Each of the four sweeps: the input product, one recurrent product a step; for the
    training step also one product back a step, and the gradients of both kernels and
    of the input, each as one product.

    Example:

    >>> work = MatrixProducts((2, 3, 5, 6, 4))
    >>> bool(work.forward() != 0)
    True
    """

    def __init__(self, case):
        batch, height, width, channels, units = case
        rng = np.random.default_rng(0)

        def draw(*shape):
            return tf.constant(rng.standard_normal(shape, "f") * 0.05)

        self.sweeps = []
        for steps, lanes, features in (
            (height, batch * width, channels),
            (width, batch * height, 2 * units),
        ):
            sweep = {
                "x": draw(steps * lanes, features),
                "h": draw(lanes, units),
                "hidden": draw(steps * lanes, units),
                "dz": draw(steps * lanes, 4 * units),
                "dz_step": draw(lanes, 4 * units),
                "kernel": draw(features, 4 * units),
                "recurrent": draw(units, 4 * units),
                "steps": steps,
            }
            self.sweeps += [sweep, sweep]

    def forward(self):
        total = 0.0
        for s in self.sweeps:
            z = tf.matmul(s["x"], s["kernel"])

            def step(t, h, s=s):
                return t + 1, tf.matmul(h, s["recurrent"])[:, : h.shape[-1]]

            h = tf.while_loop(
                lambda t, _, s=s: t < s["steps"],
                step,
                (0, s["h"]),
                maximum_iterations=s["steps"],
            )[1]
            total += z[0, 0] + h[0, 0]
        return total

    def training(self):
        total = self.forward()
        for s in self.sweeps:
            recurrent = tf.transpose(s["recurrent"])
            units = recurrent.shape[1]

            def step(t, dz, recurrent=recurrent):
                back = tf.matmul(dz, recurrent)
                return t + 1, tf.concat([back] * 4, -1)

            dz = tf.while_loop(
                lambda t, _, s=s: t < s["steps"],
                step,
                (0, s["dz_step"]),
                maximum_iterations=s["steps"],
            )[1]
            products = (
                tf.matmul(s["x"], s["dz"], transpose_a=True),
                tf.matmul(s["hidden"], s["dz"], transpose_a=True),
                tf.matmul(s["dz"], s["kernel"], transpose_b=True),
            )
            total += dz[0, units] + sum(p[0, 0] for p in products)
        return total


def layer_functions(layer, case, jit_compile):
    """`(forward, training)` functions without arguments for a layer on random images.

    Example:

    >>> forward, training = layer_functions(ReNet(4), (2, 3, 5, 6, 4), False)
    >>> forward().shape, len(training())
    (TensorShape([2, 3, 5, 8]), 7)
    """
    images = tf.random.stateless_normal(case[:4], seed=(0, 0))
    # Built on a corner: an eager call of the whole would count as the peak of memory.
    layer(images[:1, :2, :2])
    variables = [v.value for v in layer.trainable_variables]

    @tf.function(jit_compile=jit_compile)
    def forward(images):
        return layer(images, training=False)

    @tf.function(jit_compile=jit_compile)
    def training(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.square(layer(images, training=True)))
        return tape.gradient(loss, [images, *variables])

    return lambda: forward(images), lambda: training(images)


def contenders(case, jit_compile):
    """Every function that the race compares, under `(name, pass)`.

    Example:

    >>> len(contenders((2, 3, 5, 6, 4), jit_compile=False))
    6
    """
    work = MatrixProducts(case)
    pairs = {
        "tfrecvis": layer_functions(ReNet(case[-1]), case, jit_compile),
        "keras": layer_functions(KerasSweeps(case[-1]), case, jit_compile),
        "matrix_products": (
            tf.function(work.forward, jit_compile=jit_compile),
            tf.function(work.training, jit_compile=jit_compile),
        ),
    }

    def wait(function):
        # Reading one value waits for the whole computation.
        return lambda: np.asarray(tf.nest.flatten(function())[0])

    return {
        (name, passes): wait(function)
        for name, pair in pairs.items()
        for passes, function in zip(("forward", "training"), pair, strict=True)
    }
