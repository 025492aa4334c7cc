"""Boxes as numbers: formats, overlaps, and targets of regression."""

import math

import keras
from keras import ops

from tfrecvis.ops.box_checks import check_boxes
from tfrecvis.ops.checks import check_choice
from tfrecvis.ops.shape_checks import check_shapes

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
FORMATS += tuple(f"rel_{name}" for name in FORMATS[:4])

# A box grows by at most 1000 / 16 in one step of a regression, as in Detectron2.
LARGEST_LOG_SCALE = math.log(1000 / 16)


def convert_boxes(boxes, source, target, height=None, width=None):
    """Boxes in another format, by `keras.utils.bounding_boxes.convert_format`.

    Args:
        boxes: Float tensor `(..., 4)`.
        source: String, the format they have: one of `FORMATS`. xyxy is left, top,
            right, bottom; xywh is left, top, width, height; `rel_` says that numbers
            are shares of the image's size.
        target: String, the format they get.
        height: Number, of the image; needed with `rel_`.
        width: Number, of the image.

    Returns:
        Float32 tensor `(..., 4)`.

    Raises:
        ValueError: A format is unknown, the size is missing, or the boxes do not look
            like what `source` says.

    Example:

    >>> convert_boxes([[10.0, 20.0, 4.0, 2.0]], "center_xywh", "xyxy").numpy().tolist()
    [[8.0, 19.0, 12.0, 21.0]]
    """
    check_choice("source", source, FORMATS)
    check_choice("target", target, FORMATS)
    relative = ("rel" in source) != ("rel" in target)
    if relative and (height is None or width is None):
        raise ValueError(
            f"From {source} to {target} needs the image's size. Received: "
            f"height={height}, width={width}. Give both."
        )
    boxes = ops.cast(ops.convert_to_tensor(boxes), "float32")
    order = source.removeprefix("rel_")
    if order in ("xyxy", "yxyx"):
        check_boxes("boxes", boxes, "*any 4", pixels=relative and "rel" in target)
    else:  # sizes below zero would be swapped corners
        check_shapes(boxes=("*any 4", boxes))
        sizes = ops.concatenate([ops.zeros_like(boxes[..., :2]), boxes[..., 2:]], -1)
        check_boxes("boxes", sizes, "*any 4")
    # Keras divides and multiplies by the size of the image when both are relative.
    size = {"height": 1 if height is None else height}
    size["width"] = 1 if width is None else width
    return keras.utils.bounding_boxes.convert_format(boxes, source, target, **size)


def box_area(boxes):
    """Width times height of xyxy boxes `(..., 4)`.

    Example:

    >>> box_area(ops.convert_to_tensor([[1.0, 1.0, 3.0, 4.0]])).numpy().tolist()
    [6.0]
    """
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_iou(boxes, others, kind="iou"):
    """Overlap of every box with every other, as `box_overlap` has it.

    Args:
        boxes: Float tensor `(..., N, 4)`, xyxy.
        others: Float tensor `(..., M, 4)`, xyxy.
        kind: "iou", "giou", "diou" or "ciou".

    Returns:
        Float tensor `(..., N, M)`.

    Example:

    >>> boxes = ops.convert_to_tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 2.0, 2.0]])
    >>> pairwise_iou(boxes, boxes).numpy().tolist()
    [[1.0, 0.25], [0.25, 1.0]]
    """
    return box_overlap(boxes[..., :, None, :], others[..., None, :, :], kind)


def box_overlap(boxes, others, kind="iou"):
    """Overlap of boxes with their counterparts; what losses subtract from one.

        IoU  = shared area / joint area
        GIoU = IoU - (hull - joint area) / hull
        DIoU = IoU - centre distance^2 / diagonal of the hull^2
        CIoU = DIoU - alpha v,  alpha = v / (1 - IoU + v)
        v    = 4 / pi^2 (atan(w / h) - atan(w' / h'))^2

    The hull is the smallest box around both. A quotient by zero, of boxes without
    area, is 0. alpha is a constant to gradients, as the paper has it. LiteRT has no
    builtin for the arctangent of CIoU, which is for losses.

    Reference: Rezatofighi et al., 2019 (https://arxiv.org/abs/1902.09630); Zheng et
    al., 2020 (https://arxiv.org/abs/1911.08287).

    Args:
        boxes: Float tensor `(..., 4)`, xyxy.
        others: Float tensor `(..., 4)`, xyxy, of a shape that broadcasts.
        kind: "iou", from 0 to 1; "giou" or "diou", from -1; or "ciou".

    Returns:
        Float tensor `(...)`.

    Raises:
        ValueError: `kind` is none of these, or boxes are not xyxy.

    Example:

    >>> a = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0])
    >>> b = ops.convert_to_tensor([1.0, 0.0, 2.0, 1.0])
    >>> [float(box_overlap(a, b, kind)) for kind in ("iou", "giou", "diou")]
    [0.0, 0.0, -0.20000000298023224]
    """
    check_choice("kind", kind, ("iou", "giou", "diou", "ciou"))
    check_boxes("boxes", boxes, "*any 4")
    check_boxes("others", others, "*any 4")
    low = ops.maximum(boxes[..., :2], others[..., :2])
    high = ops.minimum(boxes[..., 2:], others[..., 2:])
    shared = ops.prod(ops.relu(high - low), -1)
    joint = box_area(boxes) + box_area(others) - shared
    iou = _quotient(shared, joint)
    if kind == "iou":
        return iou
    sides = ops.maximum(boxes[..., 2:], others[..., 2:]) - ops.minimum(
        boxes[..., :2], others[..., :2]
    )
    if kind == "giou":
        hull = ops.prod(sides, -1)
        return iou - _quotient(hull - joint, hull)
    between = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    distance = ops.sum(ops.square(between), -1)
    diou = iou - _quotient(distance, ops.sum(ops.square(sides), -1))
    if kind == "diou":
        return diou
    angles = [
        ops.arctan(_quotient(b[..., 2] - b[..., 0], b[..., 3] - b[..., 1]))
        for b in (boxes, others)
    ]
    v = 4 / math.pi**2 * ops.square(angles[0] - angles[1])
    alpha = ops.stop_gradient(_quotient(v, 1.0 - iou + v))
    return diou - alpha * v


