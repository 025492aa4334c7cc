"""Checks of the arguments that many layers share."""

from keras import ops

from tfrecvis.ops.checks import as_array
from tfrecvis.ops.scan import concrete_value
from tfrecvis.ops.stencil import clear


def check_flag(name, value):
    """Refuse what is neither True nor False.

    Example:

    >>> check_flag("tied", "no")
    Traceback (most recent call last):
    ValueError: `tied` must be True or False. Received: tied='no'.
    """
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}.")


def check_known(name, shape, axis=-1):
    """Refuse a shape whose `axis` is unknown where weights depend on its size.

    Example:

    >>> check_known("images", (None, 4, 6, None))
    Traceback (most recent call last):
    ValueError: The last axis of `images` must be known. Received: images.shape=(None, \
4, 6, None).
    """
    if shape[axis] is None:
        raise ValueError(
            f"The last axis of `{name}` must be known. Received: "
            f"{name}.shape={tuple(shape)}."
        )


def same_sizes(shape, expected):
    """Whether two shapes agree wherever both are known.

    Example:

    >>> same_sizes((2, None, 5), (None, 3, 5)), same_sizes((2, 3), (2, 3, 5))
    (True, False)
    """
    return len(shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
    )


def real_pixels(images, mask, dtype):
    """Images as a layer computes with them: checked, cast, masked pixels zero.

    Args:
        images: Tensor `(batch, height, width, channels)`, of integers too.
        mask: Boolean tensor or list `(batch, height, width)`, or None.
        dtype: The layer's compute dtype.

    Returns:
        The images, and the mask as boolean `(batch, height, width, 1)` or None.

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


def check_images(images, mask=None):
    """Refuse images without a pixel, and a mask of another size or that keeps nothing.

    What a mask holds is seen when its values are there: not while a graph is traced.

    Example:

    >>> import keras
    >>> check_images(keras.ops.ones((2, 5, 7, 3)), mask=keras.ops.ones((2, 7, 5)))
    Traceback (most recent call last):
    ValueError: `mask` must have the shape (batch, height, width) of the images. \
Received: mask.shape=(2, 7, 5), images.shape=(2, 5, 7, 3).
    """
    if 0 in images.shape[1:3]:
        raise ValueError(
            "Images must have at least one pixel. Received: images.shape="
            f"{tuple(images.shape)}."
        )
    if mask is not None and not same_sizes(mask.shape, images.shape[:3]):
        raise ValueError(
            "`mask` must have the shape (batch, height, width) of the images. "
            f"Received: mask.shape={tuple(mask.shape)}, "
            f"images.shape={tuple(images.shape)}."
        )
    values = None if mask is None else concrete_value(mask)
    if values is not None and not values.any((1, 2)).all():
        emptied = (~values.any((1, 2))).nonzero()[0].tolist()
        raise ValueError(
            f"`mask` removes every pixel of images {emptied} of the batch: it must be "
            "True for at least one. Leave such images out."
        )


def check_states(name, states, letters, shape):
    """Refuse what is not the list of two states of a shape.

    Example:

    >>> import keras
    >>> check_states("initial_state", [keras.ops.ones((2, 4))], "[h, c]", (2, 4))
    Traceback (most recent call last):
    ValueError: `initial_state` must be the list [h, c] of two tensors of shape (2, 4) \
(None: any). Received: shapes [(2, 4)] for 4 units.
    """
    alone = not isinstance(states, (list, tuple))
    shapes = [getattr(s, "shape", None) for s in ([states] if alone else states)]
    shapes = [None if s is None else tuple(s) for s in shapes]
    if (
        alone
        or len(shapes) != 2
        or not all(s is not None and same_sizes(s, shape) for s in shapes)
    ):
        raise ValueError(
            f"`{name}` must be the list {letters} of two tensors of shape {shape} "
            f"(None: any). Received: shapes {shapes[0] if alone else shapes} for "
            f"{shape[-1]} units."
        )


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
