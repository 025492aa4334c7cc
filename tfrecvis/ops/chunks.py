"""Functions of many boxes that run on a few of them at a time."""

import math

from keras import ops

from tfrecvis.ops.scan import (
    custom_gradient,
    one_launch_per_step,
    scan,
    uses_builtins,
    vjp,
)

BUDGET = 2**26  # bytes of the largest tensor between input and output


def in_chunks(function, maps, boxes, bytes_per_box, like):
    """`function(maps, boxes)`, with boxes a chunk at a time when they are many.

    Memory then grows with the chunk and not with the boxes, in the gradient too: what
    a chunk computes is not kept but computed again. On an accelerator, where XLA fuses
    it all into one kernel, all boxes are one chunk.

    Args:
        function: Function of a tuple of float tensors, and of one `(B, n, ...)` for any
            n, that returns a float tensor `(B, n, ...)`. Boxes must not mix.
        maps: Tuple of float tensors.
        boxes: Float tensor `(B, N, ...)`; N may be dynamic.
        bytes_per_box: Integer, what `function` needs for one box of each image.
        like: Tuple of integers, what follows `(B, n)` in the shape of the output.

    Returns:
        Float tensor `(B, N, *like)`, of the dtype of the first map.

    Example:

    >>> scale = lambda maps, boxes: boxes * maps[0]
    >>> y = in_chunks(scale, (ops.ones(()),), ops.ones((2, 9, 4)), 2**24, (4,))
    >>> tuple(y.shape)
    (2, 9, 4)
    """
    size = max(1, BUDGET // max(1, bytes_per_box))
    count = boxes.shape[1]
    accelerated = one_launch_per_step() and not uses_builtins()
    if accelerated or (count is not None and count <= size):
        return function(maps, boxes)
    # As equal chunks as can be: the last one has little padding.
    count = ops.shape(boxes)[1]
    size = -(-count // _at_least_one(-(-count // size)))

    @custom_gradient
    def run(*tensors):
        *maps, boxes = tensors
        chunks, whole = _split(boxes, size), ops.shape(boxes)
        first = (whole[0], size, *like)

        def forward(_, xs):
            return (), (function(tuple(maps), xs[0]),)

        example = ops.zeros(first, maps[0].dtype)
        _, (y,) = scan(forward, (), (chunks,), (example,))

        def backward(upstream):
            def step(slopes, xs):
                *new, d_boxes = vjp(
                    lambda *t: function(t[:-1], t[-1]), (*maps, xs[0]), xs[1]
                )
                slopes = tuple(a + b for a, b in zip(slopes, new, strict=True))
                return slopes, (d_boxes,)

            zeros = tuple(ops.zeros_like(m) for m in maps)
            xs = (chunks, _split(upstream, size))
            slopes, (d_boxes,) = scan(step, zeros, xs, (ops.zeros_like(chunks[0]),))
            return (*slopes, _join(d_boxes, whole[1]))

        return (_join(y, whole[1]),), backward

    (y,) = run(*maps, boxes)
    return ops.reshape(y, (-1, ops.shape(boxes)[1], *like))


def _at_least_one(number):
    return max(number, 1) if isinstance(number, int) else ops.maximum(number, 1)


def _split(x, size):
    """`(B, N, ...)` to `(chunks, B, size, ...)`, padded with zeros."""
    batch, count, *rest = ops.shape(x)
    chunks = _at_least_one(-(-count // _at_least_one(size)))
    padding = [(0, 0), (0, chunks * size - count)] + [(0, 0)] * len(rest)
    x = ops.reshape(ops.pad(x, padding), (batch, chunks, size, *rest))
    return ops.moveaxis(x, 1, 0)


def _join(x, count):
    x = ops.moveaxis(x, 0, 1)
    batch, chunks, size, *rest = ops.shape(x)
    return ops.reshape(x, (batch, chunks * size, *rest))[:, :count]
