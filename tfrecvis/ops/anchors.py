"""Anchors: boxes of fixed sizes at every place of a map."""

import numpy as np
from keras import ops

from tfrecvis.ops.checks import check_number


def anchor_shapes(sizes, ratios, squares=()):
    """Widths and heights of the anchors of one place.

        w = size / sqrt(ratio),  h = size * sqrt(ratio)

    Reference: Ren et al., 2015 (https://arxiv.org/abs/1506.01497), in Detectron2's
    order: each size with all ratios.

    Args:
        sizes: Numbers, square roots of the areas, in pixels.
        ratios: Numbers, height over width.
        squares: Numbers, sides in pixels of squares that come after the others.

    Returns:
        Float32 array `(len(sizes) * len(ratios) + len(squares), 2)`.

    Example:

    >>> anchor_shapes([32], [0.25, 1]).tolist()
    [[64.0, 16.0], [32.0, 32.0]]
    """
    for name, values in (("sizes", sizes), ("ratios", ratios)):
        if not isinstance(values, (list, tuple)) or not values:
            raise ValueError(
                f"`{name}` must be a list of numbers. Received: {name}={values!r}."
            )
    if not isinstance(squares, (list, tuple)):
        raise ValueError(
            f"`squares` must be a list of numbers. Received: squares={squares!r}."
        )
    for name, values in (("sizes", sizes), ("ratios", ratios), ("squares", squares)):
        for value in values:
            check_number(name, value, positive=True)
    shapes = [(size / r**0.5, size * r**0.5) for size in sizes for r in ratios]
    return np.array([*shapes, *((side, side) for side in squares)], "float32")


def level_anchors(
    height, width, stride, sizes, ratios=(0.5, 1, 2), offset=0.0, squares=()
):
    """Anchors of one map.

        centre of column i: (i + offset) * stride

    Args:
        height: Integer or scalar tensor, rows of the map.
        width: Integer or scalar tensor, columns of the map.
        stride: Number, pixels of the image per pixel of the map.
        sizes: Numbers, as in `anchor_shapes`.
        ratios: Numbers, as in `anchor_shapes`.
        offset: Number from 0 to 1: 0 as in Faster R-CNN, 1/2 as in SSD.
        squares: Numbers, as in `anchor_shapes`.

    Returns:
        Float32 tensor `(height * width * anchors, 4)`, xyxy, pixels of the image; rows
        first, then columns, then shapes. They are not clipped.

    Raises:
        ValueError: A number is out of range.

    Example:

    >>> level_anchors(1, 2, stride=4, sizes=[32], ratios=[0.25]).numpy().tolist()
    [[-32.0, -8.0, 32.0, 8.0], [-28.0, -8.0, 36.0, 8.0]]
    """
    check_number("stride", stride, positive=True)
    check_number("offset", offset)
    shapes = anchor_shapes(sizes, ratios, squares)
    around = ops.convert_to_tensor(np.concatenate([-shapes / 2, shapes / 2], -1))
    x = (ops.arange(width, dtype="float32") + offset) * stride
    y = (ops.arange(height, dtype="float32") + offset) * stride
    x = ops.reshape(x, (1, -1, 1)) + around[:, 0::2][:, None, None, :]  # (A, 1, W, 2)
    y = ops.reshape(y, (-1, 1, 1)) + around[:, 1::2][:, None, None, :]  # (A, H, 1, 2)
    x, y = x + ops.zeros_like(y), y + ops.zeros_like(x)
    boxes = ops.concatenate([x[..., :1], y[..., :1], x[..., 1:], y[..., 1:]], -1)
    return ops.reshape(ops.transpose(boxes, (1, 2, 0, 3)), (-1, 4))


def pyramid_anchors(
    map_sizes, strides, sizes, ratios=(0.5, 1, 2), offset=0.0, squares=None
):
    """Anchors of several maps, one map after the other.

    Args:
        map_sizes: List of pairs `(height, width)`, integers or scalar tensors.
        strides: List of numbers, one for each map.
        sizes: List of lists of numbers, one list for each map.
        ratios: List of numbers for all maps, or a list of lists, one for each map.
        offset: Number, as in `level_anchors`.
        squares: List of lists of numbers, one list for each map, or None.

    Returns:
        Float32 tensor `(anchors of all maps, 4)`, xyxy, pixels of the image.

    Raises:
        ValueError: The lists do not fit the maps, or a number is out of range.

    Example:

    >>> maps = [(2, 2), (1, 1)]
    >>> pyramid_anchors(maps, [8, 16], sizes=[[32], [64]], ratios=[1]).shape
    TensorShape([5, 4])
    """
    count = len(map_sizes)
    several = isinstance(ratios[0], (list, tuple))
    ratios = list(ratios) if several else [ratios] * count
    squares = [()] * count if squares is None else squares
    for name, values in (
        ("strides", strides),
        ("sizes", sizes),
        ("ratios", ratios),
        ("squares", squares),
    ):
        if len(values) != count:
            raise ValueError(
                f"`{name}` must have one entry for each of the {count} maps. Received: "
                f"{name}={values!r}, of {len(values)}."
            )
    levels = zip(map_sizes, strides, sizes, ratios, squares, strict=True)
    return ops.concatenate(
        [level_anchors(*size, *others, offset, last) for size, *others, last in levels]
    )


def inside_image(boxes, height, width, margin=0.0):
    """Which boxes lie within the image, but for a margin around it.

    Faster R-CNN's first stage does not train anchors that cross the border.

    Args:
        boxes: Float tensor `(..., 4)`, xyxy, pixels.
        height: Number or scalar tensor, pixels.
        width: Number or scalar tensor, pixels.
        margin: Number, pixels by which a box may cross the border.

    Returns:
        Boolean tensor `(...)`.

    Example:

    >>> boxes = ops.convert_to_tensor([[0.0, 0.0, 8.0, 8.0], [-1.0, 0.0, 4.0, 4.0]])
    >>> inside_image(boxes, 8, 8).numpy().tolist()
    [True, False]
    """
    height, width = (ops.cast(size, "float32") for size in (height, width))
    most = ops.stack([width, height]) + margin
    return ops.all(boxes[..., :2] >= -margin, -1) & ops.all(boxes[..., 2:] <= most, -1)
