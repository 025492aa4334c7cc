"""Checks of boxes and thresholds, before any tensor work."""

import numpy as np

from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.checks import check_number
from tfrecvis.ops.shape_checks import check_integer_dtype, check_shapes


def check_boxes(name, boxes, spec="batch boxes 4", pixels=False, **others):
    """Refuse what cannot be xyxy boxes.

    What the boxes hold is seen when their values are there: not while a graph is
    traced.

    Args:
        name: String, the argument's name.
        boxes: Tensor.
        spec: String, its shape in words, as in `check_shapes`.
        pixels: Whether coordinates must be in pixels. Boxes that all lie within the
            first pixel are then taken for normalised ones, and refused.
        others: Further arguments and sizes of `check_shapes`.

    Raises:
        ValueError: The shape does not fit, a coordinate is NaN or infinite, a box has
            its corners swapped, or boxes in pixels seem to be normalised.

    Example:

    >>> check_boxes("boxes", np.array([[[4.0, 5.0, 2.0, 9.0]]]))
    Traceback (most recent call last):
    ValueError: `boxes` must be (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2. Received: \
1 of 1 boxes otherwise, the first at [0, 0]: [4.0, 5.0, 2.0, 9.0]. If they are in \
another format, convert them with `tfrecvis.ops.convert_boxes`.
    """
    check_shapes(
        f"`{name}` are boxes (x1, y1, x2, y2).", **others, **{name: (spec, boxes)}
    )
    values = concrete_value(boxes)
    if values is None or not values.size:
        return
    values = np.asarray(values, "float64")
    finite = np.isfinite(values).all(-1)
    if not finite.all():
        raise ValueError(
            f"`{name}` must be finite. Received: NaN or infinity in "
            f"{_which(values, ~finite)}. Leave such boxes out."
        )
    swapped = (values[..., 2:] < values[..., :2]).any(-1)
    if swapped.any():
        raise ValueError(
            f"`{name}` must be (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2. Received: "
            f"{_which(values, swapped)}. If they are in another format, convert them "
            "with `tfrecvis.ops.convert_boxes`."
        )
    if pixels and 0 < values.max() <= 1 and values.min() >= 0:
        raise ValueError(
            f"`{name}` must be in pixels. Received: coordinates from "
            f"{values.min():.6g} to {values.max():.6g}, which are normalised ones. "
            "Convert them with `tfrecvis.ops.convert_boxes(boxes, 'rel_xyxy', 'xyxy', "
            "height, width)`."
        )


def check_threshold(name, value):
    """Refuse what is no number from 0 to 1, both included.

    Example:

    >>> check_threshold("iou_threshold", 50)
    Traceback (most recent call last):
    ValueError: `iou_threshold` must be a number from 0 to 1. Received: \
iou_threshold=50. Is it in percent?
    """
    try:
        check_number(name, value)
        fits = value <= 1
    except ValueError:
        fits, value = False, value
    if not fits:
        hint = " Is it in percent?" if isinstance(value, (int, float)) else ""
        raise ValueError(
            f"`{name}` must be a number from 0 to 1. Received: {name}={value!r}.{hint}"
        )


def check_classes(name, classes, num_classes=None):
    """Refuse classes that are no integers from -1, which is padding.

    Args:
        name: String, the argument's name.
        classes: Integer tensor, or None.
        num_classes: Integer, above all classes, or None.

    Raises:
        ValueError: Of another type, or, when its values are there, below -1 or
            not below `num_classes`.

    Example:

    >>> check_classes("classes", np.array([[0, 7]]), num_classes=3)
    Traceback (most recent call last):
    ValueError: `classes` must be from 0 to 2, or -1 for padding. Received: classes \
from 0 to 7.
    """
    check_integer_dtype(name, classes)
    values = concrete_value(classes)
    if values is None or not values.size:
        return
    if values.min() < -1 or (num_classes is not None and values.max() >= num_classes):
        most = "0" if num_classes is None else f"0 to {num_classes - 1}"
        raise ValueError(
            f"`{name}` must be from {most}, or -1 for padding. Received: {name} from "
            f"{values.min()} to {values.max()}."
        )


def _which(values, wrong):
    place = np.argwhere(wrong)[0].tolist()
    return (
        f"{wrong.sum()} of {wrong.size} boxes{' otherwise' if _sane(values) else ''}, "
        f"the first at {place}: {values[tuple(place)].tolist()}"
    )


def _sane(values):
    return np.isfinite(values).all()
