"""RoIPool: the largest value in each bin of a grid over each box."""

import math

from keras import ops

from tfrecvis.ops.chunks import in_chunks
from tfrecvis.ops.scan import concrete_value


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
    batch, height, width, channels = ops.shape(maps)
    values = concrete_value(boxes)
    places, inside = [], []
    for axis, number, size in ((1, bins[0], height), (0, bins[1], width)):
        if values is None or not values.size:
            longest = size + 1
        else:
            longest = max(1, int((values[..., axis + 2] - values[..., axis]).max()) + 1)
        place, real = _pixels(boxes, axis, number, -(-longest // number) + 1, size)
        places.append(place)
        inside.append(real)
    count = ops.shape(boxes)[1]
    image = ops.arange(batch, dtype="int32")[:, None] * (height * width)
    image = ops.broadcast_to(image, (batch, count))
    (rows, columns), (down, across) = places, inside
    rows = rows * width + image[..., None, None]
    rows, down = (x[:, :, :, None, :, None] for x in (rows, down))
    columns, across = (x[:, :, None, :, None, :] for x in (columns, across))
    cells = math.prod(bins)
    places = ops.reshape(rows + columns, (batch, count, cells, -1))
    inside = ops.reshape(down & across, (batch, count, cells, -1))

    def pool(maps, floats, fixed):
        places, inside = fixed
        table = ops.reshape(maps[0], (-1, channels))
        pixels = ops.take(table, places, axis=0)
        lowest = float("-inf")
        largest = ops.max(ops.where(inside[..., None], pixels, lowest), -2)
        some = ops.any(inside, -1)[..., None]
        return ops.where(some, largest, ops.zeros_like(largest))

    pixels = (maps.shape[1] or 64) * (maps.shape[2] or 64)
    size = 4 * channels * (pixels + cells)
    y = in_chunks(pool, (maps,), (), (places, inside), size, (cells, channels))
    return ops.reshape(y, (batch, count, *bins, channels))


def _pixels(boxes, axis, bins, bound, size):
    """Pixels of each bin on one axis and which of them are real, `(B, N, bins, bound)`.

    Pixels that are not real are pixel 0, so that they can be read.
    """
    start = boxes[..., axis, None]
    length = ops.maximum(boxes[..., axis + 2, None] - start + 1, 1)
    i = ops.arange(bins, dtype="int32")
    first = ops.maximum(start + i * length // bins, 0)
    last = ops.minimum(start + ((i + 1) * length + bins - 1) // bins, size)
    pixels = first[..., None] + ops.arange(bound, dtype="int32")
    real = pixels < last[..., None]
    return ops.where(real, pixels, 0), real
