"""Bilinear interpolation to twice the size."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfrecvis")
class Upsample(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation.

    Equal to `keras.ops.image.resize` to twice the size (half-pixel centres, edges
    repeated), but made of shifts and sums: on two cores its training step costs a
    fraction of the resize operator's, and LiteRT and ONNX need no resize operator.

        y[2r]     = 3/4 x[r] + 1/4 x[r-1]
        y[2r + 1] = 3/4 x[r] + 1/4 x[r+1]

    Call arguments:
        maps: Float tensor `(batch, height, width, channels)`.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, 2 * height, 2 * width, channels)`.

    Raises:
        ValueError: the input is not of rank 4.

    Example:

    >>> maps = Upsample()(keras.ops.reshape([0.0, 4.0], (1, 1, 2, 1)))
    >>> keras.ops.convert_to_numpy(maps)[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, maps):
        _, height, width, channels = ops.shape(maps)
        # (B, H, 2, W, C): both halves of a row pair beside each other
        before = ops.concatenate([maps[:, :1], maps[:, :-1]], 1)
        after = ops.concatenate([maps[:, 1:], maps[:, -1:]], 1)
        maps = ops.stack([maps * 0.75 + before * 0.25, maps * 0.75 + after * 0.25], 2)
        maps = ops.reshape(maps, (-1, 2 * height, width, channels))
        before = ops.concatenate([maps[:, :, :1], maps[:, :, :-1]], 2)
        after = ops.concatenate([maps[:, :, 1:], maps[:, :, -1:]], 2)
        maps = ops.stack([maps * 0.75 + before * 0.25, maps * 0.75 + after * 0.25], 3)
        return ops.reshape(maps, (-1, 2 * height, 2 * width, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (None if size is None else 2 * size for size in (height, width))
        return batch, height, width, channels
