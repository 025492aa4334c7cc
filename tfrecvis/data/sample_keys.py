"""What a sample may hold: one table of keys, and the check of a sample against it."""

import difflib
from typing import Any, NamedTuple

import numpy as np


class SampleKey(NamedTuple):
    """What one key of a sample dict holds.

    Attributes:
        axes: String, the axes in order, separated by spaces: a name for a size that
            differs between samples, a number for one that does not. Axes of one name
            have one size within a sample.
        dtype: String.
        padding: What fills up shorter samples of a batch, and what comes from outside
            the image when it is cropped.
        moves: What happens when the image moves: `"no"`, nothing; `"image"`, resampled
            between pixels; `"labels"`, resampled by the nearest pixel; `"boxes"`,
            coordinates that are moved and clipped; `"size"`, becomes the new size.
        what: String, the meaning, with its unit.

    Example:

    >>> SAMPLE_KEYS["labels"].padding
    255
    """

    axes: str
    dtype: str
    padding: Any
    moves: str
    what: str

    @property
    def axis_names(self):
        return tuple(self.axes.split())


# The docstring of `tfrecvis.data` shows this table; a test compares them.
SAMPLE_KEYS = {
    "image": SampleKey(
        "height width 3", "uint8", 0, "image", "RGB, 0-255; models rescale inside"
    ),
    "clip": SampleKey(
        "frames height width 3",
        "uint8",
        0,
        "image",
        "RGB, 0-255, images one after the other",
    ),
    "labels": SampleKey(
        "height width", "int32", 255, "labels", "class numbers from 0; 255 = void"
    ),
    "superpixels": SampleKey(
        "height width", "int32", -1, "labels", "number of each pixel's superpixel"
    ),
    "depth": SampleKey(
        "height width", "float32", 0.0, "labels", "metres; 0 = no measurement"
    ),
    "masks": SampleKey(
        "boxes height width", "uint8", 0, "labels", "1 where an instance is, else 0"
    ),
    "boxes": SampleKey(
        "boxes 4",
        "float32",
        0.0,
        "boxes",
        "xyxy, absolute pixels, pixel i spans [i, i+1)",
    ),
    "regions": SampleKey(
        "regions 4",
        "float32",
        0.0,
        "boxes",
        "xyxy, absolute pixels: where an object may be",
    ),
    "classes": SampleKey("boxes", "int32", -1, "no", "class number of each box"),
    "difficult": SampleKey(
        "boxes", "bool", False, "no", "True where a box does not count in scores"
    ),
    "class": SampleKey("", "int32", -1, "no", "class number of the image or clip"),
    "tokens": SampleKey("steps", "int32", 0, "no", "words or symbols; 0 = padding"),
    "answer": SampleKey("answer_steps", "int32", 0, "no", "tokens of the answer"),
    "captions": SampleKey("captions", "string", "", "no", "sentences about the image"),
    "question": SampleKey("", "string", "", "no", "a question about the image"),
    "features": SampleKey(
        "nodes features", "float32", 0.0, "no", "what is known of each node"
    ),
    "neighbours": SampleKey(
        "nodes neighbours", "int32", -1, "no", "numbers of the nodes that touch one"
    ),
    "confidence": SampleKey(
        "nodes", "float32", 0.0, "no", "the highest is visited first"
    ),
    "nodes": SampleKey("nodes", "bool", False, "no", "True where a node is real"),
    "node_labels": SampleKey(
        "nodes", "int32", 255, "no", "class number of each node; 255 = void"
    ),
    "file": SampleKey("", "string", "", "no", "a path, or the data set's own name"),
    "image_size": SampleKey(
        "2", "int32", 0, "size", "height and width before a batch pads the image"
    ),
}


def check_sample(sample):
    """Refuses what is no sample dict: unknown keys, wrong types, wrong shapes.

    Args:
        sample: Dict of arrays or tensors; also of `tf.TensorSpec`, such as the
            `element_spec` of a data set of samples.

    Raises:
        ValueError: a key is unknown, or its value has another dtype or shape than
            `SAMPLE_KEYS` says, or two values differ in the size of an axis.

    Example:

    >>> check_sample({"image": np.zeros((4, 6, 3), "uint8"), "file": "a.png"})
    >>> check_sample({"labls": np.zeros((4, 6), "int32")})
    Traceback (most recent call last):
    ValueError: 'labls' is no key of a sample. Did you mean 'labels'?
    """
    if not isinstance(sample, dict):
        raise ValueError(
            "A sample must be a dict of arrays or tensors; its keys are those of "
            f"tfrecvis.data.SAMPLE_KEYS. Received: a {type(sample).__name__}."
        )
    sizes = {}
    for name, value in sample.items():
        key = known_key(name)
        dtype, shape = _dtype_and_shape(value)
        if dtype != key.dtype:
            raise ValueError(
                f"`{name}` of a sample must be {key.dtype} ({key.what}). "
                f"Received: {dtype}."
            )
        if shape is None:  # a tensor of unknown rank
            continue
        axes = key.axis_names
        expected = f"({', '.join(axes)})"
        if len(shape) != len(axes):
            raise ValueError(
                f"`{name}` of a sample must have the shape {expected}. "
                f"Received: shape {shape}."
            )
        for axis, size in zip(axes, shape, strict=True):
            if axis.isdigit():
                other, whose = int(axis), None
            else:
                other, whose = sizes.setdefault(axis, (size, name))
            if None in (size, other):
                if other is None:
                    sizes[axis] = (size, name)
            elif size != other:
                says = f"`{whose}` has {axis} {other}. " if whose else ""
                raise ValueError(
                    f"`{name}` of a sample must have the shape {expected}. {says}"
                    f"Received: shape {shape}."
                )


def known_key(name):
    """The `SampleKey` of a name.

    Raises:
        ValueError: there is none.

    Example:

    >>> known_key("boxes").axes
    'boxes 4'
    """
    if name in SAMPLE_KEYS:
        return SAMPLE_KEYS[name]
    close = difflib.get_close_matches(str(name), SAMPLE_KEYS, n=1)
    hint = (
        f"Did you mean {close[0]!r}?" if close else f"Keys: {', '.join(SAMPLE_KEYS)}."
    )
    raise ValueError(f"{name!r} is no key of a sample. {hint}")


def spatial_keys(names):
    """Those of the keys that have a value per pixel, `image` first.

    Example:

    >>> spatial_keys(["boxes", "masks", "image"])
    ['image', 'masks']
    """
    found = [name for name in names if "height" in SAMPLE_KEYS[name].axis_names]
    return sorted(found, key=list(SAMPLE_KEYS).index)


def _dtype_and_shape(value):
    """The dtype by its name and the shape as a tuple with None, or None."""
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        value = np.asarray(value)
    shape = None if getattr(value.shape, "rank", 0) is None else tuple(value.shape)
    dtype = value.dtype
    if getattr(dtype, "kind", "") in ("S", "U", "O"):
        return "string", shape
    return dtype.name, shape
