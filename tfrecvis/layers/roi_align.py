"""RoIAlign: features of fixed size under boxes of any size."""

import keras
from keras import ops

from tfrecvis.layers.arguments import TakesLists
from tfrecvis.ops.box_checks import check_boxes
from tfrecvis.ops.checks import as_pair, check_flag, check_integer, check_number
from tfrecvis.ops.pyramid import check_pyramid
from tfrecvis.ops.roi_align import roi_align


@keras.saving.register_keras_serializable("tfrecvis")
class RoIAlign(TakesLists, keras.layers.Layer):
    """Reads the map under each box at a grid of bins, by bilinear samples.

        start = spatial_scale * (x1, y1) - 1/2    (- 0 unless aligned)
        size  = spatial_scale * (x2 - x1, y2 - y1)
        p[i, k] = start + (i + (k + 1/2) / n) * size / bins    i < bins, k < n
        y[i, j] = mean(map at (p_y[i, k], p_x[j, l]) over k < n_y, l < n_x)

    n is `sampling_ratio`, or, when that is 0, `ceil(size / bins)` of each box and axis.
    Samples more than a pixel outside of the map are zero. Of a pyramid, a box of sides
    w and h is read from level `floor(4 + log2(sqrt(w h) / 224))`.

    While a graph is traced, an adaptive n is at most `ceil(map size / bins)`: exact for
    every box that is no larger than its map. `tfrecvis.ops.roi_align` says how it is
    computed. Boxes are float32 whatever the policy: half precision would shift them by
    pixels.

    Reference: He et al., 2017, section 3 (https://arxiv.org/abs/1703.06870); numbers
    are those of torchvision's `roi_align` and Detectron2's `ROIAlign`.

    Args:
        output_size: Integer or pair of integers, bins (down, across).
        spatial_scale: Float, pixels of the map per pixel of the image; for a pyramid, a
            tuple of one for each map, such as `(1/4, 1/8, 1/16)`.
        sampling_ratio: Integer, samples per bin and axis; 0 is adaptive.
        aligned: Whether pixel centres lie at .5. False is the first form of the
            operator, which reads half a pixel too far.
        box_gradients: Whether gradients flow to the boxes, besides to the maps.
        canonical_size: Number, side in pixels of a box that belongs to
            `canonical_level`.
        canonical_level: Integer; level k has a spatial scale of 2^-k.

    Call arguments:
        maps: Float tensor `(batch, height, width, channels)`, or a list of them, the
            finest first.
        boxes: Float tensor `(batch, boxes, 4)`, xyxy, absolute pixels of the image,
            pixel i spans [i, i+1).

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, boxes, rows, columns, channels)`.

    Raises:
        ValueError: An argument is out of range, the scales do not fit the maps, or the
            boxes are not xyxy in pixels.

    Example:

    >>> maps = keras.ops.reshape(keras.ops.arange(25.0), (1, 5, 5, 1))
    >>> y = RoIAlign(2)(maps, boxes=[[[0.5, 0.5, 4.0, 4.0]]])
    >>> keras.ops.convert_to_numpy(y)[0, 0, ..., 0].tolist()
    [[5.25, 7.0], [14.0, 15.75]]
    """

    lists_of_tensors = ("maps",)

    def __init__(
        self,
        output_size=7,
        spatial_scale=1.0,
        sampling_ratio=2,
        aligned=True,
        box_gradients=False,
        canonical_size=224,
        canonical_level=4,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        as_pair("output_size", output_size)
        scales = spatial_scale if isinstance(spatial_scale, (tuple, list)) else None
        for scale in [spatial_scale] if scales is None else scales:
            hint = "It is a float, or for a pyramid a tuple of floats."
            check_number("spatial_scale", scale, positive=True, hint=hint)
        hint = "Use 0 for as many samples as a bin has pixels."
        check_integer("sampling_ratio", sampling_ratio, least=0, hint=hint)
        check_flag("aligned", aligned)
        check_flag("box_gradients", box_gradients)
        check_number("canonical_size", canonical_size, positive=True)
        check_integer("canonical_level", canonical_level, least=0)
        self.output_size = output_size
        self.spatial_scale = spatial_scale if scales is None else tuple(scales)
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned
        self.box_gradients = box_gradients
        self.canonical_size = canonical_size
        self.canonical_level = canonical_level

    def call(self, maps, boxes):
        several = isinstance(maps, (list, tuple))
        first = maps[0] if several else maps
        check_boxes(
            "boxes",
            boxes,
            pixels=True,
            **{
                "maps[0]" if several else "maps": ("batch height width channels", first)
            },
        )
        maps = keras.tree.map_structure(lambda m: ops.cast(m, self.compute_dtype), maps)
        return roi_align(
            maps,
            boxes,
            as_pair("output_size", self.output_size),
            self.spatial_scale,
            self.sampling_ratio,
            self.aligned,
            self.box_gradients,
            self.canonical_size,
            self.canonical_level,
        )

    def compute_output_shape(self, maps_shape, boxes_shape):
        several = isinstance(maps_shape[0], (list, tuple))
        shapes = maps_shape if several else [maps_shape]
        check_pyramid([keras.KerasTensor(s) for s in shapes], self.spatial_scale)
        size = as_pair("output_size", self.output_size)
        return (*boxes_shape[:2], *size, shapes[0][-1])

    def get_config(self):
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "spatial_scale": self.spatial_scale,
            "sampling_ratio": self.sampling_ratio,
            "aligned": self.aligned,
            "box_gradients": self.box_gradients,
            "canonical_size": self.canonical_size,
            "canonical_level": self.canonical_level,
        }
