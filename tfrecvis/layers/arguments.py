"""What layers do with their arguments before they compute."""

from keras import ops

from tfrecvis.ops.checks import as_array
from tfrecvis.ops.shape_checks import check_mask
from tfrecvis.ops.stencil import clear


def known_size(name, shape, axis=-1):
    """The size of an axis that weights depend on, refused where it is unknown.

    Example:

    >>> known_size("images", (None, 4, 6, None))
    Traceback (most recent call last):
    ValueError: The last axis of `images` must be known. Received: images.shape=(None, \
4, 6, None).
    """
    if shape[axis] is None:
        which = "The last axis" if axis == -1 else f"Axis {axis}"
        raise ValueError(
            f"{which} of `{name}` must be known. Received: {name}.shape={tuple(shape)}."
        )
    return shape[axis]


def real_pixels(images, mask, dtype):
    """Images as a layer computes with them: checked, cast, masked pixels zero.

    Args:
        images: Tensor `(batch, height, width, channels)`, of integers too.
        mask: Boolean tensor or list `(batch, height, width)`, or None.
        dtype: The layer's compute dtype.

    Returns:
        The images, and the mask as boolean `(batch, height, width, 1)` or None.

    Raises:
        ValueError: The images have no pixel, or the mask does not fit or keeps nothing
            (see `tfrecvis.ops.shape_checks.check_mask`).

    Example:

    >>> from keras import ops
    >>> x, mask = real_pixels(ops.ones((1, 1, 2, 3), "uint8"), [[[1, 0]]], "float32")
    >>> ops.convert_to_numpy(x[..., 0]).tolist(), tuple(mask.shape)
    ([[[1.0, 0.0]]], (1, 1, 2, 1))
    """
    mask = None if mask is None else ops.convert_to_tensor(mask)
    check_images(images, mask)
    images = ops.cast(images, dtype)
    if mask is None:
        return images, None
    mask = ops.cast(mask, "bool")[..., None]
    return clear(images, mask), mask


def check_images(images, mask):
    """`check_mask` for a layer whose inputs are images.

    Example:

    >>> import keras
    >>> check_images(keras.ops.ones((2, 5, 7, 3)), mask=keras.ops.ones((2, 7, 5)))
    Traceback (most recent call last):
    ValueError: `mask` must have the shape (batch, height, width), here (2, 5, 7). \
Received: mask.shape=(2, 7, 5), images.shape=(2, 5, 7, 3).
    """
    check_mask(mask, "pixel", "images", images=("batch height width channels", images))


class TakesLists:
    """A layer whose keyword call arguments may be lists of numbers, besides tensors.

    Keras would take them for no tensors at all, and leave them out of `build`.

    Example:

    >>> import keras
    >>> class Scale(TakesLists, keras.layers.Layer):
    ...     def call(self, x, by):
    ...         return x * by
    >>> [float(y) for y in Scale()(keras.ops.ones(2), by=[2.0, 3.0])]
    [2.0, 3.0]
    """

    lists_of_tensors = ("initial_state",)  # call arguments that stay lists

    def __call__(self, *args, **kwargs):
        for name, value in kwargs.items():
            if not isinstance(value, (list, tuple)):
                continue
            if name in self.lists_of_tensors:
                kwargs[name] = [
                    x if hasattr(x, "shape") else as_array(name, x) for x in value
                ]
            else:
                kwargs[name] = as_array(name, value)
        return super().__call__(*args, **kwargs)
