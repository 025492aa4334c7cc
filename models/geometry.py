"""Layers that let a model with strides take images of any size."""

from numbers import Integral

import keras
from keras import ops

_SERIALIZABLE = keras.saving.register_keras_serializable("tfrecvis")


def _check_rank(layer, shape):
    if len(shape) != 4:
        raise ValueError(
            f"`{layer}` expects a tensor of rank 4, (batch, height, width, "
            f"channels). Received: shape={tuple(shape)}. Add the batch axis with "
            "`images[None]`."
        )


@_SERIALIZABLE
class PadToMultiple(keras.layers.Layer):
    """Pads the bottom and the right with zeros, up to a multiple of `multiple`.

    The first pixel stays where it is, so that `CropToMatch` undoes it.

    Args:
        multiple: Positive integer; height and width of the output divide by it.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: the same, with height and width rounded up.

    Raises:
        ValueError: `multiple` is not positive, or the input is not of rank 4.

    Example:

    >>> PadToMultiple(8)(keras.Input((9, 16, 3))).shape
    (None, 16, 16, 3)
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(multiple, Integral) or multiple < 1:
            raise ValueError(
                "`multiple` must be a positive integer, in pixels. Received: "
                f"multiple={multiple!r}. Use the stride of the network, such as 8."
            )
        self.multiple = multiple

    def build(self, input_shape):
        _check_rank("PadToMultiple", input_shape)

    def call(self, images):
        _, height, width, _ = ops.shape(images)
        bottom = -height % self.multiple
        right = -width % self.multiple
        return ops.pad(images, [[0, 0], [0, bottom], [0, right], [0, 0]])

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (
            None if size is None else size + -size % self.multiple
            for size in (height, width)
        )
        return batch, height, width, channels

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


@_SERIALIZABLE
class CropToMatch(keras.layers.Layer):
    """Crops the bottom and the right of a map to the size of another one.

    Call arguments:
        maps: Tensor `(batch, height, width, channels)`, the map to crop.
        like: Tensor `(batch, h, w, ...)` with h <= height and w <= width.

    Output shape: `(batch, h, w, channels)`.

    Raises:
        ValueError: `maps` is not of rank 4.

    Example:

    >>> maps, like = keras.Input((16, 16, 5)), keras.Input((9, 16, 3))
    >>> CropToMatch()(maps, like).shape
    (None, 9, 16, 5)
    """

    def build(self, maps_shape, like_shape):
        _check_rank("CropToMatch", maps_shape)

    def call(self, maps, like):
        shape = ops.shape(like)
        return maps[:, : shape[1], : shape[2]]

    def compute_output_shape(self, maps_shape, like_shape):
        return maps_shape[0], like_shape[1], like_shape[2], maps_shape[3]


@_SERIALIZABLE
class Upsample(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation.

    Equal to `keras.ops.image.resize` to twice the size (half-pixel centres, edges
    repeated), but made of shifts and sums: on two cores its training step costs a
    fraction of the resize operator's, and LiteRT and ONNX need no resize operator.

        y[2r]     = 3/4 x[r] + 1/4 x[r-1]
        y[2r + 1] = 3/4 x[r] + 1/4 x[r+1]

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, 2 * height, 2 * width, channels)`.

    Raises:
        ValueError: the input is not of rank 4.

    Example:

    >>> maps = Upsample()(keras.ops.reshape([0.0, 4.0], (1, 1, 2, 1)))
    >>> keras.ops.convert_to_numpy(maps)[0, 0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    def build(self, input_shape):
        _check_rank("Upsample", input_shape)

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
