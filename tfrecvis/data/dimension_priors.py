"""Priors of a detector: the shapes of boxes that are typical of a data set."""

import numpy as np

from tfrecvis.ops.checks import check_integer


def dimension_priors(boxes, count, seed=0):
    """Finds the sides of boxes that are nearest to those of a data set, by k-means.

    The distance of two boxes is one less their IoU with one corner in common. A
    cluster's centre is the mean of its boxes' sides.

    Args:
        boxes: Array `(boxes, 4)`, xyxy in pixels; those without area are left out.
        count: Integer, how many priors.
        seed: Integer, of the first centres (k-means++).

    Returns:
        `(priors, mean_iou)`: array `(count, 2)` of width and height, the smallest area
        first, and the mean IoU of each box with its prior.

    Raises:
        ValueError: there are fewer different boxes than priors.

    Reference: Redmon and Farhadi, 2017, section 2 (https://arxiv.org/abs/1612.08242).

    Example:

    >>> boxes = [[0, 0, 8, 8], [2, 2, 10, 10], [0, 0, 30, 20]]
    >>> priors, iou = dimension_priors(boxes, 2)
    >>> priors.tolist(), iou
    ([[8.0, 8.0], [30.0, 20.0]], 1.0)
    """
    check_integer("count", count)
    boxes = np.asarray(boxes, "float64").reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    sides = sides[(sides > 0).all(-1)]
    if len(np.unique(sides, axis=0)) < count:
        raise ValueError(
            f"There must be {count} different boxes or more. Received: "
            f"{len(np.unique(sides, axis=0))}."
        )
    rng = np.random.default_rng(seed)
    priors = sides[[rng.integers(len(sides))]]
    while len(priors) < count:
        distance = 1 - _overlap(sides, priors).max(-1)
        chance = distance**2 / (distance**2).sum()
        priors = np.concatenate([priors, sides[[rng.choice(len(sides), p=chance)]]])
    for _ in range(100):
        nearest = _overlap(sides, priors).argmax(-1)
        moved = np.stack(
            [
                sides[nearest == k].mean(0) if (nearest == k).any() else priors[k]
                for k in range(count)
            ]
        )
        if np.array_equal(moved, priors):
            break
        priors = moved
    priors = priors[np.argsort(priors.prod(-1))]
    return priors, float(_overlap(sides, priors).max(-1).mean())


def _overlap(sides, priors):
    common = np.minimum(sides[:, None], priors).prod(-1)
    return common / (sides.prod(-1)[:, None] + priors.prod(-1) - common)
