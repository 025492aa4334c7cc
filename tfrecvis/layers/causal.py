"""What the causal layers share: odd kernels, colours, steps, residual connections."""

import keras
import numpy as np
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.checks import check_flag, check_integer
from tfrecvis.ops.shape_checks import check_states
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


def check_step(
    layer, row=None, cache=None, letters=None, spec="batch width filters", **sizes
):
    """Refuse a `step` before the layer is built, or of shapes that do not fit it.

    Args:
        layer: A causal layer; the last axes of its kernel are channels and gates.
        row: Tensor `(batch, width, channels)`, or None to check only the layer.
        cache: Tensor or tuple of them, what goes with the row.
        letters: String, what the cache holds, such as "[h, c]".
        spec: String, the shape of each of these in words, as in `check_shapes`.
        sizes: Integers, the sizes of further axes in `spec`.
    """
    if not layer.built:
        raise ValueError(
            f"The weights of {layer.name} are not made yet. Call the layer on an image "
            "once, or `layer.build((None, None, None, channels))`."
        )
    if row is None:
        return
    check_states(
        "cache",
        keras.tree.flatten(cache),
        letters,
        spec,
        "The cache is what `initial_cache` gave for this batch and width, or `step`.",
        row=("batch width channels", row),
        channels=layer.kernel.shape[-2],
        filters=layer.filters,
        **sizes,
    )


class CausalLSTM(keras.layers.Layer):
    """What `RowLSTM` and `DiagonalBiLSTM` have in common, but for their recurrence."""

    def __init__(self, filters, num_colors, residual, learn_initial_state, **kwargs):
        super().__init__(**kwargs)
        check_integer("filters", filters)
        check_integer("num_colors", num_colors)
        check_colors("filters", filters, num_colors)
        check_flag("residual", residual)
        check_flag("learn_initial_state", learn_initial_state)
        self.filters = filters
        self.num_colors = num_colors
        self.residual = residual
        self.learn_initial_state = learn_initial_state
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def check_channels(self, images_shape):
        """The channels of the images, which `build` needs to know."""
        channels = known_size("images", images_shape)
        check_colors("channels", channels, self.num_colors)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        return channels

    def own_pixel_mask(self, channels):
        """Which channels of its own pixel each gate reads: the same for all gates."""
        own = color_mask(channels, self.filters, self.num_colors, own=True)
        return np.tile(own, (1, 4))

    def add_residual(self, channels):
        """The 1x1 convolution of a residual connection, causal in the colours."""
        self.residual_kernel = self.add_weight(
            (self.filters, channels), "glorot_uniform", name="residual_kernel"
        )
        self.residual_bias = self.add_weight((channels,), "zeros", name="residual_bias")
        self.residual_mask = color_mask(
            self.filters, channels, self.num_colors, own=True
        )

    def with_residual(self, x, h):
        """h, or with `residual` `x + h . residual_kernel + residual_bias`."""
        if not self.residual:
            return h
        kernel = self.residual_kernel
        kernel = kernel * ops.cast(self.residual_mask, kernel.dtype)
        # Cast by hand: Keras does it only in `call`, and `step` comes here too.
        bias = ops.cast(self.residual_bias, h.dtype)
        return x + project(h, ops.cast(kernel, h.dtype)) + bias

    def compute_output_shape(self, images_shape):
        return (*images_shape[:-1], images_shape[-1] if self.residual else self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_colors": self.num_colors,
            "residual": self.residual,
            "learn_initial_state": self.learn_initial_state,
        }
