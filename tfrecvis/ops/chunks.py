"""Functions of many boxes that run on a few of them at a time."""

from keras import ops

from tfrecvis.ops.backend import custom_gradient, vjp
from tfrecvis.ops.scan import one_launch_per_step, scan, uses_builtins

BUDGET = 2**25  # bytes of the largest tensor between input and output


def in_chunks(function, maps, floats, fixed, bytes_per_box, like):
    """`function(maps, floats, fixed)`, a chunk of boxes at a time when they are many.

    Memory then grows with the chunk and not with the boxes, in the gradient too: what
    a chunk computes is not kept but computed again. On an accelerator all boxes are
    one chunk. On a CPU there are at least two: a loop makes XLA compute what boxes
    bring along once, and not again for every channel that reads it.

    Args:
        function: Function of three tuples of tensors that returns a float tensor
            `(B, n, ...)`. Boxes must not mix.
        maps: Tuple of float tensors, whole.
        floats: Tuple of float tensors `(B, N, ...)`, which have gradients; function
            gets them as `(B, n, ...)` for any n. N may be dynamic.
        fixed: Tuple of tensors `(B, N, ...)` without gradients.
        bytes_per_box: Integer, what `function` needs for one box of each image.
        like: Tuple of integers, what follows `(B, n)` in the shape of the output.

    Returns:
        Float tensor `(B, N, *like)`, of the dtype of the first map.

    Example:

    >>> scale = lambda maps, floats, fixed: floats[0] * maps[0]
    >>> boxes = ops.ones((2, 9, 4))
    >>> y = in_chunks(scale, (ops.ones(()),), (boxes,), (), 2**24, (4,))
    >>> tuple(y.shape)
    (2, 9, 4)
    """
    sample = (*floats, *fixed)[0]
    static = sample.shape[1]
    if (one_launch_per_step() and not uses_builtins()) or static in (0, 1):
        return function(maps, floats, fixed)
    size = max(1, BUDGET // max(1, bytes_per_box))
    if uses_builtins() and static is not None and static <= size:
        return function(maps, floats, fixed)
    # As equal chunks as can be: the last one has little padding.
    batch, count = ops.shape(sample)[:2]
    least = 1 if uses_builtins() else 2
    size = -(-count // _at_least(least, -(-count // size)))
    apart = tuple(_split(x, size) for x in fixed)

    @custom_gradient
    def run(*tensors):
        maps, floats = tensors[: len(whole)], tensors[len(whole) :]
        chunks = tuple(_split(x, size) for x in floats)

        def forward(_, xs):
            return (), (function(maps, xs[: len(chunks)], xs[len(chunks) :]),)

        example = ops.zeros((batch, size, *like), maps[0].dtype)
        _, (y,) = scan(forward, (), (*chunks, *apart), (example,))

        def backward(upstream):
            def step(slopes, xs):
                d_y, xs = xs[0], xs[1:]
                known = xs[len(chunks) :]
                new = vjp(
                    lambda *t: function(t[: len(maps)], t[len(maps) :], known),
                    (*maps, *xs[: len(chunks)]),
                    d_y,
                )
                pairs = zip(slopes, new, strict=False)
                return tuple(a + b for a, b in pairs), tuple(new[len(maps) :])

            zeros = tuple(ops.zeros_like(m) for m in maps)
            xs = (_split(upstream, size), *chunks, *apart)
            each = tuple(ops.zeros_like(c[0]) for c in chunks)
            slopes, new = scan(step, zeros, xs, each)
            return (*slopes, *(_join(d, count) for d in new))

        return (_join(y, count),), backward

    whole = tuple(maps)
    (y,) = run(*whole, *floats)
    return ops.reshape(y, (batch, count, *like))


def _at_least(least, number):
    exact = isinstance(number, int)
    return max(number, least) if exact else ops.maximum(number, least)


def _split(x, size):
    """`(B, N, ...)` to `(chunks, B, size, ...)`, padded with zeros."""
    batch, count, *rest = ops.shape(x)
    chunks = _at_least(1, -(-count // _at_least(1, size)))
    padding = [(0, 0), (0, chunks * size - count)] + [(0, 0)] * len(rest)
    x = ops.reshape(ops.pad(x, padding), (batch, chunks, size, *rest))
    return ops.moveaxis(x, 1, 0)


def _join(x, count):
    x = ops.moveaxis(x, 0, 1)
    batch, chunks, size, *rest = ops.shape(x)
    return ops.reshape(x, (batch, chunks * size, *rest))[:, :count]
