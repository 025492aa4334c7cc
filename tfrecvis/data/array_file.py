"""Labelled images in one file of NumPy arrays."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np


def read_array_file(path, split):
    """Images and classes of one split of an `.npz` file.

    The file holds `x_train`, `y_train`, `x_test` and `y_test`, as the one that
    `keras.datasets.mnist` downloads.

    Args:
        path: The file, or a folder that holds one such file.
        split: String, `"train"` or `"test"`; any `x_`, `y_` pair of the file.

    Returns:
        `(images, classes)`: `(images, height, width, channels)` of the file's type, one
        channel where it has no channel axis, and int32 `(images,)`.

    Raises:
        ValueError: there is no such file or split, or its arrays do not fit.

    Example:

    >>> digits = np.zeros((5, 28, 28), "uint8")
    >>> np.savez("digits.npz", x_train=digits, y_train=np.arange(5))
    >>> images, classes = read_array_file("digits.npz", "train")
    >>> images.shape, classes.dtype
    ((5, 28, 28, 1), dtype('int32'))
    """
    file = Path(path)
    if file.is_dir():
        found = sorted(file.glob("*.npz"))
        if len(found) != 1:
            raise ValueError(
                f"The folder {path} must hold one .npz file. Received: {len(found)}. "
                "Name the file itself."
            )
        file = found[0]
    if not file.is_file():
        raise ValueError(f"There is no file {path}. Use the path of an .npz file.")
    keys = f"x_{split}", f"y_{split}"
    try:
        with np.load(file) as arrays:
            names = sorted(arrays.files)
            found = [arrays[key] for key in keys if key in names]
    except (OSError, EOFError, ValueError, AttributeError, BadZipFile) as error:
        raise ValueError(f"{file} cannot be read as .npz: {error}") from error
    if len(found) < 2:
        raise ValueError(
            f"{file} has no arrays {keys[0]} and {keys[1]}. It holds: "
            f"{', '.join(names)}."
        )
    images, classes = found
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or classes.shape != images.shape[:1]:
        raise ValueError(
            "Images must be (images, height, width) or (images, height, width, "
            f"channels) and classes (images,). Received: {keys[0]}.shape="
            f"{images.shape}, {keys[1]}.shape={classes.shape} in {file}."
        )
    return images, classes.astype("int32")
