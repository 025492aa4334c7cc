"""The loss of ReInspect: sequences of boxes, matched with the true ones."""

import keras
from keras import ops

from tfrecvis.ops.assignment import assign_lexicographic
from tfrecvis.ops.cell_boxes import boxes_of_cells
from tfrecvis.ops.checks import check_number
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.truth import padded_truth


def hungarian_loss(logits, offsets, boxes, classes, stride, box_weight=0.03):
    """The two losses of cells that emit a sequence of boxes each.

    Each cell has its true boxes (see `tfrecvis.ops.boxes_of_cells`), at most as many as
    steps. Each of them gets another step, so that three sums are lowest, the first of
    them before all, then the second, then the third:

        missed    how many steps have their centre outside of their true box
        rank      the numbers of the steps: boxes come first, "stop" afterwards
        distance  |x - x'| + |y - y'| + |w - w'| + |h - h'|

    With N all cells of the batch:

        classes = sum over steps(cross_entropy(logits, class, or "stop")) / N
        boxes   = box_weight * sum over matched steps(distance) / N

    The assignment is exact (`tfrecvis.ops.assign_lexicographic`), and no gradient
    passes through it.

    Reference: Stewart and Andriluka, 2016, section 3.2
    (https://arxiv.org/abs/1506.04878); which boxes are a cell's own is as in its
    published code.
    Differs from the paper: any number of classes in place of one.

    Args:
        logits: Float tensor `(batch, rows, columns, steps, 1 + classes)`, "stop" first;
            6 steps at most.
        offsets: Float tensor `(batch, rows, columns, steps, 4)`: the box's centre
            (x, y) relative to the cell's, its width and its height, in pixels.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones, xyxy, absolute pixels.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.
        stride: Integer, side of a cell in pixels.
        box_weight: Number from 0.

    Returns:
        Dict of two float32 scalars, `classes` and `boxes`.

    Raises:
        ValueError: The shapes do not fit, or there are more than 6 steps.

    Example:

    >>> offsets = ops.zeros((1, 1, 1, 2, 4))
    >>> boxes = ops.convert_to_tensor([[[2.0, 4.0, 12.0, 16.0]]])
    >>> classes = ops.zeros((1, 1), "int32")
    >>> losses = hungarian_loss(
    ...     ops.zeros((1, 1, 1, 2, 3)), offsets, boxes, classes, stride=16
    ... )
    >>> round(float(losses["classes"]), 4), round(float(losses["boxes"]), 4)
    (2.1972, 0.75)
    """
    check_shapes(
        logits=("batch rows columns steps logits", logits),
        offsets=("batch rows columns steps 4", offsets),
        boxes=("batch boxes 4", boxes),
        classes=("batch boxes", classes),
    )
    check_number("box_weight", box_weight)
    logits, offsets = (ops.cast(x, "float32") for x in (logits, offsets))
    boxes, classes, fault = padded_truth(boxes, classes, logits.shape[-1] - 1)
    batch, rows, columns, steps, _ = ops.shape(logits)
    targets, labels = boxes_of_cells(boxes, classes, rows, columns, stride, steps)
    real = labels >= 0
    gaps = offsets[..., :, None, :] - targets[..., None, :, :]  # step i, box j
    distance = ops.sum(ops.abs(gaps), -1)
    outside = ops.abs(gaps[..., :2]) > targets[..., None, :, 2:] / 2
    missed = ops.cast(ops.any(outside, -1), "float32")
    rank = ops.arange(steps, dtype="float32")[:, None] + ops.zeros_like(missed)
    steps_of_boxes = assign_lexicographic([missed, rank, distance], real)
    turn = ops.arange(steps, dtype="int32")[:, None]
    matched = ops.cast(ops.equal(steps_of_boxes[..., None, :], turn), "float32")
    labels = ops.sum(matched * ops.cast(labels + 1, "float32")[..., None, :], -1)
    found = keras.losses.sparse_categorical_crossentropy(
        ops.cast(labels, "int32"), logits, from_logits=True
    )
    cells = ops.maximum(ops.cast(batch * rows * columns, "float32"), 1.0)
    return {
        "classes": ops.sum(found) / cells + fault,
        "boxes": box_weight * ops.sum(distance * matched) / cells + fault,
    }
