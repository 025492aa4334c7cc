"""The windows that a convolutional net slides over an image."""

import keras
from keras import ops

from tfrecvis.ops.cell_boxes import cell_centres
from tfrecvis.ops.checks import check_given, check_integer, check_number
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class SlidingWindows(keras.layers.Layer):
    """One window for each position of a map, in pixels of an image before scaling.

    The window of column i and row j has the centre ((i + 1/2) s, (j + 1/2) s) and the
    side `size` in the image that the net saw, which may be a resized one: the windows
    of that are stretched back to the image as it was before.

    Reference: Sermanet et al., 2014, section 3.5 (https://arxiv.org/abs/1312.6229).

    Args:
        stride: Integer s, pixels of the image that the net saw between windows.
        size: Number, side of a window in pixels of that image.

    Call arguments:
        maps: Tensor `(batch, rows, columns, channels)`, of which only the size is read,
            as of the others.
        scaled: Tensor `(batch, height, width, channels)`, the image that the net saw.
        images: Tensor `(batch, height, width, channels)`, as it was before.

    Input shape: `(batch, rows, columns, channels)`; rows and columns may be None.
    Output shape: `(rows * columns, 4)`, float32, xyxy, absolute pixels of `images`; row
        after row. Windows may cross the border.

    Raises:
        ValueError: An argument is out of range, or one is missing or no image.

    Example:

    >>> maps, scaled, images = (ops.ones((1, n, n, 3)) for n in (1, 8, 20))
    >>> found = SlidingWindows(stride=8, size=4)(maps, scaled=scaled, images=images)
    >>> ops.convert_to_numpy(found).tolist()
    [[5.0, 5.0, 15.0, 15.0]]
    """

    def __init__(self, stride, size, **kwargs):
        super().__init__(autocast=False, **kwargs)
        check_integer("stride", stride)
        check_number("size", size, positive=True)
        self.stride = stride
        self.size = size
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, maps, scaled, images):
        self._check(scaled, images)
        _, rows, columns, _ = ops.shape(maps)
        before, after = (
            ops.cast(ops.stack([x[2], x[1]]), "float32")  # width, height
            for x in (ops.shape(images), ops.shape(scaled))
        )
        centres = ops.reshape(cell_centres(rows, columns, self.stride), (-1, 2))
        half = self.size / 2
        windows = ops.concatenate([centres - half, centres + half], -1)
        return windows * ops.concatenate([before / after] * 2)

    def _check(self, scaled, images):
        for name, value in (("scaled", scaled), ("images", images)):
            check_given(name, value, f"Use `layer(maps, ..., {name}={name})`.")
        check_shapes(scaled=("batch scaled_height scaled_width channels", scaled))
        check_shapes(images=("batch height width channels", images))

    def compute_output_shape(self, maps_shape):
        _, rows, columns, _ = maps_shape
        return (None if None in (rows, columns) else rows * columns, 4)

    def compute_output_spec(self, maps, scaled, images):
        self._check(scaled, images)
        return keras.KerasTensor(self.compute_output_shape(maps.shape), "float32")

    def get_config(self):
        return {**super().get_config(), "stride": self.stride, "size": self.size}
