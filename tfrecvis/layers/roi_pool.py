"""RoIPool: the first pooling of boxes of any size to features of fixed size."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists
from tfrecvis.ops.box_checks import check_boxes
from tfrecvis.ops.checks import as_pair, check_number
from tfrecvis.ops.pyramid import check_pyramid
from tfrecvis.ops.roi_pool import roi_pool


@keras.saving.register_keras_serializable("tfrecvis")
class RoIPool(TakesLists, keras.layers.Layer):
    """Takes the largest value in each bin of a grid over each box.

        x1, y1, x2, y2 = round(spatial_scale * box)    half away from zero
        size = x2 - x1 + 1                             at least 1
        first[i] = x1 + floor(i * size / bins)
        last[i]  = x1 + ceil((i + 1) * size / bins)    not part of the bin
        y[i, j]  = max(map over the pixels of row bin i and column bin j)

    A bin without pixels is 0. Rounding moves features by up to half a pixel of the map:
    use `RoIAlign` unless a paper asks for this one. Boxes are float32 whatever the
    policy, and have no gradient. While a graph is traced, boxes no larger than the map
    are exact.

    Reference: Girshick, 2015, section 2.1 (https://arxiv.org/abs/1504.08083).

    Args:
        output_size: Integer or pair of integers, bins (down, across).
        spatial_scale: Float, pixels of the map per pixel of the image.

    Call arguments:
        maps: Float tensor `(batch, height, width, channels)`.
        boxes: Float tensor `(batch, boxes, 4)`, xyxy, absolute pixels of the image.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, boxes, rows, columns, channels)`.

    Raises:
        ValueError: An argument is out of range, or the boxes are not xyxy in pixels.

    Example:

    >>> maps = keras.ops.reshape(keras.ops.arange(16.0), (1, 4, 4, 1))
    >>> y = RoIPool(2)(maps, boxes=[[[0.0, 0.0, 3.0, 3.0]]])
    >>> keras.ops.convert_to_numpy(y)[0, 0, ..., 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    def __init__(self, output_size=7, spatial_scale=1.0, **kwargs):
        super().__init__(autocast=False, **kwargs)
        as_pair("output_size", output_size)
        check_number("spatial_scale", spatial_scale, positive=True)
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, maps, boxes):
        spec = "batch height width channels"
        check_boxes("boxes", boxes, pixels=True, maps=(spec, maps))
        check_pyramid(maps, self.spatial_scale)
        return roi_pool(
            ops.cast(maps, self.compute_dtype),
            boxes,
            as_pair("output_size", self.output_size),
            self.spatial_scale,
        )

    def compute_output_shape(self, maps_shape, boxes_shape):
        size = as_pair("output_size", self.output_size)
        return (*boxes_shape[:2], *size, maps_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "spatial_scale": self.spatial_scale,
        }
