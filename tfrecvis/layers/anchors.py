"""Anchors: the boxes that a detector moves and sizes."""

import keras
from keras import ops

from tfrecvis.ops.anchors import anchor_shapes, pyramid_anchors
from tfrecvis.ops.checks import check_integer


@keras.saving.register_keras_serializable("tfrecvis")
class Anchors(keras.layers.Layer):
    """Boxes of fixed sizes at every place of the maps of a pyramid.

        centre of column i, row j: ((i + 1/2) * stride, (j + 1/2) * stride)
        w = size / sqrt(ratio),  h = size * sqrt(ratio)

    Reference: Ren et al., 2015, section 3.1.1 (https://arxiv.org/abs/1506.01497); with
    `squares` and ratios of each map the default boxes of Liu et al., 2016, section 2.2
    (https://arxiv.org/abs/1512.02325).
    Differs from the first: centres lie in the middle of their cells, not at a corner.

    Args:
        strides: List of integers, pixels of the image per pixel of each map.
        sizes: List of lists of numbers, pixels: the square roots of the anchors' areas
            on each map.
        ratios: List of numbers, height over width, for all maps; or a list of lists,
            one for each map.
        squares: List of lists of numbers, pixels: sides of square anchors that each map
            has besides, or None.

    Call arguments:
        maps: List of tensors `(batch, height, width, channels)`, one for each stride.

    Input shape: a list of `(batch, height, width, channels)`.
    Output shape: `(anchors of all maps, 4)`, float32, xyxy, absolute pixels; map after
        map, row after row, and in each place size after size, each with all ratios,
        and then the squares.

    Raises:
        ValueError: The lists do not fit each other, or a number is out of range.

    Example:

    >>> maps = [ops.zeros((1, 2, 2, 8)), ops.zeros((1, 1, 1, 8))]
    >>> boxes = Anchors([8, 16], sizes=[[16], [32]], ratios=[1.0])(maps)
    >>> ops.convert_to_numpy(boxes)[0].tolist(), boxes.shape[0]
    ([-4.0, -4.0, 12.0, 12.0], 5)
    """

    def __init__(self, strides, sizes, ratios=(0.5, 1.0, 2.0), squares=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if not isinstance(strides, (list, tuple)) or not strides:
            raise ValueError(
                "`strides` must be a list with one integer for each map. Received: "
                f"strides={strides!r}."
            )
        for stride in strides:
            check_integer("strides", stride)
        count = len(strides)
        own_ratios = (
            isinstance(ratios, (list, tuple))
            and ratios
            and isinstance(ratios[0], (list, tuple))
        )
        every = ratios if own_ratios else [ratios] * count
        given = {"sizes": sizes, "ratios": every, "squares": squares or [()] * count}
        for name, lists in given.items():
            if not isinstance(lists, (list, tuple)) or len(lists) != count:
                raise ValueError(
                    f"`{name}` must be a list with one list for each of the {count} "
                    f"maps. Received: {name}={lists!r}."
                )
        # Widths and heights on each map, checked.
        shapes = [anchor_shapes(*level) for level in zip(*given.values(), strict=True)]
        self.counts = [len(level) for level in shapes]
        self.strides = list(strides)
        self.sizes = [list(level) for level in sizes]
        self.ratios = [list(r) for r in ratios] if own_ratios else list(ratios)
        self.squares = squares and [list(level) for level in squares]

    def call(self, maps):
        self._check(maps)
        map_sizes = [ops.shape(m)[1:3] for m in maps]
        return pyramid_anchors(
            map_sizes,
            self.strides,
            self.sizes,
            self.ratios,
            offset=0.5,
            squares=self.squares,
        )

    def _check(self, maps):
        if not isinstance(maps, (list, tuple)) or len(maps) != len(self.strides):
            count = len(maps) if isinstance(maps, (list, tuple)) else "no list of"
            raise ValueError(
                f"`maps` must be a list of {len(self.strides)} maps, one for each "
                f"stride. Received: {count} maps."
            )

    def compute_output_shape(self, maps_shape):
        counts = [
            None if None in shape[1:3] else shape[1] * shape[2] * count
            for shape, count in zip(maps_shape, self.counts, strict=True)
        ]
        return (None if None in counts else sum(counts), 4)

    def compute_output_spec(self, maps):
        self._check(maps)
        shape = self.compute_output_shape([m.shape for m in maps])
        return keras.KerasTensor(shape, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "strides": self.strides,
            "sizes": self.sizes,
            "ratios": self.ratios,
            "squares": self.squares,
        }
