"""Images of another scale, for models that look at several."""

import keras
from keras import ops

from tfrecvis.ops.checks import check_number


@keras.saving.register_keras_serializable("tfrecvis")
class ResizeImages(keras.layers.Layer):
    """Resizes images by a factor, bilinearly (half-pixel centres, edges repeated).

        height' = round(factor * height),  width' = round(factor * width)

    and at least 1. No antialiasing is done.

    Args:
        factor: Number above 0.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height', width', channels)`.

    Raises:
        ValueError: `factor` is not above 0, or the input is not of rank 4.

    Example:

    >>> ResizeImages(1.5)(ops.ones((1, 8, 5, 3))).shape
    TensorShape([1, 12, 8, 3])
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        check_number("factor", factor, positive=True)
        self.factor = factor
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, images):
        # Not `ops.image.resize`, which takes no size that is known at run time only.
        x = ops.cast(images, self.compute_dtype)
        for axis in (1, 2):
            x = self._resized(x, axis)
        return x

    def _resized(self, x, axis):
        """A mean of the two nearest rows, or columns, for each new one."""
        side = ops.shape(x)[axis]
        new = self._scaled(side)
        if isinstance(side, int) and new == side:
            return x
        ratio = ops.cast(side, "float32") / ops.cast(new, "float32")
        place = (ops.arange(new, dtype="float32") + 0.5) * ratio - 0.5
        place = ops.clip(place, 0, ops.cast(side - 1, "float32"))
        before = ops.cast(ops.floor(place), "int32")
        after = ops.minimum(before + 1, side - 1)
        share = place - ops.floor(place)
        share = ops.reshape(share, (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1))
        share = ops.cast(share, x.dtype)
        near, far = (ops.take(x, places, axis=axis) for places in (before, after))
        return near * (1 - share) + far * share

    def _scaled(self, side):
        if isinstance(side, int):
            return max(1, int(side * self.factor + 0.5))
        side = ops.cast(side, "float32") * self.factor + 0.5
        return ops.maximum(ops.cast(side, "int32"), 1)

    def compute_output_shape(self, images_shape):
        batch, *sides, channels = images_shape
        sides = [None if side is None else self._scaled(side) for side in sides]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
