"""The cheapest assignment of a few predictions to a few true boxes, exactly."""

import itertools

import numpy as np
from keras import ops

from tfrecvis.ops.likeliest import likeliest
from tfrecvis.ops.shape_checks import check_shapes

MOST = 6  # predictions: 720 permutations
FAR = 3e38  # a cost that nothing has


def assign_lexicographic(costs, real):
    """A prediction for each true box, so that the sums of the costs are lowest.

    Sums are compared in the order of `costs`: of the assignments with the lowest sum of
    the first, those with the lowest sum of the second are kept, and so on; of what is
    equal in all, the first in the order of permutations. All permutations are tried
    side by side, 120 for five predictions and five boxes, so the result is exact and
    needs no loop. There is no gradient.

    Reference: Stewart and Andriluka, 2016, section 3.2
    (https://arxiv.org/abs/1506.04878).

    Args:
        costs: List of float tensors `(..., predictions, boxes)`; boxes no more than
            predictions, and these 6 at most.
        real: Boolean tensor `(..., boxes)`, False for padding, which costs nothing.

    Returns:
        int32 tensor `(..., boxes)`: the prediction of each box, -1 for padding.

    Raises:
        ValueError: The shapes do not fit, or there are too many predictions.

    Example:

    >>> miss = ops.convert_to_tensor([[0.0, 0.0], [0.0, 1.0]])
    >>> distance = ops.convert_to_tensor([[1.0, 9.0], [5.0, 1.0]])
    >>> assign_lexicographic([miss, distance], ops.ones((2,))).numpy()
    array([1, 0], dtype=int32)
    """
    each = {
        f"costs[{k}]": ("*any predictions boxes", cost) for k, cost in enumerate(costs)
    }
    check_shapes(**each, real=("*any boxes", real))
    predictions, boxes = costs[0].shape[-2:]
    if predictions is None or boxes is None or not boxes <= predictions <= MOST:
        raise ValueError(
            f"`costs` must be of at most {MOST} predictions, and of no more boxes than "
            "predictions: all permutations are tried. Received: costs[0].shape="
            f"{tuple(costs[0].shape)}."
        )
    permutations = itertools.permutations(range(predictions), boxes)
    permutations = np.array(list(permutations), "int32")  # (P, J)
    real = ops.cast(real, "float32")
    left = True  # whether a permutation is still among the cheapest
    for cost in costs:
        cost = ops.stop_gradient(ops.cast(cost, "float32")) * real[..., None, :]
        total = sum(
            ops.take(cost[..., j], permutations[:, j], axis=-1) for j in range(boxes)
        )  # (..., P)
        total = ops.where(left, total, FAR)
        left = left & (total <= ops.min(total, -1, keepdims=True))
    chosen = ops.take(permutations, likeliest(ops.cast(left, "float32")), axis=0)
    return ops.where(real > 0, chosen, -1)