def encode_boxes(boxes, anchors, weights=(1.0, 1.0, 1.0, 1.0)):
    """What a regression must say to turn anchors into boxes.

        x = weights[0] (x_box - x_anchor) / w_anchor    centres; y likewise
        w = weights[2] log(w_box / w_anchor)            h likewise

    Faster R-CNN's second stage has the weights (10, 10, 5, 5), the inverses of its
    standard deviations (.1, .1, .2, .2), and its first stage none.

    Reference: Girshick et al., 2014, appendix C (https://arxiv.org/abs/1311.2524).
    Differs from the paper: sides below 1e-3 count as 1e-3, so that padding is finite.

    Args:
        boxes: Float tensor `(..., 4)`, xyxy.
        anchors: Float tensor `(..., 4)`, xyxy.
        weights: Four numbers above 0.

    Returns:
        Float32 tensor `(..., 4)`.

    Raises:
        ValueError: The shapes do not fit, or boxes are not xyxy.

    Example:

    >>> box = ops.convert_to_tensor([[5.0, 0.0, 15.0, 10.0]])
    >>> anchor = ops.convert_to_tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> encode_boxes(box, anchor).numpy().tolist()
    [[0.5, 0.0, 0.0, 0.0]]
    """
    weights = _weights(weights)
    check_boxes("boxes", boxes, "*any 4")
    check_boxes("anchors", anchors, "*any 4")
    (centre, size), (middle, side) = (_centre_and_size(b) for b in (boxes, anchors))
    size, side = (ops.maximum(s, 1e-3) for s in (size, side))
    return weights * ops.concatenate(
        [(centre - middle) / side, ops.log(size / side)], -1
    )


def decode_boxes(
    deltas,
    anchors,
    weights=(1.0, 1.0, 1.0, 1.0),
    largest_log_scale=LARGEST_LOG_SCALE,
):
    """The boxes that a regression means: `encode_boxes` undone.

    Args:
        deltas: Float tensor `(..., 4)`.
        anchors: Float tensor `(..., 4)`, xyxy.
        weights: Those of `encode_boxes`.
        largest_log_scale: Number, the most that log(w_box / w_anchor) may be: an
            untrained regression gives no infinite box.

    Returns:
        Float32 tensor `(..., 4)`, xyxy.

    Raises:
        ValueError: The shapes do not fit, or anchors are not xyxy.

    Example:

    >>> anchor = ops.convert_to_tensor([[0.0, 0.0, 10.0, 10.0]])
    >>> deltas = ops.convert_to_tensor([[0.5, 0.0, 0.0, 0.0]])
    >>> decode_boxes(deltas, anchor).numpy().tolist()
    [[5.0, 0.0, 15.0, 10.0]]
    """
    weights = _weights(weights)
    check_shapes(deltas=("*any 4", deltas))
    check_boxes("anchors", anchors, "*any 4")
    middle, side = _centre_and_size(anchors)
    deltas = ops.cast(deltas, "float32") / weights
    centre = middle + deltas[..., :2] * side
    half = ops.exp(ops.minimum(deltas[..., 2:], largest_log_scale)) * side / 2
    return ops.concatenate([centre - half, centre + half], -1)


def clip_boxes(boxes, height, width):
    """Boxes cut to the image; one that lies outside has no area afterwards.

    Args:
        boxes: Float tensor `(..., 4)`, xyxy, pixels.
        height: Number or scalar tensor, pixels.
        width: Number or scalar tensor, pixels.

    Returns:
        Float tensor `(..., 4)`.

    Example:

    >>> boxes = ops.convert_to_tensor([[-5.0, 2.0, 30.0, 9.0]])
    >>> clip_boxes(boxes, height=8, width=20).numpy().tolist()
    [[0.0, 2.0, 20.0, 8.0]]
    """
    check_boxes("boxes", boxes, "*any 4", pixels=True)
    height, width = (ops.cast(size, boxes.dtype) for size in (height, width))
    size = ops.stack([width, height, width, height])
    return ops.minimum(ops.maximum(boxes, 0.0), size)


def _centre_and_size(boxes):
    boxes = ops.cast(boxes, "float32")
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low


def _weights(weights):
    given = tuple(weights)
    if len(given) != 4 or not all(w > 0 for w in given):
        raise ValueError(
            "`weights` must be four numbers above 0, of x, y, width and height. "
            f"Received: weights={weights!r}."
        )
    return ops.convert_to_tensor(given, "float32")


def _quotient(a, b):
    """a / b, and 0 where b is not above 0; with finite gradients everywhere."""
    some = b > 0
    return ops.where(some, a / ops.where(some, b, 1.0), 0.0)
