"""DRAW's grids of Gaussian filters: where they stand, and reading and writing."""

from keras import ops

from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.shape_checks import check_shapes

# Below this variance, in square pixels, a filter is one pixel, and a division by zero
# is near.
MIN_VARIANCE = 1e-8


def gaussian_filters(center, stride, variance, num_filters, size):
    """N Gaussians along one axis of an image, in float32.

        mu[i] = center + (i - N / 2 - 1 / 2) * stride    i = 1..N
        F[i, a] = exp(-(a - mu[i])^2 / (2 * variance)) / Z[i]    a = 0..size-1

    Z makes each filter sum to one over the pixels of the axis. A filter whose centre
    lies far outside sees the pixel at the edge.

    Args:
        center: Float tensor `(batch,)`, in pixels; the first pixel's centre is 0.
        stride: Float tensor `(batch,)`, pixels between two filters.
        variance: Float tensor `(batch,)`, in square pixels; at least 1e-8 is used.
        num_filters: Integer N.
        size: Integer or scalar tensor, pixels of the axis.

    Returns:
        Float tensor `(batch, N, size)`.

    Example:

    >>> filters = gaussian_filters(ops.ones(1), ops.ones(1), ops.ones(1) / 9, 3, 3)
    >>> [round(float(f), 3) for f in filters[0, 1]]
    [0.011, 0.978, 0.011]
    """
    center, stride, variance = (
        ops.cast(x, "float32")[:, None] for x in (center, stride, variance)
    )
    i = ops.arange(1, num_filters + 1, dtype="float32")
    mu = center + (i - num_filters / 2 - 0.5) * stride  # (B, N)
    a = ops.cast(ops.arange(size), "float32")
    mu = mu[..., None]
    # Squared distances less that of the nearest pixel: not all can underflow.
    nearest = ops.clip(ops.round(mu), 0, ops.cast(size - 1, "float32"))
    distance = (a - nearest) * (a + nearest - 2 * mu)
    exponent = distance / (2 * ops.maximum(variance, MIN_VARIANCE)[..., None])
    filters = ops.exp(-exponent)
    return filters / ops.sum(filters, -1, keepdims=True)


def attention_filters(parameters, num_filters, height, width):
    """The N x N grid of filters that five numbers place on an image.

        g~X, g~Y, log sigma^2, log delta~, log gamma = parameters
        gX = (width + 1) / 2 * (g~X + 1) - 1
        gY = (height + 1) / 2 * (g~Y + 1) - 1
        delta = (max(height, width) - 1) / (N - 1) * delta~

    `g~ = 0` is the exact centre of the image. The paper counts pixels from 1; hence
    the `- 1` here, where the first is 0.

    Reference: Gregor et al., 2015, eq. 19-26 (https://arxiv.org/abs/1502.04623).

    Args:
        parameters: Float tensor `(batch, 5)`.
        num_filters: Integer N, at least 2.
        height: Integer or scalar tensor, in pixels.
        width: Integer or scalar tensor, in pixels.

    Returns:
        Filters of the rows `(batch, N, height)`, of the columns `(batch, N, width)`,
        and the gain gamma `(batch,)`, in float32.

    Raises:
        ValueError: `num_filters` is below 2, the image has one pixel, or there are not
            five parameters.

    Example:

    >>> rows, columns, gain = attention_filters(ops.zeros((1, 5)), 3, 5, 9)
    >>> tuple(rows.shape), tuple(columns.shape), float(gain[0])
    ((1, 3, 5), (1, 3, 9), 1.0)
    """
    check_grid(num_filters, height, width)
    parameters = ops.cast(parameters, "float32")
    hint = "Give five numbers per image."
    check_shapes(hint, parameters=("batch 5", parameters))
    gx, gy, log_variance, log_delta, log_gamma = (parameters[:, k] for k in range(5))
    variance = ops.exp(log_variance)
    height_, width_ = ops.cast(height, "float32"), ops.cast(width, "float32")
    delta = (ops.maximum(height_, width_) - 1) / (num_filters - 1) * ops.exp(log_delta)
    rows = gaussian_filters(
        (height_ + 1) / 2 * (gy + 1) - 1, delta, variance, num_filters, height
    )
    columns = gaussian_filters(
        (width_ + 1) / 2 * (gx + 1) - 1, delta, variance, num_filters, width
    )
    return rows, columns, ops.exp(log_gamma)


def read_patch(images, rows, columns):
    """`Fy . x . Fx^T` for each channel: `(B, H, W, C)` becomes `(B, N, N, C)`.

    Example:

    >>> one = ops.ones((1, 2, 4)) / 4  # each filter is the mean
    >>> float(read_patch(ops.ones((1, 4, 4, 1)), one, one)[0, 1, 1, 0])
    1.0
    """
    _, height, width, channels = ops.shape(images)
    num_filters = rows.shape[1]
    lines = ops.reshape(images, (-1, height, width * channels))
    lines = ops.matmul(ops.cast(rows, images.dtype), lines)
    lines = ops.reshape(lines, (-1, num_filters, width, channels))
    return ops.matmul(ops.cast(columns, images.dtype)[:, None], lines)


def write_patch(patches, rows, columns):
    """`Fy^T . w . Fx` for each channel: `(B, N, N, C)` becomes `(B, H, W, C)`.

    Example:

    >>> one = ops.ones((1, 2, 4)) / 4
    >>> float(write_patch(ops.ones((1, 2, 2, 1)), one, one)[0, 3, 3, 0])
    0.25
    """
    num_filters, channels = patches.shape[1], patches.shape[-1]
    height, width = ops.shape(rows)[-1], ops.shape(columns)[-1]
    rows = ops.transpose(ops.cast(rows, patches.dtype), (0, 2, 1))  # (B, H, N)
    columns = ops.transpose(ops.cast(columns, patches.dtype), (0, 2, 1))
    lines = ops.matmul(columns[:, None], patches)  # (B, N, W, C)
    lines = ops.reshape(lines, (-1, num_filters, width * channels))
    return ops.reshape(ops.matmul(rows, lines), (-1, height, width, channels))


def check_grid(num_filters, height, width):
    """Refuse a grid without a stride; sizes that are not known pass.

    Example:

    >>> check_grid(2, 1, 1)
    Traceback (most recent call last):
    ValueError: An image of one pixel, or of none, leaves the filters no stride. \
Received: height=1, width=1. Use images of at least two pixels, or patch_size=None.
    """
    hint = "The stride divides by num_filters - 1."
    check_integer("num_filters", num_filters, least=2, hint=hint)
    known = all(isinstance(size, int) for size in (height, width))
    if known and height * width < 2:
        raise ValueError(
            "An image of one pixel, or of none, leaves the filters no stride. "
            f"Received: height={height}, width={width}. Use images of at least two "
            "pixels, or patch_size=None."
        )
