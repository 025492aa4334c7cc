"""Pairs of boxes and anchors, each of which takes part in one pair only."""

from keras import ops

from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.likeliest import likeliest
from tfrecvis.ops.shape_checks import check_shapes

LEAST = 1e-6  # the overlap that a pair must exceed


def match_pairs(iou, valid=None):
    """Gives each box an anchor of its own: the best free pair, then the next one.

    Again and again, the box and the anchor become a pair whose IoU is the highest among
    those that have no partner yet, as long as it is above 1e-6. Of equal pairs, the
    lower box comes first, then the lower anchor. A box that overlaps no free anchor
    gets none. There is no gradient.

    Reference: Liu et al., 2016, section 2.2 (https://arxiv.org/abs/1512.02325), and its
    published code.

    Args:
        iou: Float tensor `(batch, M, N)`, of M boxes with N anchors.
        valid: Boolean tensor `(batch, M)`, False for padding, or None.

    Returns:
        int32 tensor `(batch, N)`: the box whose partner an anchor is, or -1.

    Raises:
        ValueError: The shapes do not fit.

    Example:

    >>> iou = ops.convert_to_tensor([[[0.9, 0.8, 0.0], [0.7, 0.2, 0.1]]])
    >>> match_pairs(iou).numpy()
    array([[ 0,  1, -1]], dtype=int32)
    """
    check_shapes(iou=("batch boxes anchors", iou), valid=("batch boxes", valid))
    iou = ops.stop_gradient(ops.cast(iou, "float32"))
    if valid is not None:
        iou = ops.where(ops.cast(valid, "bool")[..., None], iou, -1.0)
    # One more of each, which overlap nothing: there may be no box, or no anchor.
    iou = ops.pad(iou, [(0, 0), (0, 1), (0, 1)], constant_values=-1.0)
    batch, count, anchors = ops.shape(iou)
    exact = isinstance(count, int) and isinstance(anchors, int)
    # So many anchors are enough: other boxes take fewer than there are boxes.
    few = min(count, anchors) if exact else ops.minimum(count, anchors)
    values, places = ops.top_k(iou, few)
    places = ops.cast(places, "int32")
    rows = ops.arange(count, dtype="int32")

    def unfinished(values, partners):
        return ops.any(values > LEAST)

    def pair(values, partners):
        flat = ops.reshape(values, (batch, count * few))
        best = likeliest(flat)[:, None]  # (B, 1)
        found = ops.max(flat, -1, keepdims=True) > LEAST
        own = ops.equal(rows, best // few) & found  # (B, M)
        anchor = gather_nodes(ops.reshape(places, (batch, count * few)), best)
        partners = ops.where(own, anchor, partners)
        same = ops.equal(places, anchor[..., None])
        gone = (own[..., None] | same) & found[..., None]
        return ops.where(gone, -1.0, values), partners

    partners = ops.zeros((batch, count), "int32") - 1
    _, partners = ops.while_loop(unfinished, pair, (values, partners))
    every = ops.arange(anchors, dtype="int32")
    owns = ops.equal(partners[..., None], every)  # (B, M, N)
    return ops.max(ops.where(owns, rows[:, None], -1), 1)[:, :-1]
