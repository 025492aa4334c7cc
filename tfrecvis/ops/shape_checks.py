"""Checks of the shapes of tensors, and of masks, before any tensor work.

They run in Python when a layer is built, called or traced, and leave nothing in the
graph. Sizes that are not known yet agree with any other.
"""

import re

import keras
import numpy as np

from tfrecvis.ops.backend import concrete_value


def check_shapes(hint="", **arguments):
    """Refuse tensors whose shapes do not fit each other.

    A shape is written as the names of its axes. An axis of the same name has the same
    size everywhere, a number stands for itself, `*name` is any number of axes, and `|`
    separates shapes of which one must fit.

    Args:
        hint: String, a sentence after the message: what to do about it.
        arguments: By the names of the arguments, in the order in which they are
            compared, pairs of a shape in words and a tensor, a shape or None, which
            always fits. An integer is no argument but the size of the axis of that
            name; None is a size that is not known.

    Returns:
        The sizes of all axes that are known now, by name.

    Raises:
        ValueError: A shape does not fit.

    Example:

    >>> sizes = check_shapes(
    ...     images=("batch height width channels", (2, 5, 7, 3)),
    ...     mask=("batch height width", (2, 7, 5)),
    ...     hint="Resize one of them.",
    ... )
    Traceback (most recent call last):
    ValueError: `mask` must have the shape (batch, height, width), here (2, 5, 7). \
Received: mask.shape=(2, 7, 5), images.shape=(2, 5, 7, 3). Resize one of them.
    >>> context = "batch size | batch steps size", (None, 3)
    >>> sizes = check_shapes(context=context, size=4)
    Traceback (most recent call last):
    ValueError: `context` must have the shape (batch, size) or (batch, steps, size), \
here (any, 4) or (any, any, 4). Received: context.shape=(None, 3), size=4.
    """
    sizes = {n: size for n, size in arguments.items() if not isinstance(size, tuple)}
    sizes = {name: size for name, size in sizes.items() if size is not None}
    seen = dict.fromkeys(sizes)
    for name, argument in arguments.items():
        spec, value = argument if isinstance(argument, tuple) else ("", None)
        if value is None:
            continue
        shape = tuple(getattr(value, "shape", value))
        bound = [_bind(each.split(), shape, sizes) for each in spec.split("|")]
        bound = [each for each in bound if each is not None]
        if not bound:
            raise ValueError(_message(name, spec, shape, seen, sizes, hint))
        sizes, seen[name] = bound[0], (spec, shape)
    return sizes


def check_mask(mask, one, whole, **masked):
    """Refuse tensors without a position, and masks that do not fit or keep nothing.

    What a mask holds is seen when its values are there: not while a graph is traced.

    Args:
        mask: Boolean tensor with the axes of what is masked but for the last one, or
            None.
        one: String, what the mask keeps or removes, such as "pixel".
        whole: String, what holds them, in the plural, such as "images".
        masked: By its name, a pair of a shape in words, as in `check_shapes`, and the
            tensor that is masked, or its shape.

    Raises:
        ValueError: There is no position, the mask has another shape, or its values are
            known and it removes every position of some entries of the batch.

    Example:

    >>> images = "batch height width channels", (2, 1, 2, 3)
    >>> check_mask(np.array([[[1, 0]], [[0, 0]]]), "pixel", "images", images=images)
    Traceback (most recent call last):
    ValueError: `mask` removes every pixel of images [1] of the batch of 2: it must be \
True for at least one. Leave such images out.
    """
    ((name, (spec, value)),) = masked.items()
    shape = tuple(getattr(value, "shape", value))
    if 0 in shape[1:-1]:
        raise ValueError(
            f"`{name}` must have at least one {one}. Received: {name}.shape={shape}."
        )
    check_shapes(**masked, mask=(spec.rsplit(maxsplit=1)[0], mask))
    values = concrete_value(mask)
    if values is None or values.ndim < 2:
        return
    kept = values.astype(bool).any(tuple(range(1, values.ndim)))
    if not kept.all():
        raise ValueError(
            f"`mask` removes every {one} of {whole} {np.flatnonzero(~kept).tolist()} "
            f"of the batch of {len(kept)}: it must be True for at least one. Leave "
            f"such {whole} out."
        )


