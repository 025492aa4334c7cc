"""DrawWrite: what DRAW's decoder adds to the canvas."""

import math

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.layers.draw_read import (
    add_attention_weights,
    attention_parameters,
    check_patch_size,
)
from tfrecvis.ops.checks import as_integers
from tfrecvis.ops.filterbank import attention_filters, check_grid, write_patch


@keras.saving.register_keras_serializable("tfrecvis")
class DrawWrite(keras.layers.Layer):
    """Writes a patch onto an empty canvas through a grid of Gaussian filters.

    The decoder's hidden state h gives the patch w, N x N with the image's channels,
    and the grid, whose filters Fx, Fy are those of `DrawRead`:

        w = h . kernel + bias
        g~X, g~Y, log sigma^2, log delta~, log gamma = h . attention_kernel
                                                         + attention_bias
        y = 1 / gamma * Fy^T . w . Fx

    Without attention, `y = h . kernel + bias` is the whole image. DRAW adds y to its
    canvas at each step.

    The grid is computed in float32 whatever the policy.

    Reference: Gregor et al., 2015, sections 3.1 and 3.3
    (https://arxiv.org/abs/1502.04623).

    Args:
        image_shape: Three integers: height, width in pixels, and channels.
        patch_size: Integer N >= 2, the patch is N x N; None writes the whole image,
            without attention.

    Call arguments:
        hidden: Float tensor `(batch, features)`.

    Input shape: `(batch, features)`.
    Output shape: `(batch, height, width, channels)`.

    Raises:
        ValueError: `patch_size` is below 2, or `image_shape` is no shape of an image,
            or that of a single pixel with attention.

    Example:

    >>> tuple(DrawWrite((28, 20, 1), patch_size=5)(ops.ones((2, 8))).shape)
    (2, 28, 20, 1)
    """

    def __init__(self, image_shape, patch_size=None, **kwargs):
        super().__init__(**kwargs)
        check_patch_size(patch_size)
        hint = "They are height, width and channels."
        image_shape = as_integers("image_shape", image_shape, count=3, hint=hint)
        if patch_size is not None:
            check_grid(patch_size, *image_shape[:2])
        self.image_shape = image_shape
        self.patch_size = patch_size
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape):
        features = known_size("hidden", input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=2, axes={-1: features})
        shape = math.prod(self._written_shape())
        self.kernel = self.add_weight(
            (features, shape), "glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight((shape,), "zeros", name="bias")
        if self.patch_size is not None:
            self.attention_kernel, self.attention_bias = add_attention_weights(
                self, features
            )

    def _written_shape(self):
        """The shape of w."""
        if self.patch_size is None:
            return self.image_shape
        return (self.patch_size, self.patch_size, self.image_shape[-1])

    def call(self, hidden):
        w = ops.matmul(hidden, self.kernel) + self.bias
        w = ops.reshape(w, (-1, *self._written_shape()))
        if self.patch_size is None:
            return w
        rows, columns, gamma = attention_filters(
            attention_parameters(hidden, self.attention_kernel, self.attention_bias),
            self.patch_size,
            *self.image_shape[:2],
        )
        y = write_patch(w, rows, columns)
        return y / ops.cast(gamma, y.dtype)[:, None, None, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "patch_size": self.patch_size,
        }
