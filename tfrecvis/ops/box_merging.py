"""OverFeat's merging of boxes: accumulation instead of suppression."""

from keras import ops

from tfrecvis.ops.box_checks import check_boxes
from tfrecvis.ops.boxes import pairwise_iou
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.likeliest import likeliest
from tfrecvis.ops.shape_checks import check_shapes
from tfrecvis.ops.suppression import LOWEST

FAR = 1e6  # a match score that no pair has


def merge_boxes(boxes, scores, threshold=0.0, max_outputs=100, score_threshold=0.0):
    """Merges the pair of boxes that match best, again and again.

        match(a, b) = distance of centres / mean diagonal - IoU(a, b)
        (a, b) = the pair with the lowest match; stop when it is above `threshold`
        a, b -> the mean of their corners, with the larger of their scores

    Of pairs with equal matches, the first in the order of the boxes is merged; a merged
    box takes the place of the first of the two. Work grows with the third power of the
    number of boxes: give it some hundreds at most.

    Reference: Sermanet et al., 2014, section 4.3 (https://arxiv.org/abs/1312.6229).
    Differs from the paper: it prints the match score as the sum of the distance of
    centres and the area of the intersection, lower being better, by which boxes that
    share more would match less; here the distance is divided by the boxes' size and IoU
    is subtracted. The paper prints no threshold.

    Args:
        boxes: Float tensor `(B, N, 4)`, xyxy.
        scores: Float tensor `(B, N)`.
        threshold: Number; identical boxes match at -1, and 0 is, for equal sizes,
            roughly an IoU of a quarter.
        max_outputs: Integer K, the best merged boxes that are returned.
        score_threshold: Number; boxes of no higher score, such as padding, take no
            part.

    Returns:
        Boxes `(B, K, 4)` padded with zeros, scores `(B, K)` padded with 0, the best
        first, and int32 counts `(B,)`.

    Raises:
        ValueError: The shapes do not fit, or boxes are not xyxy.

    Example:

    >>> boxes = [[[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]]]
    >>> boxes, scores = ops.convert_to_tensor(boxes, "float32"), [[0.5, 0.9, 0.8]]
    >>> merged, _, count = merge_boxes(boxes, ops.convert_to_tensor(scores))
    >>> merged[0, :2].numpy().tolist(), int(count[0])
    ([[1.0, 0.0, 11.0, 10.0], [50.0, 50.0, 60.0, 60.0]], 2)
    """
    check_boxes("boxes", boxes, scores=("batch boxes", scores))
    check_integer("max_outputs", max_outputs)
    check_shapes(scores=("batch boxes", scores))
    boxes, scores = (
        ops.stop_gradient(ops.cast(ops.convert_to_tensor(x), "float32"))
        for x in (boxes, scores)
    )
    scores = ops.where(scores > score_threshold, scores, LOWEST)
    # No candidates, as many as may be missing: there may be fewer boxes than outputs.
    boxes = ops.pad(boxes, [(0, 0), (0, max_outputs), (0, 0)])
    scores = ops.pad(scores, [(0, 0), (0, max_outputs)], constant_values=LOWEST)
    count = ops.shape(boxes)[1]
    index = ops.arange(count, dtype="int32")

    def unfinished(boxes, scores, match):
        return ops.any(match <= threshold)

    def merge(boxes, scores, match):
        """Merges the pair found before, in images that have one, and finds the next."""
        _, first, second = _best_pair(boxes, scores, index)
        pair = match <= threshold  # (B,)
        one, two = (
            ops.equal(index, place[:, None]) & pair[:, None]
            for place in (first, second)
        )
        either = ops.cast((one | two)[..., None], "float32")
        middle = ops.sum(boxes * either, 1, keepdims=True) / 2
        boxes = ops.where(one[..., None], middle, boxes)
        top = ops.max(ops.where(one | two, scores, LOWEST), 1, keepdims=True)
        scores = ops.where(one, top, ops.where(two, LOWEST, scores))
        return boxes, scores, _best_pair(boxes, scores, index)[0]

    match = _best_pair(boxes, scores, index)[0]
    boxes, scores, _ = ops.while_loop(unfinished, merge, (boxes, scores, match))
    scores, best = ops.top_k(scores, max_outputs)
    chosen = ops.equal(ops.cast(best, "int32")[..., None], index)  # (B, K, N)
    boxes = ops.matmul(ops.cast(chosen, "float32"), boxes)
    real = scores > LOWEST
    return (
        ops.where(real[..., None], boxes, 0.0),
        ops.where(real, scores, 0.0),
        ops.sum(ops.cast(real, "int32"), 1),
    )


def _best_pair(boxes, scores, index):
    """The lowest match of each image `(B,)` and the places of the two boxes."""
    real = scores > LOWEST
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    between = centres[:, :, None] - centres[:, None]
    distance = ops.sqrt(ops.sum(ops.square(between), -1))
    diagonal = ops.sqrt(ops.sum(ops.square(boxes[..., 2:] - boxes[..., :2]), -1))
    size = (diagonal[:, :, None] + diagonal[:, None]) / 2
    match = distance / ops.maximum(size, 1e-6) - pairwise_iou(boxes, boxes)
    pair = real[:, :, None] & real[:, None] & (index[:, None] < index)
    match = ops.where(pair, match, FAR)
    by_row = ops.min(match, -1)
    first = likeliest(-by_row)
    row = ops.equal(index, first[:, None])[..., None]
    second = likeliest(-ops.min(ops.where(row, match, FAR), 1))
    return ops.min(by_row, -1), first, second
