"""Padding to a size that a network with strides takes."""

import keras
from keras import ops

from tfrecvis.ops.checks import check_integer


@keras.saving.register_keras_serializable("tfrecvis")
class PadToMultiple(keras.layers.Layer):
    """Pads the bottom and the right with zeros, up to a multiple of `multiple`.

    The first pixel stays where it is, so that `CropToMatch` undoes it.

    Args:
        multiple: Positive integer, in pixels; height and width of the output divide
            by it. Use the stride of the network.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`.

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
        check_integer("multiple", multiple)
        self.multiple = multiple
        self.input_spec = keras.layers.InputSpec(ndim=4)

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
