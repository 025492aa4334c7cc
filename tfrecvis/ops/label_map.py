"""The shapes of labels and logits that losses and metrics agree on."""

from keras import ops


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
    labels_shape, logits_shape = tuple(labels.shape), tuple(logits.shape)
    if len(labels_shape) == len(logits_shape) and labels_shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    rows_fit = len(labels.shape) + 1 == len(logits_shape) and all(
        a is None or b is None or a == b
        for a, b in zip(labels.shape, logits_shape[:-1], strict=True)
    )
    if not rows_fit:
        raise ValueError(
            f"Labels must have the shape of the {what} less the last axis. Received: "
            f"labels of shape {labels_shape} and {what} of shape {logits_shape}. "
            "Labels are class numbers a pixel; turn one-hot labels into numbers with "
            "argmax."
        )
    return labels
