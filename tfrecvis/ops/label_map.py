"""The shapes of labels and logits that losses and metrics agree on."""

from keras import ops

from tfrecvis.ops.shape_checks import check_shapes


def label_map(labels, logits, what):
    """Labels without the last axis of 1 that some readers give them.

    Args:
        labels: `(..., )` or `(..., 1)` integers.
        logits: `(..., classes)`; `what` names it in the error.
        what: String.

    Returns:
        Labels of the shape of `logits` less its last axis.

    Raises:
        ValueError: Labels and logits do not have the same pixels.

    Example:

    >>> labels = label_map(ops.zeros((2, 3, 5, 1)), ops.zeros((2, 3, 5, 7)), "logits")
    >>> tuple(labels.shape)
    (2, 3, 5)
    """
    check_shapes(
        "Labels are class numbers, one per pixel; turn one-hot labels into numbers "
        "with argmax.",
        **{what: ("*pixels classes", logits)},
        labels=("*pixels | *pixels 1", labels),
    )
    has_last_axis = len(labels.shape) == len(logits.shape)
    return ops.squeeze(labels, axis=-1) if has_last_axis else labels
