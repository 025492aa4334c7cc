"""Cropping to the size of another map."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfrecvis")
class CropToMatch(keras.layers.Layer):
    """Crops the bottom and the right of a map to the size of another one.

    It undoes `PadToMultiple`: `CropToMatch()(PadToMultiple(8)(images), images)` is
    `images`.

    Call arguments:
        maps: Tensor `(batch, height, width, channels)`, the map to crop.
        like: Tensor `(batch, h, w, ...)` with h <= height and w <= width.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, h, w, channels)`.

    Raises:
        ValueError: `maps` is not of rank 4.

    Example:

    >>> maps, like = keras.Input((16, 16, 5)), keras.Input((9, 16, 3))
    >>> CropToMatch()(maps, like).shape
    (None, 9, 16, 5)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, maps_shape, like_shape):
        pass  # without it, Keras could not build the layer from a file's two shapes

    def call(self, maps, like):
        shape = ops.shape(like)
        return maps[:, : shape[1], : shape[2]]

    def compute_output_shape(self, maps_shape, like_shape):
        return maps_shape[0], like_shape[1], like_shape[2], maps_shape[3]
