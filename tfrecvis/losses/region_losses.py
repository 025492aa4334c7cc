"""The losses of detectors of two stages: proposals, regions and masks."""

import keras
from keras import ops

from tfrecvis.ops.boxes import encode_boxes, pairwise_iou
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.matching import NEGATIVE, POSITIVE, match_boxes, sample_balanced
from tfrecvis.ops.truth import class_fault, padded_truth

# Inverses of the standard deviations that Fast R-CNN's code divides its targets by.
BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def proposal_losses(
    logits, deltas, anchors, boxes, classes, num_samples=256, seed=None
):
    """The two losses of a region proposal network.

    An anchor is positive from an IoU of 0.7 with a true box, or if none overlaps that
    box more; it is background below 0.3. Of each image `num_samples` anchors are drawn,
    at most half of them positive. With N all anchors that were drawn in the batch:

        objects = sum(cross_entropy(logit, positive)) / N
        boxes   = sum over positives(smooth_l1(delta - target, 1/9)) / N

    Reference: Ren et al., 2015, section 3.1 (https://arxiv.org/abs/1506.01497), with
    the division by N and the smooth L1 loss of its published code.
    Differs from the paper: anchors that cross the border are trained too.

    Args:
        logits: Float tensor `(batch, anchors)`.
        deltas: Float tensor `(batch, anchors, 4)`.
        anchors: Float tensor `(anchors, 4)`, xyxy, absolute pixels.
        boxes: Float tensor `(batch, boxes, 4)`, the true ones, xyxy, absolute pixels.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.
        num_samples: Integer, anchors of an image.
        seed: As in `tfrecvis.ops.sample_balanced`.

    Returns:
        Dict of two float32 scalars, `objects` and `boxes`.

    Example:

    >>> anchors = ops.convert_to_tensor([[0.0, 0, 8, 8], [20, 0, 28, 8]])
    >>> boxes = ops.convert_to_tensor([[[0.0, 0, 8, 8]]])
    >>> zeros, classes = ops.zeros((1, 2)), ops.zeros((1, 1), "int32")
    >>> losses = proposal_losses(zeros, ops.zeros((1, 2, 4)), anchors, boxes, classes)
    >>> round(float(losses["objects"]), 4), float(losses["boxes"])
    (0.6931, 0.0)
    """
    logits, deltas = (ops.cast(x, "float32") for x in (logits, deltas))
    boxes, classes, fault = padded_truth(boxes, classes)
    real = classes >= 0
    iou = pairwise_iou(boxes, anchors)
    matches, labels = match_boxes(iou, real, allow_low_quality=True)
    labels = sample_balanced(labels, num_samples, seed=seed)
    positive = ops.cast(ops.equal(labels, POSITIVE), "float32")
    drawn = ops.cast(labels >= NEGATIVE, "float32")
    count = ops.maximum(ops.sum(drawn), 1.0)
    targets = encode_boxes(gather_nodes(boxes, matches), anchors)
    objects = ops.binary_crossentropy(positive, logits, from_logits=True)
    gaps = ops.sum(smooth_l1(deltas - ops.stop_gradient(targets), 1 / 9), -1)
    return {
        "objects": ops.sum(objects * drawn) / count + fault,
        "boxes": ops.sum(gaps * positive) / count + fault,
    }


def region_losses(logits, deltas, regions, labels, boxes):
    """The two losses of the second stage, over all samples that are no padding.

        classes = mean(cross_entropy(logits, label))
        boxes   = sum over positives(smooth_l1(delta of their class - target, 1)) / N

    N is the number of samples that are no padding.

    Reference: Girshick, 2015, section 2.3 (https://arxiv.org/abs/1504.08083).

    Args:
        logits: Float tensor `(batch, samples, 1 + classes)`, the background first.
        deltas: Float tensor `(batch, samples, 4 * classes)`.
        regions, labels, boxes: What `tfrecvis.layers.RegionSamples` gives.

    Returns:
        Dict of two float32 scalars, `classes` and `boxes`.

    Example:

    >>> regions = ops.convert_to_tensor([[[0.0, 0.0, 8.0, 8.0]]])
    >>> labels = ops.convert_to_tensor([[1]])
    >>> losses = region_losses(
    ...     ops.zeros((1, 1, 2)), ops.zeros((1, 1, 4)), regions, labels, regions
    ... )
    >>> round(float(losses["classes"]), 4), float(losses["boxes"])
    (0.6931, 0.0)
    """
    logits, deltas = (ops.cast(x, "float32") for x in (logits, deltas))
    num_classes = logits.shape[-1] - 1
    fault = class_fault(ops.maximum(labels, 0) - 1, num_classes)
    labels = ops.minimum(labels, num_classes)
    drawn = ops.cast(labels >= 0, "float32")
    count = ops.maximum(ops.sum(drawn), 1.0)
    classes = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(labels, 0), logits, from_logits=True
    )
    targets = ops.stop_gradient(encode_boxes(boxes, regions, BOX_WEIGHTS))
    deltas = ops.reshape(deltas, (*ops.shape(deltas)[:2], deltas.shape[2] // 4, 4))
    own = _of_class(deltas, labels - 1)
    gaps = ops.sum(smooth_l1(own - targets, 1.0), -1)
    return {
        "classes": ops.sum(classes * drawn) / count + fault,
        "boxes": ops.sum(gaps * ops.cast(labels > 0, "float32")) / count + fault,
    }


def mask_loss(logits, targets, labels):
    """Cross-entropy per cell of the masks of positive samples, each of its own class.

    The masks of other classes are not trained, so that classes do not compete.

    Reference: He et al., 2017, section 3 (https://arxiv.org/abs/1703.06870).

    Args:
        logits: Float tensor `(batch, samples, rows, columns, classes)`.
        targets: Float tensor `(batch, samples, rows, columns)` of zeros and ones, as
            `tfrecvis.ops.crop_masks` gives them.
        labels: Integer tensor `(batch, samples)`, class + 1; others are left out.

    Returns:
        Float32 scalar.

    Example:

    >>> targets, labels = ops.ones((1, 1, 2, 2)), ops.ones((1, 1), "int32")
    >>> round(float(mask_loss(ops.zeros((1, 1, 2, 2, 3)), targets, labels)), 4)
    0.6931
    """
    logits = ops.moveaxis(ops.cast(logits, "float32"), -1, 2)
    own = _of_class(logits, labels - 1)
    found = ops.binary_crossentropy(targets, own, from_logits=True)
    positive = ops.cast(labels > 0, "float32")
    total = ops.sum(ops.mean(found, (-2, -1)) * positive)
    return total / ops.maximum(ops.sum(positive), 1.0)


def _of_class(values, classes):
    """`values[b, n, classes[b, n]]`, and zero where the class is below 0."""
    chosen = ops.one_hot(classes, values.shape[2], dtype=values.dtype)
    shape = (*ops.shape(chosen), *[1] * (len(values.shape) - 3))
    return ops.sum(values * ops.reshape(chosen, shape), 2)


def smooth_l1(gaps, beta):
    """Quadratic below `beta` and linear above, of slope 1."""
    size = ops.abs(gaps)
    return ops.where(size < beta, size * size / (2 * beta), size - beta / 2)
