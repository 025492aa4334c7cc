"""RoIAlign: the features under each box, on a grid of fixed size."""

import functools
import math

import numpy as np
from keras import ops

from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.chunks import in_chunks
from tfrecvis.ops.pyramid import assign_levels, check_pyramid
from tfrecvis.ops.roi_crop import can_crop, crop_regions
from tfrecvis.ops.scan import uses_builtins


def roi_align(
    maps,
    boxes,
    output_size=7,
    spatial_scale=1.0,
    sampling_ratio=2,
    aligned=True,
    box_gradients=False,
    canonical_size=224,
    canonical_level=4,
):
    """Mean of bilinear samples in each bin of a grid over each box.

        start = spatial_scale * (x1, y1) - 1/2    (- 0 unless aligned)
        size  = spatial_scale * (x2 - x1, y2 - y1)
        p[i, k] = start + (i + (k + 1/2) / n) * size / bins    i < bins, k < n
        y[i, j] = mean(map at (p_y[i, k], p_x[j, l]) over k < n_y, l < n_x)

    A sample above -1 and below the map's size is clamped to its pixels, and others
    are zero. n is `sampling_ratio`; if that is 0 it is adaptive, `ceil(size / bins)`
    for each box and axis, so that samples are at most a pixel apart.

    While a graph is traced, an adaptive n is at most `ceil(map size / bins)`: a box no
    larger than its map is exact, and a larger one has its samples further apart. Eager
    calls have no such bound.

    How it is computed: with a fixed ratio, by TensorFlow's `crop_and_resize` on maps
    with a border; under XLA and JAX, and where boxes have gradients, by gathering the
    corners of all samples (XLA fuses this into one loop); adaptive, and in graphs for
    LiteRT and ONNX, as two matrix products with the weights of rows and columns. Boxes
    are taken some at a time, so that memory does not grow with their number.

    Reference: He et al., 2017, section 3 (https://arxiv.org/abs/1703.06870); details as
    in torchvision's `roi_align`. Levels: Lin et al., 2017, eq. 1
    (https://arxiv.org/abs/1612.03144).

    Args:
        maps: Float tensor `(B, H, W, C)`, or a list of them, finest first.
        boxes: Float tensor `(B, N, 4)`, xyxy, pixels of the image.
        output_size: Integer or pair, bins (down, across).
        spatial_scale: Float, pixels of the map per pixel of the image; for a list, a
            tuple of one for each map.
        sampling_ratio: Integer, samples per bin and axis; 0 is adaptive.
        aligned: Whether pixel centres lie at .5. Without it (the first, misaligned
            form), boxes are half a pixel too far and at least a pixel in size.
        box_gradients: Whether gradients flow to the boxes too.
        canonical_size: Number, side in pixels of a box of `canonical_level`.
        canonical_level: Integer; level k has a spatial scale of 2^-k.

    Returns:
        Float tensor `(B, N, *output_size, C)`, of the dtype of the maps.

    Example:

    >>> maps = ops.reshape(ops.arange(25.0), (1, 5, 5, 1))
    >>> y = roi_align(maps, ops.convert_to_tensor([[[0.5, 0.5, 4, 4]]]), 2)
    >>> ops.convert_to_numpy(y)[0, 0, ..., 0].tolist()
    [[5.25, 7.0], [14.0, 15.75]]
    """
    pyramid, scales = check_pyramid(maps, spatial_scale)
    bins = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
    boxes = ops.cast(boxes, "float32")
    if not box_gradients:
        boxes = ops.stop_gradient(boxes)
    if len(pyramid) > 1:
        levels = assign_levels(boxes, scales, canonical_size, canonical_level)
        boxes = ops.concatenate([boxes, ops.cast(levels, "float32")[..., None]], -1)
    channels = pyramid[0].shape[-1]
    cells = math.prod(bins) * channels
    if uses_builtins() or sampling_ratio < 1:
        width = max(m.shape[2] or 64 for m in pyramid)
        grids = _bounds(pyramid, boxes, bins, scales, sampling_ratio, aligned)

        def multiply(maps, floats, fixed):
            found = (*floats, *fixed)[0]
            return _products(maps, found, bins, scales, sampling_ratio, aligned, grids)

        size = 4 * bins[0] * width * channels
        parts = ((boxes,), ()) if box_gradients else ((), (boxes,))
        return in_chunks(multiply, tuple(pyramid), *parts, size, (*bins, channels))

    if not box_gradients and can_crop(pyramid):
        spans = functools.partial(_starts_and_sizes, aligned=aligned)
        return crop_regions(pyramid, boxes, bins, scales, sampling_ratio, spans)

    def gather(maps, floats, fixed):
        table = [ops.reshape(m, (-1, channels)) for m in maps]
        table = table[0] if len(maps) == 1 else ops.concatenate(table)
        places, weights = (*fixed, *floats)
        # One sum of products with gathered rows: XLA makes a single loop of it.
        rows = ops.take(table, places, axis=0)
        return ops.sum(ops.cast(weights, table.dtype)[..., None] * rows, -2)

    places, weights = _samples(pyramid, boxes, bins, scales, sampling_ratio, aligned)
    size = 4 * cells * (2 * sampling_ratio) ** 2
    parts = ((weights,), (places,)) if box_gradients else ((), (places, weights))
    like = (math.prod(bins), channels)
    y = in_chunks(gather, tuple(pyramid), *parts, size, like)
    return ops.reshape(y, (*ops.shape(y)[:2], *bins, channels))


