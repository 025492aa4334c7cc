"""RoIPool: the largest value in each bin of a grid over each box."""

import math

from keras import ops

from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.chunks import in_chunks
from tfrecvis.ops.likeliest import lowest

OUTSIDE = -(2**29)  # the place of no pixel; the sum of two is still an integer


def roi_pool(maps, boxes, output_size=7, spatial_scale=1.0):
    """Maximum over the pixels of each bin of a grid over each box.

        x1, y1, x2, y2 = round(spatial_scale * box)    half away from zero
        size = x2 - x1 + 1                             at least 1
        first[i] = x1 + floor(i * size / bins)
        last[i]  = x1 + ceil((i + 1) * size / bins)    not part of the bin
        y[i, j]  = max(map over the pixels of row bin i and column bin j)

    Bins are cut to the map, and one without pixels is 0. While a graph is traced, a bin
    has at most `ceil((map size + 1) / bins) + 1` pixels on each axis: a box no larger
    than its map is exact, and of a larger one the last pixels of its bins are not seen.
    Eager calls have no such bound. The gradient goes to the maps only.

    Reference: Girshick, 2015, section 2.1 (https://arxiv.org/abs/1504.08083); rounding
    as in torchvision's `roi_pool`.

    Args:
        maps: Float tensor `(B, H, W, C)`.
        boxes: Float tensor `(B, N, 4)`, xyxy, pixels of the image.
        output_size: Integer or pair, bins (down, across).
        spatial_scale: Float, pixels of the map per pixel of the image.

    Returns:
        Float tensor `(B, N, *output_size, C)`, of the dtype of the maps.

    Example:

    >>> maps = ops.reshape(ops.arange(16.0), (1, 4, 4, 1))
    >>> y = roi_pool(maps, ops.convert_to_tensor([[[0.0, 0.0, 3.0, 3.0]]]), 2)
    >>> ops.convert_to_numpy(y)[0, 0, ..., 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """
    bins = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
    boxes = ops.stop_gradient(ops.cast(boxes, "float32")) * spatial_scale
    # `round` would take halves to the even number.
    boxes = ops.sign(boxes) * ops.floor(ops.abs(boxes) + 0.5)
    boxes = ops.cast(boxes, "int32")
    given = boxes.shape[1]
    if given in (0, None):  # there must be a largest value
        boxes = ops.pad(boxes, [(0, 0), (0, 1), (0, 0)])
    batch, height, width, channels = ops.shape(maps)
    count = ops.shape(boxes)[1]
    values = concrete_value(boxes)
    axes = []
    for axis, number, size in ((1, bins[0], height), (0, bins[1], width)):
        if values is None or not values.size:
            longest = size + 1
        else:
            longest = max(1, int((values[..., axis + 2] - values[..., axis]).max()) + 1)
        place = _pixels(boxes, axis, number, -(-longest // number) + 1, size)
        axes.append(ops.reshape(place, (-1, *ops.shape(place)[2:])))
    rows, columns = axes  # (B * N, bins, pixels)
    rows = ops.where(rows < 0, OUTSIDE, rows * width)[:, :, None, :, None]
    places = rows + columns[:, None, :, None, :]
    cells = math.prod(bins)
    places = ops.reshape(places, (batch, count, cells, -1))
    image = ops.arange(batch, dtype="int32")[:, None, None, None] * (height * width)
    places = ops.where(places < 0, -1, places + image)

    def pool(maps, floats, fixed):
        table, places = ops.reshape(maps[0], (-1, channels)), fixed[0]
        pixels = ops.take(table, ops.maximum(places, 0), axis=0)
        inside = ops.expand_dims(places, -1) >= 0
        largest = ops.max(ops.where(inside, pixels, lowest(table.dtype)), -2)
        some = ops.expand_dims(ops.max(places, -1), -1) >= 0
        return ops.where(some, largest, ops.zeros_like(largest))

    pixels = (maps.shape[1] or 64) * (maps.shape[2] or 64)
    size = 4 * channels * (pixels + cells)
    y = in_chunks(pool, (maps,), (), (places,), size, (cells, channels))
    y = ops.reshape(y, (batch, count, *bins, channels))
    return y if given else y[:, : count - 1]


def _pixels(boxes, axis, bins, bound, size):
    """Pixels of each bin on one axis, `(B, N, bins, bound)`; padding is `OUTSIDE`."""
    start = boxes[..., axis, None]
    length = ops.maximum(boxes[..., axis + 2, None] - start + 1, 1)
    i = ops.arange(bins, dtype="int32")
    first = ops.maximum(start + i * length // bins, 0)
    last = ops.minimum(start + ((i + 1) * length + bins - 1) // bins, size)
    pixels = first[..., None] + ops.arange(bound, dtype="int32")
    return ops.where(pixels < last[..., None], pixels, OUTSIDE)
