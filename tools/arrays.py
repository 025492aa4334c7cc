"""Inputs in `.npz` files: read, and refused in terms of the file."""

import zipfile

import numpy as np


def read_arrays(file):
    """Returns the arrays of an `.npz` file by name, each with a batch axis.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        if not zipfile.is_zipfile(file):
            raise ValueError("is not an .npz file, which holds named arrays")
        with np.load(file) as arrays:
            return {name: _read(arrays, name)[None] for name in arrays.files}
    except OSError as error:
        raise ValueError(f"cannot be opened ({error.strerror or error})") from error


def _read(arrays, name):
    try:
        return np.asarray(arrays[name])
    except Exception as error:  # NumPy and the archive raise half a dozen kinds
        raise ValueError(
            f"holds `{name}`, which is broken or no array of numbers, text or booleans"
        ) from error


def check_arrays(inputs, predictor, made=()):
    """Refuses what a file holds where the model does not take it.

    Messages show shapes without the batch axis, as the file has them, and end with all
    that the model takes. Images are left out: they are brought to the model's size.

    Args:
        inputs: Dict of arrays with a batch axis.
        predictor: A `tfrecvis.export.Predictor`.
        made: Names of inputs that the task makes itself, which may be missing.

    Raises:
        ValueError: an array is missing, or not what the model takes.

    Example:

    >>> from tfrecvis.export import keras_predictor
    >>> from tfrecvis.models import SequenceTagger, sequences
    >>> predictor = keras_predictor(
    ...     sequences.signatures(SequenceTagger(11, units=4, depth=2))
    ... )
    >>> check_arrays({"tokens": np.zeros((1, 9))}, predictor)
    Traceback (most recent call last):
    ValueError: holds `tokens` as float64. Expected: tokens (steps) int32
    """
    from tfrecvis.export.predictor import DEFAULT, check_axes

    specs = predictor.signatures[DEFAULT]
    described = predictor.card.get("signatures", {}).get(DEFAULT, {})
    axes, dtypes = {}, {}
    for name in described or specs:  # LiteRT files have lost the order
        if described.get(name, {}).get("image") or name in made:
            continue
        shape, dtypes[name] = specs[name]
        named = zip(shape, predictor.axes(name), strict=True)
        axes[name] = [axis if size is None else size for size, axis in named]
    problems = (_problem(n, inputs.get(n), axes[n], dtypes[n]) for n in axes)
    problem = next(filter(None, problems), None)
    if problem is None:
        try:
            check_axes({name: inputs[name] for name in axes}, axes)
        except ValueError as error:
            problem = str(error).rstrip(".")
    if problem is not None:
        expected = ", ".join(
            f"{name} ({', '.join(str(axis or 'any') for axis in axes[name][1:])}) "
            f"{dtypes[name]}"
            for name in axes
        )
        raise ValueError(f"{problem}. Expected: {expected}")


def _problem(name, array, axes, dtype):
    """What is wrong with the array of an input, or None."""
    from tfrecvis.export.predictor import check_array

    if array is None:
        return f"lacks `{name}`"
    given, wanted = array.shape[1:], axes[1:]
    fits = len(given) == len(wanted) and all(
        size == axis or not isinstance(axis, int)
        for size, axis in zip(given, wanted, strict=True)
    )
    if not fits or 0 in given:
        return f"holds `{name}` in the shape {given}"
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        return f"holds NaN or infinity in `{name}`"
    shape = [axis if isinstance(axis, int) else None for axis in axes]
    try:
        check_array(name, array, shape, dtype)
    except ValueError:
        values = ""
        if np.issubdtype(array.dtype, np.integer):
            values = f", from {array.min()} to {array.max()}"
        return f"holds `{name}` as {array.dtype.name}{values}"
    return None
