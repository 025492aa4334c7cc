"""Boxes and scores of a head to detections."""

import numpy as np
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


def merged(rng, batch, other):
    # Around few places: which pair matches best is far from a tie.
    places = rng.uniform(0, 60, (batch, 3, 2, 2)).repeat(3 + other, 1)
    corners = places + rng.normal(size=places.shape)
    sides = rng.uniform(8, 12, places.shape)
    boxes = np.concatenate([corners, corners + sides], -1).astype("float32")
    scores = rng.uniform(size=boxes.shape[:3]).astype("float32")
    scores[1:2] = 0  # an image without detections
    return {"boxes": boxes, "scores": scores}


CASES = {
    "BoxMerging": Case(
        layers.BoxMerging,
        {
            "max_outputs": 6,
            "match_threshold": -0.1,
            "score_threshold": 0.2,
            "max_candidates": 8,
        },
        merged,
        keeps_float32=True,
    ),
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
