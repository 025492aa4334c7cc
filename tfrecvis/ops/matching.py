"""Which anchor stands for which box, and which of them are trained."""

import keras
from keras import ops

from tfrecvis.ops.box_checks import check_threshold
from tfrecvis.ops.checks import check_flag, check_integer
from tfrecvis.ops.likeliest import likeliest
from tfrecvis.ops.shape_checks import check_shapes

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


def match_boxes(
    iou,
    valid=None,
    foreground=0.7,
    background=(0.0, 0.3),
    allow_low_quality=False,
):
    """Matches each anchor with the box that it overlaps most, and labels it.

        positive: best IoU >= foreground
        negative: background[0] <= best IoU < background[1]
        ignored:  all others

    With `allow_low_quality`, the anchors that overlap a box more than all others do are
    positive too, whatever their IoU, as long as they overlap it at all: of a box that
    no anchor overlaps, none becomes positive. An anchor keeps its match: it is the box
    that it overlaps most, not the one for which it became positive.

    An image without boxes has negative anchors only, or ignored ones where
    `background[0]` is above 0.

    Reference: Ren et al., 2015, section 3.1.2 (https://arxiv.org/abs/1506.01497);
    matches as in Detectron2's `Matcher`.

    Args:
        iou: Float tensor `(..., M, N)`, of M boxes with N anchors.
        valid: Boolean tensor `(..., M)`, False for padding, or None.
        foreground: Number from 0 to 1.
        background: Pair of numbers from 0 to 1; Fast R-CNN has (0.1, 0.5).
        allow_low_quality: Whether the best anchors of a box are positive.

    Returns:
        int32 tensors `(..., N)`: the index of the matched box, 0 where there is none;
        and the label, 1 positive, 0 negative, -1 ignored.

    Raises:
        ValueError: The shapes do not fit, or a threshold is out of range.

    Example:

    >>> iou = ops.convert_to_tensor([[0.8, 0.4, 0.0], [0.1, 0.5, 0.2]])
    >>> matches, labels = match_boxes(iou)
    >>> matches.numpy(), labels.numpy()
    (array([0, 1, 1], dtype=int32), array([ 1, -1,  0], dtype=int32))
    """
    low, high = background
    for name, value in (("foreground", foreground), ("background", low)):
        check_threshold(name, value)
    check_threshold("background", high)
    check_flag("allow_low_quality", allow_low_quality)
    if not low <= high <= foreground:
        raise ValueError(
            "`background` must be a range below `foreground`. Received: "
            f"background={background!r}, foreground={foreground}."
        )
    check_shapes(iou=("*any boxes anchors", iou), valid=("*any boxes", valid))
    iou = ops.stop_gradient(ops.cast(iou, "float32"))
    if valid is not None:
        iou = ops.where(ops.cast(valid, "bool")[..., None], iou, -1.0)
    # One more box, which overlaps nothing: there may be no box at all.
    padding = [(0, 0)] * (len(iou.shape) - 2) + [(0, 1), (0, 0)]
    iou = ops.pad(iou, padding, constant_values=-1.0)
    best = ops.max(iou, -2)
    matches = likeliest(ops.swapaxes(iou, -1, -2))
    matches = ops.where(best >= 0, matches, 0)
    best = ops.maximum(best, 0.0)
    negative = (best >= low) & (best < high)
    labels = ops.where(negative, NEGATIVE, IGNORED)
    positive = best >= foreground
    if allow_low_quality:
        most = ops.max(iou, -1, keepdims=True)
        positive = positive | ops.any((iou >= most) & (iou > 0), -2)
    return matches, ops.cast(ops.where(positive, POSITIVE, labels), "int32")


def sample_balanced(labels, num_samples=256, positive_fraction=0.5, seed=None):
    """Ignores all but a random few of the labelled anchors, in a fixed proportion.

    At most `num_samples * positive_fraction` positives are drawn, and negatives fill
    the rest up; where there are too few of them, fewer are drawn.

    Args:
        labels: Integer tensor `(..., N)`: 1 positive, 0 negative, -1 ignored.
        num_samples: Integer, drawn of each image.
        positive_fraction: Number from 0 to 1.
        seed: Integer, which always gives the same draw (another one under XLA, which
            has random numbers of its own); a
            `keras.random.SeedGenerator`, which gives another one each time; or None for
            Keras' own.

    Returns:
        int32 tensor `(..., N)`: the labels of what was drawn, and -1.

    Raises:
        ValueError: A number is out of range.

    Example:

    >>> labels = ops.convert_to_tensor([1, 1, 1, 0, 0, -1])
    >>> drawn = sample_balanced(labels, num_samples=2, seed=0)
    >>> sorted(drawn.numpy().tolist())
    [-1, -1, -1, -1, 0, 1]
    """
    check_integer("num_samples", num_samples)
    check_threshold("positive_fraction", positive_fraction)
    check_shapes(labels=("*any anchors", labels))
    labels = ops.cast(labels, "int32")
    chance = keras.random.uniform(ops.shape(labels), seed=seed)
    positive = lowest_of(
        chance, labels == POSITIVE, int(num_samples * positive_fraction)
    )
    room = num_samples - ops.sum(ops.cast(positive, "int32"), -1, keepdims=True)
    negative = lowest_of(chance, labels == NEGATIVE, room)
    return ops.where(positive | negative, labels, IGNORED)


def drawn_places(labels, num_samples):
    """Where the drawn anchors are: positives first, then negatives, then padding.

    Args:
        labels: Integer tensor `(..., N)`, as `sample_balanced` returns it.
        num_samples: Integer.

    Returns:
        int32 tensors `(..., num_samples)`: places, 0 for padding, and their labels, -1
        for padding.

    Example:

    >>> places, labels = drawn_places(ops.convert_to_tensor([-1, 0, 1]), 3)
    >>> places.numpy().tolist(), labels.numpy().tolist()
    ([2, 1, 0], [1, 0, -1])
    """
    check_integer("num_samples", num_samples)
    labels = ops.cast(labels, "int32")
    # There may be fewer anchors than samples.
    padding = [(0, 0)] * (len(labels.shape) - 1) + [(0, num_samples)]
    padded = ops.pad(labels, padding, constant_values=IGNORED)
    found, places = ops.top_k(ops.cast(padded, "float32"), num_samples)
    found = ops.cast(found, "int32")
    return ops.where(found >= 0, ops.cast(places, "int32"), 0), found


def lowest_of(values, wanted, most):
    """The wanted places with the lowest values, at most so many of them.

    Args:
        values: Float tensor `(..., N)`, below 2.
        wanted: Boolean tensor `(..., N)`.
        most: Integer, or integer tensor `(..., 1)`.

    Returns:
        Boolean tensor `(..., N)`.

    Example:

    >>> values = ops.convert_to_tensor([0.3, 0.1, 0.2])
    >>> lowest_of(values, ops.convert_to_tensor([True, False, True]), 1).numpy()
    array([False, False,  True])
    """
    values = ops.where(wanted, values, 2.0)
    order = ops.argsort(values, -1)
    rank = ops.argsort(order, -1)  # the place of each in the order
    return wanted & (ops.cast(rank, "int32") < most)
