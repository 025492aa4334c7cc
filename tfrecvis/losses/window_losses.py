"""The losses of OverFeat: the class of each window, and the edges of its box."""

import keras
from keras import ops

from tfrecvis.ops.boxes import pairwise_iou
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.matching import POSITIVE, match_boxes
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.truth import padded_truth

OVERLAP = 0.5  # IoU from which a window answers for a box


def window_losses(logits, edges, windows, boxes, classes):
    """The two losses of windows that slide over an image.

    A window answers for the true box that it overlaps most, if their IoU is one half at
    least; otherwise it is background, and its edges are not trained. With the edges t
    of a box measured from the window's corner (x, y) in its sides w and h,

        t = ((x1 - x) / w, (y1 - y) / h, (x2 - x) / w, (y2 - y) / h)

    e what the net tells of the edges of the box's class, and N the windows of the batch
    that answer for a box, or 1 if there is none:

        classes = sum over windows(cross_entropy(logits, class, or background)) / N
        boxes   = sum over windows that answer for a box(|e - t|^2) / N

    Reference: Sermanet et al., 2014, section 4.2 (https://arxiv.org/abs/1312.6229).
    Differs from the paper: classes and edges are trained together, and all background
    windows count, not some of them.

    Args:
        logits: Float tensor `(batch, windows, 1 + classes)`, the background first.
        edges: Float tensor `(batch, windows, 4 * classes)`.
        windows: Float tensor `(windows, 4)`, xyxy, absolute pixels.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones, xyxy, absolute pixels.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.

    Returns:
        Dict of two float32 scalars, `classes` and `boxes`.

    Raises:
        ValueError: The shapes do not fit.

    Example:

    >>> windows = ops.convert_to_tensor([[0.0, 0.0, 8.0, 8.0], [40.0, 0.0, 48.0, 8.0]])
    >>> boxes = ops.convert_to_tensor([[[0.0, 0.0, 8.0, 6.0]]])
    >>> edges = ops.convert_to_tensor([[[0.0, 0.0, 1.0, 1.0]] * 2])
    >>> losses = window_losses(
    ...     ops.zeros((1, 2, 2)), edges, windows, boxes, ops.zeros((1, 1), "int32")
    ... )
    >>> round(float(losses["classes"]), 4), float(losses["boxes"])
    (1.3863, 0.0625)
    """
    num_classes = logits.shape[-1] - 1
    check_shapes(
        "There are four edges for each class.",
        logits=("batch windows logits", logits),
        edge_numbers=4 * num_classes,
        edges=("batch windows edge_numbers", edges),
        windows=("windows 4", windows),
        boxes=("batch boxes 4", boxes),
        classes=("batch boxes", classes),
    )
    logits, edges = (ops.cast(x, "float32") for x in (logits, edges))
    boxes, classes, fault = padded_truth(boxes, classes, num_classes)
    real = classes >= 0
    iou = pairwise_iou(boxes, windows)
    matches, answers = match_boxes(iou, real, OVERLAP, (0.0, OVERLAP))
    answers = ops.equal(answers, POSITIVE)
    labels = ops.where(answers, gather_nodes(classes, matches) + 1, 0)
    found = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    low, high = windows[:, :2], windows[:, 2:]
    sides = ops.concatenate([high - low] * 2, -1)
    targets = gather_nodes(boxes, matches) - ops.concatenate([low, low], -1)
    targets = ops.stop_gradient(targets / sides)
    # The edges of the own class; of background, of none.
    own = ops.one_hot(labels - 1, num_classes, dtype="float32")[..., None]
    edges = ops.reshape(edges, (*ops.shape(own)[:3], 4))
    gaps = ops.sum((edges - targets[..., None, :]) ** 2 * own, (-2, -1))
    count = ops.maximum(ops.sum(ops.cast(answers, "float32")), 1.0)
    return {
        "classes": ops.sum(found) / count + fault,
        "boxes": ops.sum(gaps) / count + fault,
    }
