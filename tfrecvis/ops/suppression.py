"""Non-maximum suppression: the best boxes of those that overlap."""

from typing import NamedTuple

from keras import ops

from tfrecvis.ops.box_checks import check_boxes, check_classes, check_threshold
from tfrecvis.ops.checks import check_choice, check_integer, check_number
from tfrecvis.ops.levels import gather_nodes
from tfrecvis.ops.likeliest import likeliest, lowest
from tfrecvis.ops.scan import scan
from tfrecvis.ops.shape_checks import check_shapes

LOWEST = lowest("float32")  # the score of what is no candidate
TILE = 128  # boxes that are compared with each other, and with those kept, at once


class Kept(NamedTuple):
    """What suppression keeps, best first, padded to a fixed number.

    Fields:
        indices: int32 `(B, K)`, places in the boxes that were given; padding is -1.
        scores: Float32 `(B, K)`; padding is 0.
        count: int32 `(B,)`, how many are no padding.

    Example:

    >>> boxes = ops.convert_to_tensor([[[0.0, 0.0, 2.0, 2.0]]])
    >>> suppress(boxes, ops.ones((1, 1)), max_outputs=2).indices.numpy()
    array([[ 0, -1]], dtype=int32)
    """

    indices: object
    scores: object
    count: object


def suppress(
    boxes,
    scores,
    max_outputs=100,
    iou_threshold=0.5,
    score_threshold=0.0,
    classes=None,
    max_candidates=None,
):
    """Keep the best box, drop those that overlap it, go on with the best of the rest.

        candidates: score > score_threshold
        dropped:    IoU(candidate, a kept box of its class) > iou_threshold

    A box whose IoU equals the threshold is kept, as in torchvision and
    `tf.image.non_max_suppression`. IoU is one division of float32 numbers, which rounds
    correctly: an IoU of exactly 7/10 equals a threshold of 0.7. Of equal scores the
    lower index comes first. A box without area overlaps nothing. A score of NaN is no
    candidate. There is no gradient.

    Boxes are sorted once and then taken a tile at a time, each compared with all kept
    boxes; within a tile, the rule is repeated until nothing changes, which gives what
    one box after the other gives. The loop ends when all images have `max_outputs`.

    Args:
        boxes: Float tensor `(B, N, 4)`, xyxy; of one scale, in any unit.
        scores: Float tensor `(B, N)`.
        max_outputs: Integer K.
        iou_threshold: Number from 0 to 1.
        score_threshold: Number.
        classes: Integer tensor `(B, N)`: boxes of different classes do not drop each
            other, and those of class -1 are no candidates. None: there is one class.
        max_candidates: Integer, how many of the best scores are looked at, or None for
            all.

    Returns:
        `Kept`: indices and scores `(B, K)` and count `(B,)`.

    Raises:
        ValueError: The boxes are not xyxy, the shapes do not fit, or a number is out of
            range.

    Example:

    >>> boxes = [[[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]]]
    >>> boxes = ops.convert_to_tensor(boxes, "float32")
    >>> kept = suppress(boxes, ops.convert_to_tensor([[0.9, 0.8, 0.7]]), max_outputs=3)
    >>> kept.indices.numpy(), kept.count.numpy()
    (array([[ 0,  2, -1]], dtype=int32), array([2], dtype=int32))
    """
    check_threshold("iou_threshold", iou_threshold)
    boxes, scores, classes = _candidates(
        boxes, scores, max_outputs, score_threshold, classes
    )
    count = ops.shape(boxes)[1]
    limit = count
    if max_candidates is not None:
        check_integer("max_candidates", max_candidates)
        limit = (
            min(limit, max_candidates)
            if isinstance(limit, int)
            else ops.minimum(limit, max_candidates)
        )
    scores, order = ops.top_k(scores, limit)
    order = ops.cast(order, "int32")
    tiles = -(-limit // TILE)
    padding = tiles * TILE - limit
    # Four coordinates and the class of each box in one row of its own: (B, 5, n)
    rows = ops.concatenate([boxes, ops.cast(classes, "float32")[..., None]], -1)
    rows = ops.transpose(gather_nodes(rows, order), (0, 2, 1))
    rows = ops.pad(rows, [(0, 0), (0, 0), (0, padding)])
    alive = ops.pad(scores, [(0, 0), (0, padding)], constant_values=LOWEST)
    alive = alive > score_threshold
    batch = ops.shape(boxes)[0]
    first = ops.arange(batch, dtype="int32")[:, None]

    def unfinished(tile, kept, places, found):
        return (tile < tiles) & ops.any(found < max_outputs)

    def advance(tile, kept, places, found):
        here = tile * TILE + ops.arange(TILE, dtype="int32")
        mine = ops.take(rows, here, axis=2)
        free = ops.take(alive, here, axis=1)
        free = free & ~ops.any(_overlaps(mine, kept, iou_threshold), 2)
        keep = _best_of_tile(mine, free, iou_threshold)
        slot = found[:, None] + ops.cumsum(ops.cast(keep, "int32"), 1) - 1
        # What is not kept, or finds no room, goes to the slot after the last one.
        slot = ops.where(keep, ops.minimum(slot, max_outputs), max_outputs)
        target = ops.stack([ops.broadcast_to(first, ops.shape(slot)), slot], -1)
        target = ops.reshape(target, (-1, 2))
        new = ops.reshape(ops.broadcast_to(here, ops.shape(slot)), (-1,))
        places = ops.scatter_update(places, target, new)
        new = ops.reshape(ops.transpose(mine, (0, 2, 1)), (-1, 5))
        kept = ops.transpose(kept, (0, 2, 1))
        kept = ops.scatter_update(kept, target, new)
        # The slot after the last one must overlap nothing.
        kept = ops.transpose(kept, (0, 2, 1)) * real
        found = found + ops.sum(ops.cast(keep, "int32"), 1)
        return tile + 1, kept, places, ops.minimum(found, max_outputs)

    real = ops.cast(ops.arange(max_outputs + 1) < max_outputs, "float32")
    _, _, places, found = ops.while_loop(
        unfinished,
        advance,
        (
            ops.zeros((), "int32"),
            ops.zeros((batch, 5, max_outputs + 1), "float32"),
            ops.zeros((batch, max_outputs + 1), "int32"),
            ops.zeros((batch,), "int32"),
        ),
    )
    return _padded(places[:, :max_outputs], found, order, scores)


def soft_suppress(
    boxes,
    scores,
    max_outputs=100,
    method="gaussian",
    sigma=0.5,
    iou_threshold=0.3,
    score_threshold=0.001,
    classes=None,
):
    """Lower the scores of boxes that overlap a better one instead of dropping them.

    In each of `max_outputs` rounds the best box m is kept, and of all others

        score[i] = score[i] * exp(-IoU(m, i)^2 / sigma)            gaussian
        score[i] = score[i] * (1 - IoU(m, i)) if IoU > threshold   linear

    A box whose IoU equals the threshold keeps its score; of equal scores the lower
    index comes first. It ends for an image when no score is above `score_threshold`.

    Reference: Bodla et al., 2017, eqs. 2 and 3 (https://arxiv.org/abs/1704.04503).

    Args:
        boxes: Float tensor `(B, N, 4)`, xyxy.
        scores: Float tensor `(B, N)`, from 0.
        max_outputs: Integer K, rounds.
        method: "gaussian" or "linear".
        sigma: Number, of the Gaussian.
        iou_threshold: Number from 0 to 1, of the linear rule.
        score_threshold: Number from 0.
        classes: Integer tensor `(B, N)`, as in `suppress`.

    Returns:
        `Kept`, with the scores as they were lowered.

    Raises:
        ValueError: As in `suppress`, or `method` is neither of the two.

    Example:

    >>> boxes = [[[0, 0, 10, 10], [0, 0, 10, 5], [20, 0, 30, 10]]]
    >>> boxes = ops.convert_to_tensor(boxes, "float32")
    >>> scores = ops.convert_to_tensor([[0.9, 0.8, 0.7]])
    >>> kept = soft_suppress(boxes, scores, max_outputs=3, method="linear")
    >>> kept.indices.numpy(), kept.scores.numpy()
    (array([[0, 2, 1]], dtype=int32), array([[0.9, 0.7, 0.4]], dtype=float32))
    """
    check_choice("method", method, ("gaussian", "linear"))
    check_number("sigma", sigma, positive=True)
    check_number("score_threshold", score_threshold)
    check_threshold("iou_threshold", iou_threshold)
    boxes, scores, classes = _candidates(
        boxes, scores, max_outputs, score_threshold, classes
    )
    rows = ops.concatenate([boxes, ops.cast(classes, "float32")[..., None]], -1)
    columns = ops.transpose(rows, (0, 2, 1))  # (B, 5, N)
    index = ops.arange(ops.shape(boxes)[1], dtype="int32")

    def keep_best(carry, _):
        (scores,) = carry
        best = likeliest(scores)  # (B,)
        mine = ops.transpose(gather_nodes(rows, best[:, None]), (0, 2, 1))
        iou = _iou(mine, columns)[:, 0]
        if method == "gaussian":
            factor = ops.exp(-ops.square(iou) / sigma)
        else:
            factor = ops.where(iou > iou_threshold, 1.0 - iou, 1.0)
        top = ops.max(scores, -1)
        lowered = ops.where(ops.equal(index, best[:, None]), LOWEST, scores * factor)
        return (lowered,), (best, top)

    like = (index[0] + ops.zeros_like(scores[:, 0], "int32"), scores[:, 0])
    steps = ops.zeros((max_outputs,), "int32")
    _, (places, tops) = scan(keep_best, (scores,), (steps,), like)
    places, tops = ops.transpose(places), ops.transpose(tops)
    good = tops > score_threshold
    return Kept(
        ops.where(good, places, -1),
        ops.where(good, tops, 0.0),
        ops.sum(ops.cast(good, "int32"), 1),
    )


def take_kept(kept, values, padding=0):
    """What belongs to the kept boxes, padded like them.

    Args:
        kept: `Kept`.
        values: Tensor `(B, N, ...)`.
        padding: Number that stands where nothing was kept.

    Returns:
        Tensor `(B, K, ...)`.

    Example:

    >>> kept = Kept(ops.convert_to_tensor([[1, -1]]), None, None)
    >>> take_kept(kept, ops.convert_to_tensor([[5, 6, 7]]), padding=-1).numpy()
    array([[ 6, -1]], dtype=int32)
    """
    values = ops.convert_to_tensor(values)
    if values.shape[1] in (0, None):  # there must be something to read
        one_more = [(0, 0), (0, 1)] + [(0, 0)] * (len(values.shape) - 2)
        values = ops.pad(values, one_more)
    taken = gather_nodes(values, kept.indices)
    some = ops.reshape(
        kept.indices >= 0,
        (*ops.shape(kept.indices), *[1] * (len(values.shape) - 2)),
    )
    return ops.where(some, taken, ops.cast(padding, taken.dtype))


def _candidates(boxes, scores, max_outputs, score_threshold, classes):
    """Checked, without gradient, in float32; scores of no candidate are `LOWEST`."""
    check_boxes("boxes", boxes, scores=("batch boxes", scores))
    check_integer("max_outputs", max_outputs)
    if classes is not None:
        spec = "batch boxes"
        check_shapes(scores=(spec, scores), classes=(spec, classes))
        check_classes("classes", classes)
        classes = ops.cast(classes, "int32")
    boxes, scores = (
        ops.stop_gradient(ops.cast(ops.convert_to_tensor(x), "float32"))
        for x in (boxes, scores)
    )
    good = scores > score_threshold  # not of NaN
    if classes is None:
        classes = ops.zeros_like(scores, "int32")
    scores = ops.where(good & (classes >= 0), scores, LOWEST)
    # One more, which is no candidate: there may be no box at all.
    scores = ops.pad(scores, [(0, 0), (0, 1)], constant_values=LOWEST)
    one_more = [(0, 0), (0, 1)]
    return ops.pad(boxes, [*one_more, (0, 0)]), scores, ops.pad(classes, one_more)


def _iou(a, b):
    """IoU of boxes `(B, 5, n)` and `(B, 5, m)` as `(B, n, m)`; 0 across classes."""
    a, b = a[..., None], b[:, :, None]
    width = ops.minimum(a[:, 2], b[:, 2]) - ops.maximum(a[:, 0], b[:, 0])
    height = ops.minimum(a[:, 3], b[:, 3]) - ops.maximum(a[:, 1], b[:, 1])
    shared = ops.relu(width) * ops.relu(height)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = area_a + area_b - shared
    some = (shared > 0) & ops.equal(a[:, 4], b[:, 4])
    return ops.where(some, shared / ops.where(some, union, 1.0), 0.0)


def _overlaps(a, b, threshold):
    return _iou(a, b) > threshold


def _best_of_tile(rows, free, threshold):
    """Which of the boxes of a tile are kept: those that no kept one before overlaps."""
    place = ops.arange(TILE)
    before = place[:, None] > place[None, :]
    drops = _overlaps(rows, rows, threshold) & before  # [b, i, j]: j would drop i

    def changed(keep, old):
        return ops.any(ops.not_equal(keep, old))

    def again(keep, _):
        return free & ~ops.any(drops & keep[:, None], 2), keep

    # After k rounds the first k boxes are right; few rounds are needed in practice.
    keep, _ = ops.while_loop(changed, again, (free, ~free))
    return keep


def _padded(places, found, order, scores):
    slots = ops.arange(ops.shape(places)[1], dtype="int32")
    real = slots < found[:, None]
    return Kept(
        ops.where(real, gather_nodes(order, places), -1),
        ops.where(real, gather_nodes(scores, places), 0.0),
        found,
    )
