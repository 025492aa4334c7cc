"""True boxes as the losses of detectors take them: checked, and never none at all."""

from keras import ops

from tfrecvis.ops.backend import fail_unless
from tfrecvis.ops.box_checks import check_boxes, check_classes


def padded_truth(boxes, classes, num_classes=None):
    """True boxes with one more, which is padding: there may be none at all.

    A class that does not exist, or a coordinate that is NaN or infinite, is refused:
    by an error where the values are there; in a graph of TensorFlow outside XLA, when
    it runs. Under XLA and JAX nothing can stop a program: there `fault` is NaN.

    Args:
        boxes: Float tensor `(batch, boxes, 4)`, xyxy.
        classes: Integer tensor `(batch, boxes)`; -1 is padding.
        num_classes: Integer, above all classes; or None where it is not known.

    Returns:
        boxes: float32 `(batch, boxes + 1, 4)`, zeros where there is padding.
        classes: int32 `(batch, boxes + 1)`, all of them classes that exist.
        fault: float32 scalar to be added to each term of a loss: 0, or NaN where
            something was to be refused and could not be.

    Raises:
        ValueError: See above; or the shapes do not fit.

    Example:

    >>> boxes, classes = ops.zeros((2, 0, 4)), ops.zeros((2, 0), "int32")
    >>> [x.numpy().tolist() for x in padded_truth(boxes, classes)]
    [[[[0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]], [[-1], [-1]], 0.0]
    """
    classes = ops.cast(classes, "int32")
    real = (classes >= 0)[..., None]
    boxes = ops.where(real, ops.cast(boxes, "float32"), 0.0)
    check_boxes("boxes", boxes, classes=("batch boxes", classes))
    finite = ops.all(ops.isfinite(boxes))
    fail_unless(finite, "True `boxes` must be finite, not NaN or infinite.")
    fault = ops.where(finite, 0.0, float("nan"))
    if num_classes is not None:
        fault = fault + class_fault(classes, num_classes)
        classes = ops.minimum(classes, num_classes - 1)
    boxes = ops.pad(boxes, [(0, 0), (0, 1), (0, 0)])
    classes = ops.pad(classes, [(0, 0), (0, 1)], constant_values=-1)
    return boxes, classes, fault


def class_fault(classes, num_classes):
    """0, or NaN where a class does not exist and nothing could be raised.

    Args:
        classes: int32 tensor; -1 is padding.
        num_classes: Integer, above all classes.

    Returns:
        float32 scalar, as `fault` of `padded_truth`.

    Raises:
        ValueError: A class is below -1 or not below `num_classes`.

    Example:

    >>> class_fault(ops.convert_to_tensor([[0, 3]]), num_classes=3)
    Traceback (most recent call last):
    ValueError: `classes` must be from 0 to 2, or -1 for padding. Received: classes \
from 0 to 3.
    """
    check_classes("classes", classes, num_classes)
    lowest, highest = ops.min(classes, initial=-1), ops.max(classes, initial=-1)
    known = (lowest >= -1) & (highest < num_classes)
    message = (
        f"`classes` must be from 0 to {num_classes - 1}, or -1 for padding. The lowest "
        "and the highest:"
    )
    fail_unless(known, message, [lowest, highest])
    return ops.where(known, 0.0, float("nan"))
