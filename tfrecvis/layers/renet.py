"""ReNet: four recurrent sweeps in place of a convolution."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size, real_pixels
from tfrecvis.layers.sweeps import GATES, add_sweep_weights, sweep
from tfrecvis.ops.checks import (
    as_pair,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)


@keras.saving.register_keras_serializable("tfrecvis")
class ReNet(keras.layers.Layer):
    """Four recurrent sweeps over an image: every output sees the whole image.

    The image is cut into non-overlapping patches p. One bidirectional recurrent
    network runs along every column, a second one along every row of its result:

        v[r, c] = [down(p[r, c], v_down[r-1, c]); up(p[r, c], v_up[r+1, c])]
        y[r, c] = [right(v[r, c], y_right[r, c-1]); left(v[r, c], y_left[r, c+1])]

    Weights are packed as in `keras.layers.LSTM` (gates i, f, g, o; the forget bias
    starts at one) and `keras.layers.GRU` (gates z, r, h; `reset_after=True`), with one
    more leading axis for the directions: down, up, right, left.

    An image whose height or width the patch does not divide is padded with zeros at
    the bottom and on the right; its last patches count as real. Masked pixels are read
    as zeros; patches of masked pixels carry the state through and output zeros, so
    that a padded image gives what the image alone gives, whatever its padding holds.

    Reference: Visin et al., 2015, eq. 2-7 (https://arxiv.org/abs/1505.00393).

    Args:
        units: Integer, units of each of the four recurrent networks.
        cell: `"lstm"` or `"gru"`.
        patch_size: Integer, or two integers (height, width), in pixels.
        dropout: Float in [0, 1), the fraction of input features to drop before each of
            the two passes, one draw for an image (the same in every patch).
        learn_initial_state: Whether each direction starts from a trained state; zeros
            otherwise.
        seed: Integer or None, for dropout.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        mask: Boolean tensor `(batch, height, width)`, True for a real pixel, or None. A
            patch is real when one of its pixels is.
        training: Whether dropout acts, and the hand-written backward pass is used.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, ceil(height / patch height), ceil(width / patch width),
        2 * units)`.

    Raises:
        ValueError: `units` or `patch_size` is not positive, `cell` is unknown,
            `dropout` is outside [0, 1), the inputs are not images, or a mask removes
            every pixel of one.

    Example:

    >>> ReNet(8, patch_size=2)(keras.ops.ones((2, 6, 4, 3))).shape
    TensorShape([2, 3, 2, 16])
    """

    def __init__(
        self,
        units,
        cell="lstm",
        patch_size=1,
        dropout=0.0,
        learn_initial_state=False,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_integer("units", units)
        check_choice("cell", cell, GATES)
        check_number("dropout", dropout, below=1, hint="It is a share of the features.")
        check_flag("learn_initial_state", learn_initial_state)
        self.units = units
        self.cell = cell
        self.patch_size = as_pair("patch_size", patch_size)
        self.dropout = dropout
        self.learn_initial_state = learn_initial_state
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if dropout else None
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = known_size("images", input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: channels})
        features = channels * self.patch_size[0] * self.patch_size[1]
        shared = {
            "units": self.units,
            "cell": self.cell,
            "learn_initial_state": self.learn_initial_state,
        }
        self.vertical = add_sweep_weights(self, "vertical", features, **shared)
        self.horizontal = add_sweep_weights(
            self, "horizontal", 2 * self.units, **shared
        )

    def call(self, images, mask=None, training=False):
        images, mask = real_pixels(images, mask, self.compute_dtype)
        mask = None if mask is None else self._patch_mask(mask[..., 0])
        x = self._patches(images)  # (B, H, W, C)
        x = self._drop(x, training)
        x = ops.transpose(x, (1, 0, 2, 3))  # (H, B, W, C): steps lead
        if mask is not None:
            mask = ops.transpose(mask, (1, 0, 2))[..., None]
        (x,) = sweep([(x, self.vertical, mask)], self.cell, training)
        x = ops.transpose(x, (2, 1, 0, 3))  # (W, B, H, C)
        if mask is not None:
            mask = ops.transpose(mask, (2, 1, 0, 3))
        x = self._drop(x, training, batch_axis=1)
        (x,) = sweep([(x, self.horizontal, mask)], self.cell, training)
        return ops.transpose(x, (1, 2, 0, 3))

    def _patches(self, images):
        height, width = self.patch_size
        if (height, width) == (1, 1):
            return images
        batch, rows, columns, channels = ops.shape(images)
        bottom, right = -rows % height, -columns % width
        images = ops.pad(images, [[0, 0], [0, bottom], [0, right], [0, 0]])
        down, across = (rows + bottom) // height, (columns + right) // width
        x = ops.reshape(images, (-1, down, height, across, width, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (-1, down, across, height * width * channels))

    def _patch_mask(self, mask):
        """Whether any pixel of a patch is real. Sizes may be unknown."""
        height, width = self.patch_size
        if (height, width) == (1, 1):
            return mask
        # A patch that lies wholly in the padding is cut off by the "valid" pooling.
        mask = ops.pad(
            ops.cast(mask, "float32"), [[0, 0], [0, height - 1], [0, width - 1]]
        )
        mask = ops.max_pool(mask[..., None], (height, width), padding="valid")
        return mask[..., 0] > 0

    def _drop(self, x, training, batch_axis=0):
        if not self.dropout or not training:
            return x
        shape = [1] * len(x.shape)
        shape[batch_axis], shape[-1] = ops.shape(x)[batch_axis], x.shape[-1]
        return keras.random.dropout(
            x, self.dropout, noise_shape=tuple(shape), seed=self.seed_generator
        )

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else self._patch_mask(mask)

    def compute_output_shape(self, input_shape):
        batch, rows, columns, _ = input_shape
        height, width = self.patch_size
        return (
            batch,
            None if rows is None else -(-rows // height),
            None if columns is None else -(-columns // width),
            2 * self.units,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "patch_size": self.patch_size,
            "dropout": self.dropout,
            "learn_initial_state": self.learn_initial_state,
            "seed": self.seed,
        }
