"""What a Keras user has today: the nearest layers of Keras."""

import keras
from keras import ops


class Sweeps(keras.layers.Layer):
    """ReNet written with `keras.layers.LSTM`.

    Example:

    >>> Sweeps(4)(ops.ones((2, 3, 5, 6))).shape
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
        x = ops.transpose(images, (0, 2, 1, 3))  # (B, W, H, C)
        x = self._sweep(x, self.vertical, training)
        x = ops.transpose(x, (0, 2, 1, 3))
        return self._sweep(x, self.horizontal, training)

    def _sweep(self, x, layer, training):
        _, lanes, steps, channels = ops.shape(x)
        y = layer(ops.reshape(x, (-1, steps, channels)), training=training)
        return ops.reshape(y, (-1, lanes, steps, 2 * self.units))


def pixels_in_a_row(units, copies):
    """`keras.layers.LSTM` over all pixels of an image, `copies` times two directions.

    Example:

    >>> pixels_in_a_row(4, copies=2)()(ops.ones((2, 3, 5, 6))).shape
    TensorShape([2, 15, 8])
    """

    def make():
        rows = [keras.layers.Lambda(_one_row)]
        for _ in range(copies):
            lstm = keras.layers.LSTM(units, return_sequences=True)
            rows.append(keras.layers.Bidirectional(lstm))
        return keras.Sequential(rows)

    return make


def lstm_of_keras(units, depth=1):
    """A stack of `keras.layers.LSTM`.

    Example:

    >>> lstm_of_keras(4, depth=2)()(ops.ones((2, 3, 5))).shape
    TensorShape([2, 3, 4])
    """
    return lambda: keras.Sequential(
        [keras.layers.LSTM(units, return_sequences=True) for _ in range(depth)]
    )


def each_pixel_again(units, steps):
    """`keras.layers.LSTM` over the features of each pixel, repeated at every step.

    Example:

    >>> each_pixel_again(4, steps=5)()(ops.ones((2, 3, 5, 6))).shape
    TensorShape([30, 5, 4])
    """

    def pixels(images):
        return ops.reshape(images, (-1, images.shape[-1]))

    return lambda: keras.Sequential(
        [
            keras.layers.Lambda(pixels),
            keras.layers.RepeatVector(steps),
            keras.layers.LSTM(units, return_sequences=True),
        ]
    )


def convolutional(units, depth):
    """`keras.layers.ConvLSTM2D` that reads the map `depth` times over.

    Example:

    >>> convolutional(4, depth=2)()(ops.ones((2, 3, 5, 6))).shape
    TensorShape([2, 3, 5, 4])
    """

    def make():
        return keras.Sequential(
            [
                keras.layers.Lambda(lambda x: ops.repeat(x[:, None], depth, 1)),
                keras.layers.ConvLSTM2D(units, 3, padding="same"),
            ]
        )

    return make


def _one_row(images):
    return ops.reshape(images, (ops.shape(images)[0], -1, images.shape[-1]))
