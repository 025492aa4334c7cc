"""What the causal layers share: odd kernels, colours, residual connections."""

import keras
import numpy as np
from keras import ops

from tfrecvis.layers.arguments import same_sizes
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.stencil import project


def check_odd(name, size):
    """Refuse a kernel size without a centre."""
    check_integer(name, size)
    if size % 2 == 0:
        raise ValueError(
            f"`{name}` must be odd, so that a pixel has as many neighbours on one side "
            f"as on the other. Received: {name}={size}. Use {size - 1} or {size + 1}."
        )


def check_colors(name, channels, num_colors):
    """Refuse channels that the colours cannot share equally."""
    if channels % num_colors:
        raise ValueError(
            f"{num_colors} colours cannot share {channels} {name} equally. Received: "
            f"{name}={channels}, num_colors={num_colors}. Use a multiple of "
            f"{num_colors}, or num_colors=1."
        )


def color_mask(channels, filters, num_colors, own):
    """`(channels, filters)`: one where a filter may read a channel of its own pixel.

    Args:
        channels: Integer, a multiple of `num_colors`.
        filters: Integer, a multiple of `num_colors`.
        num_colors: Integer, contiguous groups of channels, and of filters.
        own: Whether a filter reads its own colour, or only those before it.

    Example:

    >>> color_mask(3, 3, num_colors=3, own=False)
    array([[0., 1., 1.],
           [0., 0., 1.],
           [0., 0., 0.]], dtype=float32)
    """
    reads = np.arange(channels)[:, None] * num_colors // channels
    writes = np.arange(filters) * num_colors // filters
    return (reads <= writes if own else reads < writes).astype("float32")


def add_residual(layer, channels):
    """The 1x1 convolution of a residual connection, causal in the colours."""
    layer.residual_kernel = layer.add_weight(
        (layer.filters, channels), "glorot_uniform", name="residual_kernel"
    )
    layer.residual_bias = layer.add_weight((channels,), "zeros", name="residual_bias")
    layer.residual_mask = color_mask(
        layer.filters, channels, layer.num_colors, own=True
    )


def with_residual(layer, x, h):
    """`x + h . residual_kernel + residual_bias`."""
    kernel = layer.residual_kernel
    kernel = kernel * ops.cast(layer.residual_mask, kernel.dtype)
    # Cast by hand: Keras does it in `call` alone, and `step` comes here too.
    bias = ops.cast(layer.residual_bias, h.dtype)
    return x + project(h, ops.cast(kernel, h.dtype)) + bias


def check_step(layer, row=None, cache=None, cache_shapes=()):
    """Refuse a `step` before the layer is built, or of shapes that do not fit it.

    Args:
        layer: A causal layer; the last axes of its kernel are channels and gates.
        row: Tensor `(batch, width, channels)`, or None to check the layer alone.
        cache: Tensor or tuple of them, what goes with the row.
        cache_shapes: List of their shapes but for the batch.
    """
    if not layer.built:
        raise ValueError(
            f"The weights of {layer.name} are not made yet. Call the layer on an image "
            "once, or `layer.build((None, None, None, channels))`."
        )
    if row is None:
        return
    channels = layer.kernel.shape[-2]
    if not same_sizes(row.shape, (None, None, channels)):
        raise ValueError(
            f"`row` must be (batch, width, {channels}). Received: row.shape="
            f"{tuple(row.shape)}."
        )
    shapes = [tuple(x.shape) for x in keras.tree.flatten(cache)]
    if len(shapes) != len(cache_shapes) or not all(
        same_sizes(shape, (row.shape[0], *expected))
        for shape, expected in zip(shapes, cache_shapes, strict=True)
    ):
        raise ValueError(
            "`cache` must be what `initial_cache` gives for the batch and width of the "
            f"row, or what `step` gave. Received: shapes {shapes}, row.shape="
            f"{tuple(row.shape)}."
        )
