"""Sizes of anchors that fit the boxes of a data set."""

import numpy as np

from tfrecvis.ops.checks import as_array, check_integer


def box_priors(sizes, num_priors=5, seed=0, max_rounds=300):
    """Clusters the widths and heights of boxes by their overlap.

        distance(box, prior) = 1 - IoU of the two with one centre

    k-means with this distance: each box goes to its nearest prior, and a prior becomes
    the mean of its boxes, until no box changes. The start is k-means++: each further
    prior is a box drawn with a chance in proportion to its distance squared. A prior
    that loses all its boxes takes the box that fits worst.

    Reference: Redmon and Farhadi, 2017, section 2 (https://arxiv.org/abs/1612.08242),
    and Arthur and Vassilvitskii, 2007, for the start.

    Args:
        sizes: Array `(boxes, 2)`, widths and heights, in any unit.
        num_priors: Integer; YOLOv2 has 5.
        seed: Integer, of the start.
        max_rounds: Integer, after which it stops at the latest.

    Returns:
        Float64 array `(num_priors, 2)`, from the smallest area to the largest, and the
        mean over all boxes of the IoU with the nearest prior.

    Raises:
        ValueError: Sizes are no positive numbers, or there are fewer different ones
            than priors.

    Example:

    >>> priors, iou = box_priors([[1, 1], [1, 1], [4, 2], [4, 2]], num_priors=2)
    >>> priors.tolist(), float(iou)
    ([[1.0, 1.0], [4.0, 2.0]], 1.0)
    """
    check_integer("num_priors", num_priors)
    check_integer("max_rounds", max_rounds)
    sizes = as_array("sizes", sizes).astype("float64")
    if sizes.ndim != 2 or sizes.shape[1] != 2:
        raise ValueError(
            "`sizes` must be widths and heights (boxes, 2). "
            f"Received: sizes.shape={sizes.shape}."
        )
    wrong = ~(np.isfinite(sizes) & (sizes > 0)).all(1)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            "`sizes` must be finite and above 0. Received: "
            f"{wrong.sum()} of {len(sizes)} otherwise, the first at {first}: "
            f"{sizes[first].tolist()}. Leave boxes without area out."
        )
    different = len(np.unique(sizes, axis=0))
    if different < num_priors:
        raise ValueError(
            f"`num_priors` must be at most the number of different sizes. Received: "
            f"num_priors={num_priors}, {different} different sizes."
        )
    priors = _start(sizes, num_priors, np.random.default_rng(seed))
    nearest = None
    for _ in range(max_rounds):
        iou = shape_iou(sizes, priors)
        found = iou.argmax(1)
        for prior in range(num_priors):
            if not (found == prior).any():
                worst = iou.max(1).argmin()
                found[worst] = prior
                iou[worst] = 1
        if nearest is not None and (found == nearest).all():
            break
        nearest = found
        priors = np.stack([sizes[nearest == k].mean(0) for k in range(num_priors)])
    priors = priors[np.argsort(priors.prod(1), kind="stable")]
    return priors, shape_iou(sizes, priors).max(1).mean()


def shape_iou(sizes, priors):
    """IoU of boxes that share their centre, from widths and heights.

    Args:
        sizes: Array `(N, 2)`.
        priors: Array `(K, 2)`.

    Returns:
        Array `(N, K)`.

    Example:

    >>> shape_iou(np.array([[2.0, 2.0]]), np.array([[2.0, 1.0], [4.0, 4.0]])).tolist()
    [[0.5, 0.25]]
    """
    shared = np.minimum(sizes[:, None], priors).prod(-1)
    return shared / (sizes.prod(-1)[:, None] + priors.prod(-1) - shared)


def _start(sizes, num_priors, rng):
    priors = sizes[rng.integers(len(sizes))][None]
    while len(priors) < num_priors:
        distance = 1 - shape_iou(sizes, priors).max(1)
        chance = distance**2 / (distance**2).sum()
        priors = np.concatenate([priors, sizes[rng.choice(len(sizes), p=chance)][None]])
    return priors
