"""From the boxes of a detector to the detections that it answers with."""

import functools

import numpy as np
from keras import ops

from tfrecvis.layers import Anchors, BoxMerging, RegionProposals
from tfrecvis.models.detection.outside import without_outsiders
from tfrecvis.models.signature import WEIGHTS, Signature, Spec, image_spec
from tfrecvis.ops import paste_masks, suppress, take_kept

MAX_DETECTIONS = 100
CANDIDATES = 400  # boxes of the highest scores, before suppression
IOU = 0.45  # from which the less certain box of a class is suppressed
SCORE = 0.01
MASK_IOU = 0.95  # pixels of a border are decided by rounding


def detections(boxes, size, max_detections=MAX_DETECTIONS):
    """The detections of a grid of boxes, after suppression class by class.

    Args:
        boxes: Tensor `(batch, rows, columns, priors, 5 + classes)`; see `GridBoxes`.
        size: `(height, width)` of the images in pixels, to which boxes are clipped.
        max_detections: Integer.

    Returns:
        Dict: `boxes`, float32 `(batch, max_detections, 4)`, xyxy in absolute pixels;
        `scores`, float32 `(batch, max_detections)`, the highest first; `classes`,
        int32, -1 where there is no more detection; `num_detections`, int32 `(batch,)`.
    """
    _, rows, columns, priors, length = ops.shape(boxes)
    boxes = ops.reshape(boxes, (-1, rows * columns * priors, length))
    limit = ops.cast(ops.stack([size[1], size[0]]), "float32")
    low = ops.clip(boxes[..., :2] - boxes[..., 2:4] / 2, 0, limit)
    high = ops.clip(boxes[..., :2] + boxes[..., 2:4] / 2, 0, limit)
    corners = ops.concatenate([low, high], -1)
    scores = ops.sigmoid(boxes[..., 4:5]) * ops.softmax(boxes[..., 5:])
    scores = without_outsiders(scores, corners)
    # Every box is a candidate of every class.
    num_classes = scores.shape[-1]
    corners = ops.repeat(corners, num_classes, axis=1)
    scores = ops.reshape(scores, (-1, ops.shape(corners)[1]))
    classes = ops.zeros_like(scores, "int32")
    classes = classes + ops.arange(ops.shape(corners)[1], dtype="int32") % num_classes
    kept = suppress(
        corners, scores, max_detections, IOU, SCORE, classes, max_candidates=CANDIDATES
    )
    return {
        "boxes": take_kept(kept, corners),
        "scores": kept.scores,
        "classes": take_kept(kept, classes, -1),
        "num_detections": kept.count,
    }


def signatures(model, max_detections=MAX_DETECTIONS):
    """The signatures of a detector.

    `serving_default` takes `images`, uint8 `(batch, height, width, 3)`, RGB, 0-255, and
    answers with what `detections` gives, in pixels of these images. A detector of masks
    answers with `masks`, too: uint8 `(batch, max_detections, height, width)`, 1 where
    the detection is, whose probability there is at least one half. A detector with a
    second input `regions` takes it here, too, in pixels of the images.

    Args:
        model: Keras model of images to boxes, such as `YOLOv2`, or to detections, such
            as all others: the layer that makes them is called `detections` and has a
            `score_threshold`. `FastRCNN` and `RCNN` take images and regions.
        max_detections: Integer; of a model of detections it is the model's own.

    Returns:
        List of one `tfrecvis.models.Signature`.

    Example:

    >>> from tfrecvis.models import YOLOv2
    >>> model = YOLOv2(3, [(10, 12), (40, 30)], backbone_filters=(8, 8, 16, 16))
    >>> list(signatures(model)[0].outputs)
    ['boxes', 'scores', 'classes', 'num_detections']
    """
    finds = isinstance(model.output, dict)
    if finds:
        max_detections = model.output["boxes"].shape[1]

    def answer(model, /, images, regions=None):
        _, height, width, _ = ops.shape(images)
        images = ops.cast(images, model.inputs[0].dtype)
        given = images
        if regions is not None:
            given = {"images": images, "regions": ops.cast(regions, "float32")}
        found = model(given, training=False)
        if not finds:
            return detections(found, (height, width), max_detections)
        if "masks" in found:
            masks = paste_masks(found["masks"], found["boxes"], height, width)
            found = {**found, "masks": ops.cast(masks >= 0.5, "uint8")}
        return found

    outputs = {
        "boxes": Spec(
            ("batch", max_detections, 4),
            "float32",
            what="left, top, right, bottom in pixels of the images; then zeros",
        ),
        "scores": Spec(
            ("batch", max_detections),
            "float32",
            what="probabilities, the highest first; then zeros",
        ),
        "classes": Spec(
            ("batch", max_detections), "int32", what="numbers of classes; then -1"
        ),
        "num_detections": Spec(
            ("batch",), "int32", what="how many entries of the others are detections"
        ),
    }
    images = image_spec(model)
    inputs = {"images": images}
    if isinstance(model.input, dict):
        inputs["regions"] = Spec(
            ("batch", "regions", 4),
            "float32",
            what="where objects may be, such as selective search finds; left, top, "
            "right, bottom in pixels of the images; then zeros",
        )
    compare = compare_detections
    if finds:
        least_score = model.get_layer("detections").score_threshold
        compare = functools.partial(compare_detections, least_score=least_score)
    if finds and "masks" in model.output:
        axes = ("batch", max_detections, *images.axes[1:3])
        what = "1 at the pixels of each detection; then zeros"
        outputs["masks"] = Spec(axes, "uint8", what=what)
    return [
        Signature(
            "serving_default",
            model,
            answer,
            inputs,
            outputs,
            compare,
            weights=_weights(model),
        )
    ]