def check_states(name, states, letters, spec, hint="", **others):
    """Refuse what is not the list of states of a layer, each of the same shape.

    Args:
        name: String, the argument's name.
        states: Anything; None passes.
        letters: String, the states by name, such as "[h, c]".
        spec: String, the shape of each in words, as in `check_shapes`.
        hint: String, a sentence after the message.
        others: Further arguments and sizes of `check_shapes`.

    Raises:
        ValueError: There are more or fewer states, or one has another shape.

    Example:

    >>> states = [np.ones((2, 4)), np.ones((2, 5))]
    >>> check_states("initial_state", states, "[h, c]", "batch units", units=4)
    Traceback (most recent call last):
    ValueError: `initial_state[1]` must have the shape (batch, units), here (2, 4). \
Received: initial_state[1].shape=(2, 5), units=4, initial_state[0].shape=(2, 4).
    """
    if states is None:
        return
    sizes, count = check_shapes(hint, **others), letters.count(",") + 1
    is_list = isinstance(states, (list, tuple))
    shapes = [getattr(x, "shape", None) for x in (states if is_list else [states])]
    shapes = [None if shape is None else tuple(shape) for shape in shapes]
    if not is_list or len(shapes) != count or None in shapes:
        raise ValueError(
            f"`{name}` must be the list {letters} of {count} tensors of the shape "
            f"{_expected(spec, sizes)}. Received: "
            f"{f'shapes {shapes}' if is_list else f'one of shape {shapes[0]}'}."
            f"{f' {hint}' if hint else ''}"
        )
    each = {f"{name}[{k}]": (spec, state) for k, state in enumerate(states)}
    check_shapes(hint, **others, **each)


def check_integer_dtype(name, tensor):
    """Refuse a tensor that does not hold integers; None passes.

    Example:

    >>> check_integer_dtype("labels", np.zeros((1, 2, 2), "float32"))
    Traceback (most recent call last):
    ValueError: `labels` must be integers. Received: labels.dtype=float32. Cast them \
to int32.
    """
    if tensor is None or keras.backend.is_int_dtype(tensor.dtype):
        return
    raise ValueError(
        f"`{name}` must be integers. Received: {name}.dtype="
        f"{keras.backend.standardize_dtype(tensor.dtype)}. Cast them to int32."
    )


def _bind(axes, shape, sizes):
    """The sizes of all named axes with those of a shape, or None if it does not fit."""
    sizes = dict(sizes)
    for axis in axes:
        if axis.startswith("*"):  # as many axes as are left for it, or as it had before
            sizes.setdefault(axis, len(shape) - len(axes) + 1)
    axes = _single_axes(axes, sizes)
    if len(axes) != len(shape):
        return None
    for axis, size in zip(axes, shape, strict=True):
        known = int(axis) if axis.isdigit() else sizes.get(axis)
        if known is not None and size is not None and known != size:
            return None
        size = size if known is None else known
        if size is not None:
            sizes[axis] = size
    return sizes


def _single_axes(axes, sizes):
    """Axes with `*name` written out as `name 0`, `name 1` and so on, where known."""
    single = []
    for axis in axes:
        many = axis.startswith("*") and axis in sizes
        single += [f"{axis} {k}" for k in range(sizes[axis])] if many else [axis]
    return single


def _message(name, spec, shape, seen, sizes, hint):
    received = [f"{name}.shape={shape}"]
    unexplained = set(spec.split())
    for other, earlier in seen.items():
        axes = {other} if earlier is None else set(earlier[0].split())
        if axes & unexplained:
            size = f".shape={earlier[1]}" if earlier else f"={sizes[other]}"
            received.append(f"{other}{size}")
            unexplained -= axes
    return (
        f"`{name}` must have the shape {_expected(spec, sizes)}. "
        f"Received: {', '.join(received)}.{f' {hint}' if hint else ''}"
    )


def _expected(spec, sizes):
    """The shapes of a spec by the names of axes, and by the sizes that are known."""
    named, here = [], []
    for each in spec.split("|"):
        named.append(_in_brackets(each.split()))
        axes = _single_axes(each.split(), sizes)
        here.append(_in_brackets([_size(axis, sizes) for axis in axes]))
    named, here = " or ".join(named), " or ".join(here)
    return f"{named}, here {here}" if re.search(r"\d", here) else named


def _size(axis, sizes):
    if axis.startswith("*") and " " not in axis:
        return "..."
    return axis if axis.isdigit() else str(sizes.get(axis, "any"))


def _in_brackets(axes):
    if not axes:
        return "() of a scalar"
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"
