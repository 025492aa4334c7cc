"""Which boxes the cells of a map answer for."""

from keras import ops

from tfrecvis.ops.box_checks import check_boxes, check_classes
from tfrecvis.ops.checks import check_integer, check_number
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.shape_checks import check_shapes

FAR = 1e9  # pixels


def cell_centres(rows, columns, stride):
    """Centres (x, y) of the cells of a map, in pixels.

        x = (column + 1/2) * stride,  y = (row + 1/2) * stride

    Args:
        rows: Integer or scalar tensor.
        columns: Integer or scalar tensor.
        stride: Number, side of a cell in pixels.

    Returns:
        Float32 tensor `(rows, columns, 2)`.

    Example:

    >>> cell_centres(1, 2, stride=16).numpy().tolist()
    [[[8.0, 8.0], [24.0, 8.0]]]
    """
    x = (ops.arange(columns, dtype="float32") + 0.5) * stride
    y = (ops.arange(rows, dtype="float32")[:, None] + 0.5) * stride
    return ops.stack([x + ops.zeros_like(y), y + ops.zeros_like(x)], -1)


def boxes_of_cells(boxes, classes, rows, columns, stride, most=5, reach=1.8):
    """The boxes that each cell of a map answers for, the nearest first.

    A box belongs to every cell that it overlaps and from whose centre its own is less
    than `reach` cells away; of more than `most`, the nearest ones count.

    Reference: Stewart and Andriluka, 2016 (https://arxiv.org/abs/1506.04878); the reach
    is that of its published code.

    Args:
        boxes: Float tensor `(B, N, 4)`, xyxy, absolute pixels.
        classes: Integer tensor `(B, N)`; -1 is padding.
        rows: Integer or scalar tensor.
        columns: Integer or scalar tensor.
        stride: Integer, side of a cell in pixels.
        most: Integer, boxes of a cell.
        reach: Number, sides of a cell.

    Returns:
        Float32 tensor `(B, rows, columns, most, 4)`: the box's centre (x, y) relative
        to the cell's, its width and its height, in pixels; and int32 classes
        `(B, rows, columns, most)`, -1 where there is no more box.

    Raises:
        ValueError: The shapes do not fit, or a number is out of range.

    Example:

    >>> boxes = ops.convert_to_tensor([[[2.0, 4.0, 12.0, 16.0]]])
    >>> classes = ops.convert_to_tensor([[7]])
    >>> offsets, labels = boxes_of_cells(boxes, classes, 1, 3, stride=16, most=1)
    >>> labels[0, 0].numpy().tolist(), offsets[0, 0, 0].numpy().tolist()
    ([[7], [-1], [-1]], [[-1.0, 2.0, 10.0, 12.0]])
    """
    check_boxes("boxes", boxes, classes=("batch boxes", classes))
    check_classes("classes", classes)
    check_shapes(classes=("batch boxes", classes))
    check_integer("most", most)
    check_number("stride", stride, positive=True)
    check_number("reach", reach, positive=True)
    # Padding, as many as may be missing: there may be fewer boxes than `most`.
    boxes = ops.pad(ops.cast(boxes, "float32"), [(0, 0), (0, most), (0, 0)])
    classes = ops.pad(
        ops.cast(classes, "int32"), [(0, 0), (0, most)], constant_values=-1
    )
    centres = ops.reshape(cell_centres(rows, columns, stride), (-1, 1, 2))
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    sides = boxes[..., 2:] - boxes[..., :2]
    shift = middle[:, None] - centres  # (B, cells, N, 2)
    overlaps = ops.all(ops.abs(shift) < (sides[:, None] + stride) / 2, -1)
    distance = ops.sqrt(ops.sum(shift * shift, -1))
    own = overlaps & (distance < reach * stride) & (classes >= 0)[:, None]
    nearest, places = ops.top_k(ops.where(own, -distance, -FAR), most)
    places = ops.cast(places, "int32")  # (B, cells, most)
    found = nearest > -FAR
    offsets = ops.concatenate(
        [gather_nodes(middle, places) - centres, gather_nodes(sides, places)], -1
    )
    labels = ops.where(found, gather_nodes(classes, places), -1)
    offsets = ops.where(found[..., None], offsets, 0.0)
    return (
        ops.reshape(offsets, (-1, rows, columns, most, 4)),
        ops.reshape(labels, (-1, rows, columns, most)),
    )
