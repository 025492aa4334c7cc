"""RowLSTM: an LSTM that reads an image from its top row to its bottom row."""

import keras
import numpy as np
from keras import ops

from tfrecvis.layers.arguments import real_pixels
from tfrecvis.layers.causal import CausalLSTM, check_odd, check_step
from tfrecvis.layers.initial_values import forget_bias
from tfrecvis.ops import LSTMDirection, lstm
from tfrecvis.ops.stencil import clear, gather_taps


@keras.saving.register_keras_serializable("tfrecvis")
class RowLSTM(CausalLSTM):
    """LSTM over the rows of an image, causal to the pixel.

    All pixels of a row advance at once; each reads a triangle of the rows above it and
    the pixels to its left:

        i, f, g, o = split(conv(h[r-1], recurrent_kernel) + conv_B(x[r], kernel) + bias)
        c[r] = sigmoid(f) * c[r-1] + sigmoid(i) * tanh(g)
        h[r] = sigmoid(o) * tanh(c[r])

    Both convolutions run along the row, over `kernel_size` pixels; `conv_B` is masked:
    it reads the pixel itself and those to its left (see `MaskedConv2D`). Outside the
    image h is zero. With `residual` the layer outputs `x + h . residual_kernel +
    residual_bias`.

    `kernel` `(kernel_size // 2 + 1, channels, 4 * filters)` holds the taps from the
    leftmost pixel to the pixel itself, `recurrent_kernel` `(kernel_size * filters,
    4 * filters)` those of the row above from left to right; gates i, f, g, o.

    Masked pixels are read as zeros and have the state of pixels outside the image, so
    that an image padded at its bottom and its right gives what the image alone gives.

    For sampling, `step` computes one row from that row and the state of the row above.

    Reference: van den Oord et al., 2016, sections 3.1 and 3.3
    (https://arxiv.org/abs/1601.06759).

    Args:
        filters: Integer, channels of the hidden and cell state.
        kernel_size: Odd integer, width of both convolutions in pixels.
        num_colors: Integer, groups of channels and filters, in whose order the colours
            of a pixel may depend on each other: 3 for RGB.
        residual: Whether to add the input to the output, through a 1x1 convolution.
        learn_initial_state: Whether the row above the image is a trained state; zeros
            otherwise.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None.
        training: Whether the hand-written backward pass is used.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, height, width, filters)`; the input's with `residual`.

    Raises:
        ValueError: `kernel_size` is even, `num_colors` does not divide the channels or
            the filters, or a mask removes every pixel of an image.

    Example:

    >>> layer = RowLSTM(8, kernel_size=3)
    >>> images = keras.ops.ones((2, 5, 7, 3))
    >>> layer(images).shape
    TensorShape([2, 5, 7, 8])
    >>> cache = layer.initial_cache(batch_size=2, width=7)
    >>> row, cache = layer.step(images[:, 0], cache)
    >>> row.shape
    TensorShape([2, 7, 8])
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        num_colors=1,
        residual=False,
        learn_initial_state=True,
        **kwargs,
    ):
        super().__init__(filters, num_colors, residual, learn_initial_state, **kwargs)
        check_odd("kernel_size", kernel_size)
        self.kernel_size = kernel_size

    def build(self, images_shape):
        channels = self.check_channels(images_shape)
        side, gates = self.kernel_size // 2, 4 * self.filters
        self.kernel = self.add_weight(
            (side + 1, channels, gates), "glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.kernel_size * self.filters, gates),
            "glorot_uniform",
            name="recurrent_kernel",
        )
        self.bias = self.add_weight((gates,), forget_bias, name="bias")
        if self.learn_initial_state:
            self.initial_state = self.add_weight(
                (2, self.filters), "zeros", name="initial_state"
            )
        self.kernel_mask = np.ones(self.kernel.shape, "float32")
        self.kernel_mask[-1] = self.own_pixel_mask(channels)
        if self.residual:
            self.add_residual(channels)

    def call(self, images, mask=None, training=False):
        x, mask = real_pixels(images, mask, self.compute_dtype)
        batch, _, width, _ = ops.shape(x)
        state = self._first_state(batch, width)
        if mask is not None:
            state = tuple(clear(s, mask[:, 0]) for s in state)
        h, _, _ = self._run(x, state, mask, training)
        y = self.with_residual(x, h)
        return y if mask is None else clear(y, mask)

    def _run(self, images, state, mask=None, training=False):
        """Hidden states `(B, H, W, filters)`, and the state of the last row."""
        side = self.kernel_size // 2
        rows_lead, images_lead = (1, 2, 0, 3), (2, 0, 1, 3)  # (H, W, B, C) and back
        h, c = (ops.transpose(s, (1, 0, 2)) for s in state)
        pixels = gather_taps(images, tuple(range(-side, 1)))
        direction = LSTMDirection(
            ops.transpose(pixels, rows_lead),
            self.recurrent_kernel,
            h,
            c,
            kernel=ops.reshape(
                self.kernel * ops.cast(self.kernel_mask, self.kernel.dtype),
                (-1, 4 * self.filters),
            ),
            bias=self.bias,
            mask=None if mask is None else ops.transpose(mask, rows_lead),
        )
        taps = range(-side, side + 1)
        ((h, *last),) = lstm([direction], taps, masked="zero", training=bool(training))
        last = (ops.transpose(s, (1, 0, 2)) for s in last)
        return ops.transpose(h, images_lead), *last

    def _first_state(self, batch, width):
        """Hidden and cell state above the first row, `(B, W, filters)` each."""
        shape = (batch, width, self.filters)
        if not self.learn_initial_state:
            return (ops.zeros(shape, self.compute_dtype),) * 2
        return tuple(ops.broadcast_to(self.initial_state[k], shape) for k in range(2))

    def initial_cache(self, batch_size, width):
        """What `step` takes for the first row: `(h, c)` above the image."""
        check_step(self)
        return self._first_state(batch_size, width)

    def step(self, row, cache):
        """One row of the output, and the cache for the row below it.

        Args:
            row: Float tensor `(batch, width, channels)`; what stands to the right of a
                pixel does not change that pixel's output, so a row may be completed
                pixel by pixel.
            cache: What `initial_cache` gave, or `step` for the row above.

        Returns:
            The row of the output `(batch, width, ...)`, and the next cache.
        """
        check_step(self, row, cache, "[h, c]")
        row = ops.cast(row, self.compute_dtype)
        h, *cache = self._run(row[:, None], cache)
        return self.with_residual(row, h[:, 0]), tuple(cache)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}
