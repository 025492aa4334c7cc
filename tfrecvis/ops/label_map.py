"""The shapes and values of labels that losses and metrics agree on."""

import keras
import numpy as np
from keras import ops

from tfrecvis.ops.backend import concrete_value, fail_unless
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
