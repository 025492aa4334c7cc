"""MaskedConv2D: a convolution that sees only what comes before a pixel."""

import keras
import numpy as np
from keras import ops

from tfrecvis.layers.arguments import known_size, real_pixels
from tfrecvis.layers.causal import (
    check_colors,
    check_odd,
    check_step,
    color_mask,
)
from tfrecvis.ops.checks import as_pair, check_choice, check_flag, check_integer
from tfrecvis.ops.stencil import clear

TYPES = ("A", "B")


@keras.saving.register_keras_serializable("tfrecvis")
class MaskedConv2D(keras.layers.Layer):
    """Convolution that reads the rows above a pixel and the pixels to its left.

    The order is that of reading: from left to right, row by row. With weights k and
    offsets u, v from the pixel:

        y[r, c] = bias + sum_{u, v} x[r + u, c + v] . (k[u, v] * m[u, v])
        m[u, v] = 1 where u < 0, or u = 0 and v < 0; 0 elsewhere but at the centre

    At the centre, type A reads nothing and type B reads the pixel itself. With several
    colours, channels and filters are cut into as many equal, contiguous groups (red,
    green, blue): at the centre, a group of type A reads the groups before its own, one
    of type B also its own. A first layer of type A and further ones of type B keep each
    output from seeing its own pixel. Outside the image x is zero.

    For sampling, `step` computes one row from that row and a cache of the rows above.

    Reference: van den Oord et al., 2016, section 3.4 (https://arxiv.org/abs/1601.06759).

    Args:
        filters: Integer, channels of the output.
        kernel_size: Odd integer, or two (height, width), in pixels.
        mask_type: `"A"` or `"B"`.
        num_colors: Integer, groups of channels that depend on each other in order: 3
            for RGB, 1 when all channels of a pixel are known together.
        use_bias: Whether to add a bias.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None.
            Masked pixels are read as zeros and output zeros.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, filters)`.

    Raises:
        ValueError: A kernel size is even, `mask_type` is unknown, or `num_colors` does
            not divide the channels or the filters.

    Example:

    >>> layer = MaskedConv2D(6, kernel_size=3, mask_type="A", num_colors=3)
    >>> images = keras.ops.ones((2, 5, 7, 3))
    >>> layer(images).shape
    TensorShape([2, 5, 7, 6])
    >>> cache = layer.initial_cache(batch_size=2, width=7)
    >>> row, cache = layer.step(images[:, 0], cache)
    >>> row.shape
    TensorShape([2, 7, 6])
    """

    def __init__(
        self,
        filters,
        kernel_size,
        mask_type="B",
        num_colors=1,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("filters", filters)
        check_integer("num_colors", num_colors)
        kernel_size = as_pair("kernel_size", kernel_size)
        for size in kernel_size:
            check_odd("kernel_size", size)
        hint = "'A' is for a first layer, 'B' for a further one."
        check_choice("mask_type", mask_type, TYPES, hint)
        check_colors("filters", filters, num_colors)
        check_flag("use_bias", use_bias)
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        self.num_colors = num_colors
        self.use_bias = use_bias
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape):
        channels = known_size("images", images_shape)
        check_colors("channels", channels, self.num_colors)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        height, width = self.kernel_size
        # The rows below the pixel would be masked whole: they are not stored.
        self.kernel = self.add_weight(
            (height // 2 + 1, width, channels, self.filters),
            "glorot_uniform",
            name="kernel",
        )
        self.bias = (
            self.add_weight((self.filters,), "zeros", name="bias")
            if self.use_bias
            else None
        )
        self.kernel_mask = np.ones(self.kernel.shape, "float32")
        self.kernel_mask[-1, width // 2 + 1 :] = 0
        self.kernel_mask[-1, width // 2] = color_mask(
            channels, self.filters, self.num_colors, own=self.mask_type == "B"
        )

    def call(self, images, mask=None):
        images, mask = real_pixels(images, mask, self.compute_dtype)
        above = self.kernel_size[0] // 2
        y = self._convolve(ops.pad(images, [[0, 0], [above, 0], [0, 0], [0, 0]]))
        return y if mask is None else clear(y, mask)

    def _convolve(self, images):
        """Outputs for all rows but the first ones, which only give context."""
        side = self.kernel_size[1] // 2
        images = ops.pad(images, [[0, 0], [0, 0], [side, side], [0, 0]])
        kernel = self.kernel * ops.cast(self.kernel_mask, self.kernel.dtype)
        y = ops.conv(images, ops.cast(kernel, images.dtype), padding="valid")
        # Cast by hand: Keras does it only in `call`, and `step` comes here too.
        return y if self.bias is None else y + ops.cast(self.bias, y.dtype)

    def initial_cache(self, batch_size, width):
        """What `step` takes for the first row: the rows above it, zeros."""
        check_step(self)
        shape = (batch_size, self.kernel_size[0] // 2, width, self.kernel.shape[2])
        return ops.zeros(shape, self.compute_dtype)

    def step(self, row, cache):
        """One row of the output, and the cache for the row below it.

        Args:
            row: Float tensor `(batch, width, channels)`; what stands to the right of a
                pixel does not change that pixel's output, so a row may be completed
                pixel by pixel.
            cache: What `initial_cache` gave, or `step` for the row above.

        Returns:
            Tensor `(batch, width, filters)`, and the next cache.
        """
        above = self.kernel_size[0] // 2
        spec = "batch above width channels"
        check_step(self, row, cache, "[rows above]", spec, above=above)
        rows = ops.concatenate([cache, ops.cast(row, cache.dtype)[:, None]], 1)
        return self._convolve(rows)[:, 0], rows[:, 1:]

    def compute_output_shape(self, images_shape):
        return (*images_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "num_colors": self.num_colors,
            "use_bias": self.use_bias,
        }
