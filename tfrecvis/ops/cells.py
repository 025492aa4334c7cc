"""What a detector with a dense last layer says of each cell of its grid."""

from keras import ops


def split_cells(values, boxes_per_cell):
    """The boxes and the classes of each cell.

    Args:
        values: Tensor `(..., 5 * boxes_per_cell + classes)`.
        boxes_per_cell: Integer.

    Returns:
        Tensors `(..., boxes_per_cell, 5)`, of each box x, y, w, h and confidence, and
        `(..., classes)`.

    Example:

    >>> boxes, classes = split_cells(ops.zeros((1, 7, 7, 13)), 2)
    >>> tuple(boxes.shape), tuple(classes.shape)
    ((1, 7, 7, 2, 5), (1, 7, 7, 3))
    """
    boxes = values[..., : 5 * boxes_per_cell]
    boxes = ops.reshape(boxes, (*ops.shape(values)[:-1], boxes_per_cell, 5))
    return boxes, values[..., 5 * boxes_per_cell :]
