"""What the steps of a recurrence share: neighbours, masks, matrix products."""

from keras import ops


def shift(x, tap, axis=-2):
    """Read a neighbour: `y[lane] = x[lane + tap]`, zero outside.

    Args:
        x: Tensor of any rank.
        tap: Integer distance along `axis`; -1 reads the lane before.
        axis: Integer, the axis of lanes.

    Returns:
        Tensor of the shape of `x`.

    Example:

    >>> [int(y) for y in shift(ops.arange(1, 4), tap=-1, axis=0)]
    [0, 1, 2]
    """
    if tap == 0:
        return x
    axis = axis % len(x.shape)
    index = [slice(None)] * len(x.shape)
    index[axis] = slice(tap, None) if tap > 0 else slice(None, tap)
    padding = [[0, 0]] * len(x.shape)
    padding[axis] = [max(-tap, 0), max(tap, 0)]
    # Padded first, so that a tap may reach beyond the last lane.
    return ops.pad(x, padding)[tuple(index)]


def gather_taps(x, taps):
    """Each lane's neighbours side by side: U features become `len(taps) * U`."""
    if len(taps) == 1:
        return shift(x, taps[0])
    return ops.concatenate([shift(x, tap) for tap in taps], -1)


def project(x, kernel):
    """`x . kernel` over the last axis, as one matrix product over all others."""
    if len(x.shape) == 2:
        return ops.matmul(x, kernel)
    flat = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), kernel)
    return ops.reshape(flat, (*ops.shape(x)[:-1], kernel.shape[-1]))


def project_back(x, dy):
    """Gradient of `project` for its kernel: the sum over all rows of `x^T . dy`."""
    x = ops.reshape(x, (-1, x.shape[-1]))
    dy = ops.reshape(dy, (-1, dy.shape[-1]))
    return ops.matmul(ops.transpose(x), dy)


def blend(mask, new, old):
    """`new` where the mask is one, `old` (nothing, if None) where it is zero."""
    if mask is None:
        return new
    mask = ops.cast(mask, new.dtype)
    return mask * new if old is None else mask * new + (1 - mask) * old


def clear(x, mask):
    """Zeros where the mask `(..., 1)` is False, whatever stood there."""
    return ops.where(mask, x, ops.zeros_like(x))
