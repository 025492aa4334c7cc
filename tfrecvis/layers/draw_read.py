"""DrawRead: what DRAW's encoder sees of an image."""

import keras
from keras import ops

from tfrecvis.layers.arguments import known_size
from tfrecvis.ops.checks import check_given, check_integer
from tfrecvis.ops.filterbank import attention_filters, check_grid, read_patch
from tfrecvis.ops.shape_checks import check_shapes


@keras.saving.register_keras_serializable("tfrecvis")
class DrawRead(keras.layers.Layer):
    """Reads a patch of an image through a grid of Gaussian filters.

    The hidden state h of the decoder places the N x N grid; each channel of the image
    x, and of the error image x^ if there is one, is read through the same filters:

        g~X, g~Y, log sigma^2, log delta~, log gamma = h . attention_kernel
                                                         + attention_bias
        gX = (W + 1) / 2 * (g~X + 1) - 1
        gY = (H + 1) / 2 * (g~Y + 1) - 1
        delta = (max(H, W) - 1) / (N - 1) * delta~
        mu_X[i] = gX + (i - N / 2 - 1 / 2) * delta    i = 1..N
        Fx[i, a] = exp(-(a - mu_X[i])^2 / (2 * sigma^2)) / Z[i]    a = 0..W-1
        y = gamma * [Fy . x . Fx^T; Fy . x^ . Fx^T]

    Filters sum to one over the axis; Fy is made like Fx. The paper counts pixels from
    1; the `- 1` makes the first one 0. Without attention, `y = [x; x^]`.

    The grid is computed in float32 whatever the policy: half precision would misplace
    it by a pixel on an image of about 200.

    Reference: Gregor et al., 2015, sections 3.1 to 3.3
    (https://arxiv.org/abs/1502.04623).

    Args:
        patch_size: Integer N >= 2, the patch is N x N; None reads the whole image,
            without attention and without weights.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`.
        hidden: Float tensor `(batch, features)`; needed with attention, unused without.
        error_images: Float tensor of the shape of `images`, or None. In DRAW, the image
            minus the sigmoid of the canvas so far.

    Input shape: `(batch, height, width, channels)`; height and width may be None.
    Output shape: `(batch, N, N, channels)`, or `(batch, height, width, channels)`
        without attention; twice the channels with error images.

    Raises:
        ValueError: `patch_size` is below 2, the images have one pixel or none,
            `hidden` is missing, or the shapes do not fit.

    Example:

    >>> read = DrawRead(3)
    >>> tuple(read(ops.ones((2, 28, 20, 1)), hidden=ops.ones((2, 8))).shape)
    (2, 3, 3, 1)
    """

    def __init__(self, patch_size=None, **kwargs):
        super().__init__(**kwargs)
        check_patch_size(patch_size)
        self.patch_size = patch_size
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, images_shape, hidden_shape=None):
        self._check(images_shape, hidden_shape)
        if self.patch_size is None:
            return
        features = known_size("hidden", hidden_shape)
        self.attention_kernel, self.attention_bias = add_attention_weights(
            self, features
        )

    def call(self, images, hidden=None, error_images=None):
        shapes = (None if x is None else x.shape for x in (hidden, error_images))
        self._check(images.shape, *shapes)
        images = ops.cast(images, self.compute_dtype)
        if error_images is not None:
            error_images = ops.cast(error_images, self.compute_dtype)
            images = ops.concatenate([images, error_images], -1)
        if self.patch_size is None:
            return images
        rows, columns, gamma = attention_filters(
            attention_parameters(hidden, self.attention_kernel, self.attention_bias),
            self.patch_size,
            *ops.shape(images)[1:3],
        )
        patches = read_patch(images, rows, columns)
        return ops.cast(gamma, patches.dtype)[:, None, None, None] * patches

    def _check(self, images_shape, hidden_shape, error_images_shape=None):
        images = "batch height width channels"
        check_shapes(
            images=(images, images_shape), error_images=(images, error_images_shape)
        )
        if self.patch_size is None:
            return
        hint = "Use `layer(images, hidden=hidden)`, or patch_size=None."
        check_given("hidden", hidden_shape, hint)
        check_shapes(
            images=(images, images_shape),
            hidden=("batch features", hidden_shape),
            features=self.attention_kernel.shape[0] if self.built else None,
        )
        check_grid(self.patch_size, *images_shape[1:3])

    def compute_output_shape(
        self, images_shape, hidden_shape=None, error_images_shape=None
    ):
        self._check(images_shape, hidden_shape, error_images_shape)
        batch, *size, channels = images_shape
        if self.patch_size is not None:
            size = [self.patch_size] * 2
        if error_images_shape is not None and channels is not None:
            channels = 2 * channels
        return (batch, *size, channels)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


def check_patch_size(patch_size):
    """Refuse what is neither None nor an integer of at least 2.

    Example:

    >>> check_patch_size(3)
    """
    if patch_size is not None:
        hint = (
            "The stride of the filters divides by patch_size - 1. Use 2 or more, or "
            "None for the whole image."
        )
        check_integer("patch_size", patch_size, least=2, hint=hint)


def add_attention_weights(layer, features):
    """The weights of `W(h)`: kernel `(features, 5)` and bias.

    Example:

    >>> kernel, bias = add_attention_weights(keras.layers.Layer(), 3)
    >>> tuple(kernel.shape)
    (3, 5)
    """
    # No autocast: the grid is placed in float32.
    return (
        layer.add_weight(
            (features, 5), "glorot_uniform", name="attention_kernel", autocast=False
        ),
        layer.add_weight((5,), "zeros", name="attention_bias", autocast=False),
    )


def attention_parameters(hidden, kernel, bias):
    """The five numbers of the grid, in float32.

    Example:

    >>> tuple(attention_parameters(ops.ones((2, 3)), ops.ones((3, 5)), 0.0).shape)
    (2, 5)
    """
    hidden, kernel, bias = (ops.cast(x, "float32") for x in (hidden, kernel, bias))
    return ops.matmul(hidden, kernel) + bias
