"""The loss of SSD: classes of positives and of hard negatives, and boxes."""

import keras
from keras import ops

from tfrecvis.losses.region_losses import BOX_WEIGHTS, smooth_l1
from tfrecvis.ops.bipartite import match_pairs
from tfrecvis.ops.boxes import encode_boxes, pairwise_iou
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.matching import POSITIVE, lowest_of, match_boxes
from tfrecvis.ops.truth import padded_truth

FOREGROUND = 0.5  # the IoU from which an anchor is positive
NEGATIVES = 3  # for each positive of an image


def ssd_loss(logits, deltas, anchors, boxes, classes):
    """The two losses of a detector that classifies and moves anchors in one stage.

    First each true box gets an anchor of its own (`tfrecvis.ops.match_pairs`), then the
    anchors that are left get the box that they overlap most, if the IoU is at least
    0.5. These are the positives. Of the others those with the highest cross-entropy are
    the negatives: three for each positive of their image. With N all positives of the
    batch:

        classes = sum over positives and negatives(cross_entropy(logits, label)) / N
        boxes   = sum over positives(smooth_l1(delta - target, 1)) / N

    Targets are divided by the variances (.1, .1, .2, .2). Without a positive in the
    batch both are 0. No gradient passes the matching and the choice of negatives.

    Reference: Liu et al., 2016, section 2.2 (https://arxiv.org/abs/1512.02325), and the
    settings of its published code.

    Args:
        logits: Float tensor `(batch, anchors, 1 + classes)`, the background first.
        deltas: Float tensor `(batch, anchors, 4)`.
        anchors: Float tensor `(anchors, 4)`, xyxy, absolute pixels.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones, xyxy, absolute pixels.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.

    Returns:
        Dict of two float32 scalars, `classes` and `boxes`.

    Example:

    >>> anchors = ops.convert_to_tensor([[0.0, 0, 8, 8], [20, 0, 28, 8]])
    >>> boxes, classes = anchors[None, :1], ops.zeros((1, 1), "int32")
    >>> losses = ssd_loss(
    ...     ops.zeros((1, 2, 3)), ops.zeros((1, 2, 4)), anchors, boxes, classes
    ... )
    >>> round(float(losses["classes"]), 4), float(losses["boxes"])  # 2 log(3), 0
    (2.1972, 0.0)
    """
    logits, deltas = (ops.cast(x, "float32") for x in (logits, deltas))
    num_classes = logits.shape[-1] - 1
    boxes, classes, fault = padded_truth(boxes, classes, num_classes)
    matches, positive = _matched(boxes, classes >= 0, anchors)
    labels = ops.where(positive, gather_nodes(classes, matches) + 1, 0)
    found = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    room = NEGATIVES * ops.sum(ops.cast(positive, "int32"), -1, keepdims=True)
    hard = lowest_of(-ops.stop_gradient(found), ~positive, room)
    targets = encode_boxes(gather_nodes(boxes, matches), anchors, BOX_WEIGHTS)
    gaps = ops.sum(smooth_l1(deltas - ops.stop_gradient(targets), 1.0), -1)
    counted = ops.cast(positive | hard, "float32")
    positive = ops.cast(positive, "float32")
    count = ops.maximum(ops.sum(positive), 1.0)
    return {
        "classes": ops.sum(found * counted) / count + fault,
        "boxes": ops.sum(gaps * positive) / count + fault,
    }


def _matched(boxes, real, anchors):
    """The box of each anchor `(batch, anchors)`, and whether it is a positive."""
    boxes = ops.where(real[..., None], boxes, 0.0)
    iou = pairwise_iou(boxes, anchors)
    own = match_pairs(iou, real)
    matches, labels = match_boxes(iou, real, FOREGROUND, (0.0, FOREGROUND))
    matches = ops.where(own >= 0, own, matches)
    return matches, (own >= 0) | ops.equal(labels, POSITIVE)