def _starts_and_sizes(boxes, axis, scale, aligned):
    """Where boxes begin and how long they are on one axis of the map, in pixels."""
    start = boxes[..., axis] * scale - (0.5 if aligned else 0.0)
    size = (boxes[..., axis + 2] - boxes[..., axis]) * scale
    return start, size if aligned else ops.maximum(size, 1.0)


def _samples(maps, boxes, bins, scales, ratio, aligned):
    """Rows of the table of all pixels that each bin reads, and their weights.

    Both are `(B, N, bins, samples)`. The table holds one level after the other.
    """
    batch, count = ops.shape(boxes)[:2]
    shapes = [ops.shape(m) for m in maps]
    rows, columns = ([shape[axis] for shape in shapes] for axis in (1, 2))
    areas = [batch * h * w for h, w in zip(rows, columns, strict=True)]
    first = [sum(areas[:k]) for k in range(len(areas))]
    if len(maps) == 1:
        (scale,), (height,), (width,), offset = scales, rows, columns, 0
    else:
        level = ops.cast(boxes[..., 4], "int32")
        scale, height, width, offset = (
            ops.take(ops.convert_to_tensor(values, dtype), level)
            for values, dtype in (
                (scales, "float32"),
                (rows, "int32"),
                (columns, "int32"),
                (first, "int32"),
            )
        )
    corners = []
    for axis, size, number in ((1, height, bins[0]), (0, width, bins[1])):
        start, length = _starts_and_sizes(boxes, axis, scale, aligned)
        steps = (ops.arange(number * ratio, dtype="float32") + 0.5) / (number * ratio)
        p = start[..., None] + length[..., None] * steps  # (B, n, bins * ratio)
        last = size[..., None] - 1 if len(maps) > 1 else size - 1
        corners.append(_corners(p, last, number, ratio))
    (y, y_weight), (x, x_weight) = corners
    image = ops.arange(batch, dtype="int32")[:, None] * (height * width) + offset
    width = width[..., None] if len(maps) > 1 else width
    y = y * width + ops.broadcast_to(image, (batch, count))[..., None]
    sides = 2 * ratio
    down, across = (bins[0], 1, sides, 1), (1, bins[1], 1, sides)
    places, weights = (
        combine(
            ops.reshape(a, (batch, count, *down)),
            ops.reshape(b, (batch, count, *across)),
        )
        for combine, a, b in ((ops.add, y, x), (ops.multiply, y_weight, x_weight))
    )
    shape = (batch, count, math.prod(bins), sides**2)
    return ops.reshape(places, shape), ops.reshape(weights, shape)


