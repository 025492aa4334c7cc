"""RoIAlign by the backend's own operator that samples maps on even grids."""

import math

from keras import ops

from tfrecvis.ops.backend import has_grid_sampling, sample_grids
from tfrecvis.ops.chunks import in_chunks

BUDGET = 2**28  # bytes of all samples, from which boxes are taken some at a time
BORDER = 2  # repeated pixels around a map: samples up to one pixel outside are clamped


def can_crop(maps):
    """Whether the operator can be used: there is one, and the maps have some pixels."""
    empty = any(0 in m.shape[1:] for m in maps)
    return has_grid_sampling() and not empty


def crop_regions(maps, boxes, bins, scales, ratio, spans):
    """What `roi_align` gives for a fixed number of samples, without box gradients.

    Args:
        maps: List of float tensors `(B, H, W, C)`.
        boxes: float32 `(B, N, 4)`, xyxy; with several maps a fifth value, the number of
            each box's map.
        bins: Pair of integers.
        scales: Tuple of floats, one for each map.
        ratio: Positive integer, samples per bin and axis.
        spans: Function of boxes, axis and scale that gives where boxes begin and how
            long they are, in pixels of the map.

    Returns:
        Float tensor `(B, N, *bins, C)`, of the dtype of the maps.
    """
    channels = maps[0].shape[-1]
    size = 4 * math.prod(bins) * ratio**2 * channels

    def crop(maps, floats, fixed):
        (boxes,) = fixed
        batch, count = ops.shape(boxes)[:2]
        images = ops.repeat(ops.arange(batch, dtype="int32"), count)
        flat = ops.reshape(boxes, (-1, boxes.shape[-1]))
        grids = [
            lambda some, which, m=m, scale=scale: _grid(
                m, some, which, bins, ratio, scale, spans
            )
            for m, scale in zip(maps, scales, strict=True)
        ]
        if len(maps) == 1:
            y = grids[0](flat, images)
        else:
            y = _each_on_its_map(grids, flat, images)
        return ops.reshape(y, (batch, count, *bins, channels))

    count = boxes.shape[1]
    if count is not None and size * count * (boxes.shape[0] or 1) <= BUDGET:
        return crop(tuple(maps), (), (boxes,))
    return in_chunks(crop, tuple(maps), (), (boxes,), size, (*bins, channels))


def _each_on_its_map(grids, boxes, images):
    """The boxes of each map together, and then all in their order again."""
    places = [
        ops.nonzero(ops.equal(boxes[:, 4], float(level)))[0]
        for level in range(len(grids))
    ]
    found = [
        grid(ops.take(boxes, place, axis=0), ops.take(images, place, axis=0))
        for grid, place in zip(grids, places, strict=True)
    ]
    order = ops.argsort(ops.concatenate(places))
    return ops.take(ops.concatenate(found), order, axis=0)


def _grid(m, boxes, images, bins, ratio, scale, spans):
    """Means of the samples of each bin, `(n, *bins, C)`."""
    height, width = ops.shape(m)[1:3]
    ends, inside = [], []
    for axis, size, number in ((1, height, bins[0]), (0, width, bins[1])):
        start, length = spans(boxes, axis, scale)
        steps = (ops.arange(number * ratio, dtype="float32") + 0.5) / (number * ratio)
        first = start + length * steps[0]
        ends.append((first, start + length * steps[-1]))
        p = start[:, None] + length[:, None] * steps
        last = ops.cast(size, "float32")
        inside.append(ops.logical_and(p >= -1.0, p <= last))
    samples = sample_grids(
        _with_border(m), ends, images, [number * ratio for number in bins], BORDER
    )
    rows, columns = inside
    within = ops.logical_and(rows[:, :, None], columns[:, None, :])[..., None]
    # Most boxes lie in their image.
    samples = ops.cond(
        ops.logical_and(ops.all(rows), ops.all(columns)),
        lambda: samples,
        lambda: samples * ops.cast(within, samples.dtype),
    )
    return ops.cast(ops.average_pool(samples, ratio, ratio), m.dtype)


def _with_border(m):
    m = ops.concatenate([m[:, :1]] * BORDER + [m] + [m[:, -1:]] * BORDER, axis=1)
    return ops.concatenate(
        [m[:, :, :1]] * BORDER + [m] + [m[:, :, -1:]] * BORDER, axis=2
    )
