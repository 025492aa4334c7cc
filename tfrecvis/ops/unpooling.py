"""Max-pooling that remembers where its maxima were, and its inverse."""

from keras import ops

from tfrecvis.ops.likeliest import likeliest, lowest


def max_pool_with_argmax(maps, pool_size=(2, 2), padding="valid"):
    """Maxima of windows side by side, and where they were.

    TensorFlow's operator of that name has no LiteRT builtin and no XLA kernel; this one
    is made of reshapes and comparisons. An index is `row * width + column` of the map,
    for each channel on its own, as in Caffe and PyTorch. TensorFlow's indices count
    channels too: `index // channels` is ours. Of equal values in a window the first,
    row by row, is taken, and gets the whole gradient.

    Args:
        maps: Float tensor `(B, H, W, C)`.
        pool_size: Pair of integers, height and width of a window, and its stride.
        padding: "valid" leaves the last rows and columns out where they fill no
            window; "same" gives them smaller windows at the bottom and on the right.

    Returns:
        Float tensor and int32 tensor, `(B, rows, columns, C)` both.

    Example:

    >>> maps = ops.convert_to_tensor([0.0, 13, 1, 2, 3, 4, 4, 0])
    >>> maps = ops.reshape(maps, (1, 2, 4, 1))
    >>> values, indices = max_pool_with_argmax(maps)
    >>> values.numpy().ravel().tolist(), indices.numpy().ravel().tolist()
    ([13.0, 4.0], [1, 6])
    """
    down, across = pool_size
    batch, height, width, channels = ops.shape(maps)
    rows, columns = (
        size // pool if padding == "valid" else -(-size // pool)
        for size, pool in ((height, down), (width, across))
    )
    if padding == "valid":
        maps = maps[:, : rows * down, : columns * across]
    else:
        rest = [(0, 0), (0, rows * down - height), (0, columns * across - width)]
        maps = ops.pad(maps, [*rest, (0, 0)], constant_values=lowest(maps.dtype))
    cells = down * across
    windows = ops.reshape(maps, (-1, down, columns, across * channels))
    windows = ops.transpose(windows, (0, 2, 1, 3))  # each window's pixels in a row
    windows = ops.reshape(windows, (batch, rows, columns, cells, channels))
    place = likeliest(ops.transpose(ops.stop_gradient(windows), (0, 1, 2, 4, 3)))
    chosen = ops.equal(place[:, :, :, None], ops.arange(cells, dtype="int32")[:, None])
    values = ops.sum(ops.where(chosen, windows, ops.zeros_like(windows)), 3)
    row = ops.arange(rows, dtype="int32")[:, None, None] * down + place // across
    column = ops.arange(columns, dtype="int32")[:, None] * across + place % across
    return values, row * width + column


def max_unpool(values, indices, height, width, pool_size=(2, 2)):
    """Puts values back to where they were before max-pooling, and zeros elsewhere.

    Args:
        values: Float tensor `(B, rows, columns, C)`.
        indices: Integer tensor of that shape, `row * width + column` of the map that
            was pooled. An index outside of its own window puts nothing anywhere.
        height: Integer or scalar tensor, rows of that map.
        width: Integer or scalar tensor, columns of that map.
        pool_size: Pair of integers, of the pooling.

    Returns:
        Float tensor `(B, height, width, C)`.

    Example:

    >>> values = ops.reshape(ops.convert_to_tensor([13.0, 4.0]), (1, 1, 2, 1))
    >>> indices = ops.reshape(ops.convert_to_tensor([1, 6]), (1, 1, 2, 1))
    >>> max_unpool(values, indices, 2, 4).numpy().ravel().tolist()
    [0.0, 13.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0]
    """
    down, across = pool_size
    rows, columns = ops.shape(values)[1:3]
    # What the pooling left out at the bottom and on the right gets zeros.
    grow = [
        (0, _positive(-(-size // pool) - have))
        for size, pool, have in ((height, down, rows), (width, across, columns))
    ]
    indices = ops.cast(indices, "int32")
    values, indices = (
        ops.pad(x, [(0, 0), *grow, (0, 0)], constant_values=fill)
        for x, fill in ((values, 0), (indices, -1))
    )
    values, indices = (
        ops.repeat(ops.repeat(x, down, 1), across, 2)[:, :height, :width]
        for x in (values, indices)
    )
    here = ops.arange(height, dtype="int32")[:, None] * width
    here = (here + ops.arange(width, dtype="int32"))[..., None]
    return ops.where(ops.equal(indices, here), values, ops.zeros_like(values))


def _positive(size):
    return max(size, 0) if isinstance(size, int) else ops.maximum(size, 0)
