"""Encoded images and label maps to arrays."""

import io

import numpy as np
import tensorflow as tf


def decode_image(data):
    """JPEG or PNG bytes to a `(height, width, 3)` uint8 RGB tensor.

    Grey images get three equal channels, transparency is dropped. EXIF rotation is
    not applied, because label maps do not carry it.

    Example:

    >>> data = tf.io.encode_png(np.zeros((2, 3, 1), "uint8"))
    >>> decode_image(data).shape
    TensorShape([2, 3, 3])
    """
    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def decode_labels(data):
    """PNG bytes to a `(height, width)` int32 array of class numbers.

    A palette PNG gives its palette indices, whatever their colours, and a grey PNG
    its values; depths of 1, 2, 4, 8 and 16 bits are read unscaled.

    Raises:
        ValueError: The map is no image, or a colour image.

    Example:

    >>> data = tf.io.encode_png(np.full((2, 3, 1), 7, "uint8")).numpy()
    >>> decode_labels(data).tolist()
    [[7, 7, 7], [7, 7, 7]]
    """
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as error:  # PIL raises a dozen kinds on broken files
        raise ValueError(f"cannot be decoded ({error})") from error
    if image.mode not in ("L", "P", "1") and not image.mode.startswith("I"):
        raise ValueError(
            f"is a colour image (mode {image.mode}), where a grey or palette image "
            "of class numbers is expected"
        )
    labels = np.asarray(image).astype("int32")
    depth, colour_type = _png_depth(data)
    if image.mode == "L" and colour_type == 0 and depth < 8:
        labels //= 255 // (2**depth - 1)  # PIL stretches grey depths to 0-255
    return labels


def _png_depth(data):
    """Bits a sample and colour type from a PNG's header; 8, 0 for other formats."""
    if not data.startswith(b"\x89PNG") or len(data) < 26:
        return 8, 0
    return data[24], data[25]


def decode_pair(image_data, labels_data):
    """A decoded image and its label map, or what is wrong with them.

    Args:
        image_data: Bytes.
        labels_data: Bytes.

    Returns:
        `(image, labels, None)` or `(None, None, reason)`.

    Example:

    >>> decode_pair(b"", b"")[2]
    'the image is empty (0 bytes)'
    """
    for data, what in ((image_data, "image"), (labels_data, "label map")):
        if not data:
            return None, None, f"the {what} is empty (0 bytes)"
    try:
        image = decode_image(image_data).numpy()
    except (tf.errors.OpError, ValueError) as error:
        line = str(getattr(error, "message", error)).splitlines()[0][:160]
        return None, None, f"the image cannot be decoded ({line})"
    try:
        labels = decode_labels(labels_data)
    except ValueError as error:
        return None, None, f"the label map {error}"
    return image, labels, find_size_problem(image, labels)


def find_size_problem(image, labels):
    """What is wrong with the size of a label map, or None.

    Example:

    >>> find_size_problem(np.zeros((4, 5, 3)), np.zeros((4, 6)))
    'the label map is 6x4 pixels, but its image 5x4 (width x height)'
    """
    if labels.shape == image.shape[:2]:
        return None
    return (
        f"the label map is {labels.shape[1]}x{labels.shape[0]} pixels, but its image "
        f"{image.shape[1]}x{image.shape[0]} (width x height)"
    )


def read_or_none(path):
    """A file's bytes, or None where it cannot be read.

    Example:

    >>> read_or_none("there/is/no/such/file") is None
    True
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
