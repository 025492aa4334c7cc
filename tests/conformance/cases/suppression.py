"""Boxes and scores of a head to detections."""

from conformance.case import Case
from conformance.cases.regions import draw_boxes

from tfrecvis import layers


def shared_boxes(rng, batch, other):
    count = 9 + 4 * other
    scores = rng.uniform(size=(batch, count, 3)).astype("float32")
    scores[1:2] = 0  # an image without detections
    return {"boxes": draw_boxes(rng, batch, count, 20), "scores": scores}


def boxes_per_class(rng, batch, other):
    sample = shared_boxes(rng, batch, other)
    count = sample["scores"].shape[1]
    boxes = draw_boxes(rng, batch, 3 * count, 20).reshape(batch, count, 3, 4)
    return {**sample, "boxes": boxes}


CASES = {
    "NonMaxSuppression": Case(
        layers.NonMaxSuppression,
        {
            "max_outputs": 6,
            "iou_threshold": 0.3,
            "score_threshold": 0.2,
            "max_candidates": 20,
        },
        shared_boxes,
        keeps_float32=True,
    ),
    "NonMaxSuppression, soft, boxes per class": Case(
        layers.NonMaxSuppression,
        {"max_outputs": 6, "class_agnostic": True, "soft_sigma": 0.4},
        boxes_per_class,
        keeps_float32=True,
        variant=True,
    ),
}
