"""Accuracies of a label map, over all pixels and per class."""

import numpy as np
from keras import ops

from tfrecvis.metrics.confusion_matrix import (
    ConfusionMatrix,
    mean_of_defined,
    quotients,
)


class GlobalAccuracy(ConfusionMatrix):
    """Share of the pixels, void ones aside, that were given their true class.

    Before the first pixel the result is 0.

    Args:
        num_classes: Integer, K.
        void: Integer, the true label of the pixels that do not count, or None.
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments: see `ConfusionMatrix`.

    Example:

    >>> metric = GlobalAccuracy(num_classes=2)
    >>> metric.update_state(np.array([[0, 0, 0, 1]]), np.array([[0, 0, 0, 0]]))
    >>> float(metric.result())
    0.75
    """

    def __init__(self, num_classes, void=255, name="global_accuracy", dtype=None):
        super().__init__(num_classes, void=void, name=name, dtype=dtype)

    def result(self):
        matrix, invalid = self._float_counts()
        hits = ops.sum(ops.diagonal(matrix))
        accuracy = ops.divide_no_nan(hits, ops.sum(matrix))
        return ops.where(invalid, float("nan"), accuracy)


class ClassAccuracy(ConfusionMatrix):
    """Share of a class's pixels that were found, averaged over the classes.

    Classes without a labelled pixel have no accuracy and are left out of the
    mean. Before the first pixel the result is 0.

    Args:
        num_classes: Integer, K.
        void: Integer, the true label of the pixels that do not count, or None.
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments: see `ConfusionMatrix`.

    Example:

    >>> metric = ClassAccuracy(num_classes=2)
    >>> metric.update_state(np.array([[0, 0, 0, 1]]), np.array([[0, 0, 0, 0]]))
    >>> float(metric.result())  # all of class 0, nothing of class 1
    0.5
    """

    def __init__(self, num_classes, void=255, name="class_accuracy", dtype=None):
        super().__init__(num_classes, void=void, name=name, dtype=dtype)

    def result(self):
        matrix, invalid = self._float_counts()
        accuracy = mean_of_defined(ops.diagonal(matrix), ops.sum(matrix, axis=1))
        return ops.where(invalid, float("nan"), accuracy)

    def per_class(self):
        """NumPy floats `(classes,)`: accuracy, NaN for classes without a pixel."""
        matrix = self.counts()
        return quotients(np.diagonal(matrix), matrix.sum(axis=1))
