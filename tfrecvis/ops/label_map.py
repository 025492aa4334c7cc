"""The shapes and values of labels that losses and metrics agree on."""

import keras
import numpy as np
from keras import ops

from tfrecvis.ops.scan import concrete_value, fail_unless


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
            "Labels are class numbers per pixel; turn one-hot labels into numbers with "
            "argmax."
        )
    return labels


def check_classes(labels, num_classes, void, what="Labels"):
    """Refuse labels that are neither a class nor void.

    Called with values, it raises. In a graph of TensorFlow outside XLA the running
    graph fails, with the same message. Under XLA and JAX nothing can stop a program:
    there the caller must let the wrong labels show in its result.

    Args:
        labels: Integer tensor.
        num_classes: Integer.
        void: Integer or None.
        what: String, what the labels are, as the start of a sentence.

    Raises:
        ValueError: A label is wrong.

    Example:

    >>> check_classes(np.array([0, 7, 255, -1]), num_classes=5, void=255)
    Traceback (most recent call last):
    ValueError: Labels must be 0..4 or 255 (void). Received: -1, 7. Check \
`num_classes` and the label maps; the readers of tfrecvis.data name the files.
    """
    expected = f"{what} must be 0..{num_classes - 1}"
    if void is not None:
        expected += f" or {void} (void)"
    advice = (
        "Check `num_classes` and the label maps; the readers of tfrecvis.data name the "
        "files."
    )
    if keras.backend.is_keras_tensor(labels):
        return
    values = concrete_value(labels)
    if values is not None:
        wrong = (values < 0) | (values >= num_classes)
        if void is not None:
            wrong &= values != void
        if wrong.any():
            found = np.unique(values[wrong])
            shown = ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")
            raise ValueError(f"{expected}. Received: {shown}. {advice}")
        return
    wrong = ops.logical_or(labels < 0, labels >= num_classes)
    if void is not None:
        wrong = ops.logical_and(wrong, ops.not_equal(labels, void))
    # Two values, whatever the number of wrong ones, cost no more than the comparison.
    lowest = ops.min(ops.where(wrong, labels, 2**31 - 1), initial=2**31 - 1)
    highest = ops.max(ops.where(wrong, labels, -(2**31)), initial=-(2**31))
    message = f"{expected}. {advice} The lowest and the highest of the wrong ones:"
    fail_unless(ops.logical_not(ops.any(wrong)), message, [lowest, highest])