def _weights(model):
    """The precisions of LiteRT files that keep the detections of a model."""
    kinds = {type(layer) for layer in model.layers}
    if isinstance(model.input, dict) or kinds & {RegionProposals, BoxMerging}:
        # Rounded weights change too many detections: a second stage reads features
        # under boxes that have moved, and a merged box is a mean of those whose scores
        # reach the threshold.
        return ("float32",)
    if Anchors in kinds:
        # Neighbouring anchors give an object boxes that score nearly alike. Weights of
        # 8 bits change too often which of them is kept: of 21 sets of four photos of
        # blood cells, 7 differed in more than one detection in a hundred.
        return ("float32", "float16")
    return WEIGHTS


def compare_detections(reference, answer, tolerance, least_score=SCORE):
    """Compares detections: each sure one must be there in the other answer.

    Scores may differ by the tolerance, or by 0.001 if that is more. A detection whose
    score lies further above the lowest one than that must have one of its class in the
    other answer with an IoU of 0.99, or of 1 less the tolerance if that is lower, and
    so must its mask, with an IoU of 0.95 or likewise. A pair of boxes of which either
    may suppress the other excuses one in a hundred.

    Args:
        reference: Dict that `detections` gives.
        answer: Dict of the same.
        tolerance: Float.
        least_score: Float, the score from which the detector tells a detection.

    Returns:
        A dict; see `tfrecvis.models.comparison`.
    """
    margin = max(1e-3, tolerance)
    least_iou = min(0.99, 1 - tolerance)
    found, differences = [], []
    for one, other in ((reference, answer), (answer, reference)):
        for image in range(len(one["boxes"])):
            count, theirs = one["num_detections"][image], other["num_detections"][image]
            boxes, others = one["boxes"][image], other["boxes"][image][:theirs]
            for index in range(count):
                score = one["scores"][image, index]
                if score < least_score + margin:
                    continue
                fits = other["classes"][image, :theirs] == one["classes"][image, index]
                fits &= _overlaps(boxes[index], others) >= least_iou
                if "masks" in one:
                    mask, theirs_masks = one["masks"], other["masks"][image, :theirs]
                    least = min(MASK_IOU, least_iou)
                    fits &= _same_masks(mask[image, index], theirs_masks, least)
                gaps = np.abs(other["scores"][image, :theirs] - score)[fits]
                found.append(bool(gaps.size and gaps.min() <= margin))
                if gaps.size:
                    differences.append(float(gaps.min()))
    share = float(np.mean(found)) if found else 1.0
    problem = None
    if share < 0.99:
        problem = f"{1 - share:.1%} of its detections have no counterpart"
    return {
        "largest_difference": max(differences, default=0.0),
        "mean_difference": float(np.mean(differences)) if differences else 0.0,
        "agreement": share,
        "problem": problem,
    }


def _overlaps(box, others):
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.maximum(high - low, 0), -1)
    areas = np.prod(others[:, 2:] - others[:, :2], -1)
    return common / np.maximum(np.prod(box[2:] - box[:2]) + areas - common, 1e-9)


def _same_masks(mask, others, least_iou):
    both = np.sum(mask & others, (-2, -1))
    either = np.sum(mask | others, (-2, -1))
    return both >= least_iou * either
