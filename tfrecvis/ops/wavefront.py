"""Skewed grids: what one step of a wavefront needs stands beside each other.

A wavefront visits position (t, j) of a grid at step t + j, when (t-1, j) and (t, j-1)
are done: a scan of T + J - 1 steps over J lanes in place of T * J steps.
"""

from keras import ops


def skew(x, axis):
    """Delay lane j by j steps: `y[t + j, .., j] = x[t, .., j]`, zeros elsewhere.

    Args:
        x: Tensor `(T, ..., J, ...)`, steps first; sizes may be dynamic.
        axis: Positive integer, the axis of the J lanes.

    Returns:
        Tensor `(T + J - 1, ..., J, ...)`.

    Example:

    >>> [[int(v) for v in row] for row in skew(ops.ones((2, 3)), axis=1)]
    [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]
    """
    if x.shape[axis] == 1:
        return x  # tf2onnx 1.17 moves an axis of one in open sizes to a wrong place
    x = _lanes_first(x, axis)  # (J, T, ...)
    lanes, steps, *rest = ops.shape(x)
    padding = [[0, 0]] * len(x.shape)
    padding[1] = [0, lanes]
    # Read in rows that are one element shorter, each row starts one element later.
    x = ops.reshape(ops.pad(x, padding), (lanes * (steps + lanes), *rest))
    x = x[: lanes * (steps + lanes - 1)]
    x = ops.reshape(x, (lanes, steps + lanes - 1, *rest))
    return _steps_first(x, axis)


def unskew(x, axis):
    """Undo `skew`: `y[t, .., j] = x[t + j, .., j]`.

    Args:
        x: Tensor `(T + J - 1, ..., J, ...)`, steps first; sizes may be dynamic.
        axis: Positive integer, the axis of the J lanes.

    Returns:
        Tensor `(T, ..., J, ...)`.

    Example:

    >>> x = ops.reshape(ops.arange(6), (2, 3))
    >>> [[int(v) for v in row] for row in unskew(skew(x, axis=1), axis=1)]
    [[0, 1, 2], [3, 4, 5]]
    """
    x = _lanes_first(x, axis)
    lanes, steps, *rest = ops.shape(x)
    x = ops.reshape(x, (lanes * steps, *rest))
    x = ops.pad(x, [[0, lanes], *[[0, 0]] * len(rest)])
    x = ops.reshape(x, (lanes, steps + 1, *rest))
    return _steps_first(x[:, : steps - lanes + 1], axis)


def _lanes_first(x, axis):
    others = [a for a in range(1, len(x.shape)) if a != axis]
    return ops.transpose(x, (axis, 0, *others))


def _steps_first(x, axis):
    order = [1, *range(2, len(x.shape))]
    order.insert(axis, 0)
    return ops.transpose(x, order)