def _corners(p, last, number, ratio):
    """Pixels around positions on one axis, and their weights: both `(B, n, 2 * m)`."""
    inside = (p >= -1.0) & (p <= ops.cast(last, "float32") + 1.0)
    p = ops.clip(p, 0.0, ops.cast(last, "float32"))
    # Of the last pixel, the corner before it; an axis of one pixel has only one.
    low = ops.minimum(ops.cast(ops.floor(p), "int32"), ops.maximum(last - 1, 0))
    high = ops.minimum(low + 1, last)
    far = p - ops.cast(low, "float32")
    share = ops.cast(inside, "float32") / ratio
    places = ops.stack([low, high], -1)
    weights = ops.stack([(1.0 - far) * share, far * share], -1)
    batch, count = ops.shape(p)[:2]
    shape = (batch, count, number * 2 * ratio)
    return ops.reshape(places, shape), ops.reshape(weights, shape)


def _bounds(maps, boxes, bins, scales, ratio, aligned):
    """Samples per bin that an adaptive grid may have: a pair for each level."""
    if ratio > 0:
        return [(ratio, ratio)] * len(maps)
    values = concrete_value(boxes)
    bounds = []
    for level, (m, scale) in enumerate(zip(maps, scales, strict=True)):
        if values is None:
            sizes = ops.shape(m)[1:3]
        else:
            mine = values[values[..., 4] == level] if len(maps) > 1 else values
            sides = np.reshape((mine[..., 2:4] - mine[..., :2]) * scale, (-1, 2))
            sizes = [sides[:, axis].max(initial=1.0) for axis in (1, 0)]
            sizes = [math.ceil(size) for size in sizes]
        pairs = zip(sizes, bins, strict=True)
        bounds.append(tuple(-(-size // number) for size, number in pairs))
    return bounds


def _products(maps, boxes, bins, scales, ratio, aligned, grids):
    total = None
    for level, (m, scale, grid) in enumerate(zip(maps, scales, grids, strict=True)):
        weights = []
        for axis, number, bound, size in (
            (1, bins[0], grid[0], ops.shape(m)[1]),
            (0, bins[1], grid[1], ops.shape(m)[2]),
        ):
            start, length = _starts_and_sizes(boxes, axis, scale, aligned)
            weights.append(_axis_weights(start, length, number, bound, size, ratio))
        rows, columns = weights
        if len(maps) > 1:
            mine = ops.cast(ops.equal(boxes[..., 4], float(level)), "float32")
            rows = rows * mine[..., None, None]
        rows, columns = (ops.cast(w, m.dtype) for w in (rows, columns))
        y = ops.einsum("bnih,bhwc->bniwc", rows, m)
        y = ops.einsum("bniwc,bnjw->bnijc", y, columns)
        total = y if total is None else total + y
    return total


def _axis_weights(start, length, bins, bound, size, ratio):
    """Weight of each pixel of one axis in each bin, `(B, n, bins, size)`."""
    if ratio > 0:
        grid = ops.full_like(start, ratio)
    else:
        grid = ops.ceil(length / bins)
        grid = ops.clip(grid, 0.0, ops.cast(bound, "float32"))
    samples = ops.maximum(grid, 1.0)[..., None]
    k = ops.arange(bound, dtype="float32")
    within = (k + 0.5) / samples  # (B, n, bound)
    share = ops.cast(k < grid[..., None], "float32") / samples
    i = ops.arange(bins, dtype="float32")[:, None]
    bin_size = (length / bins)[..., None, None]
    p = start[..., None, None] + (i + within[..., None, :]) * bin_size
    last = ops.cast(size, "float32") - 1.0
    inside = ops.cast((p >= -1.0) & (p <= last + 1.0), "float32")
    p = ops.clip(p, 0.0, last)
    share = share[..., None, :] * inside
    pixels = ops.arange(size, dtype="float32")
    near = ops.relu(1.0 - ops.abs(p[..., None] - pixels))  # (B, n, bins, bound, size)
    return ops.sum(near * share[..., None], -2)
