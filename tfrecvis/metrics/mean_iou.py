"""Mean intersection over union."""

import keras
import numpy as np
from keras import ops

from tfrecvis.metrics.confusion_matrix import (
    ConfusionMatrix,
    mean_of_defined,
    quotients,
)


@keras.saving.register_keras_serializable("tfrecvis")
class MeanIoU(ConfusionMatrix):
    """Intersection over union, averaged over the classes.

    With `n[t, p]` pixels of class t predicted as p, class k has

        IoU[k] = n[k, k] / (sum(n[k, :]) + sum(n[:, k]) - n[k, k])

    Classes that occur neither in the labels nor in the predictions have no IoU
    and are left out of the mean. Pixels whose true label is void count for
    nothing, whatever was predicted there. Before the first pixel the result is 0.

    The mean is that of the whole data set's matrix, not a mean of the images'
    means: during an epoch it is that of the pixels seen so far.

    Args:
        num_classes: Integer, K.
        void: Integer, the true label of the pixels that do not count, or None.
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments: see `ConfusionMatrix`.

    Example:

    >>> metric = MeanIoU(num_classes=3)
    >>> metric.update_state(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 2]]))
    >>> float(metric.result())  # 1/2 and 1/2; class 2 is only on a void pixel
    0.5
    """

    def __init__(self, num_classes, void=255, name="mean_iou", dtype=None):
        super().__init__(num_classes, void=void, name=name, dtype=dtype)

    def result(self):
        matrix, invalid = self._float_counts()
        hits = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
        return ops.where(invalid, float("nan"), mean_of_defined(hits, union))

    def per_class(self):
        """NumPy floats `(classes,)`: IoU, NaN for classes that never occurred."""
        matrix = self.counts()
        hits = np.diagonal(matrix)
        return quotients(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)
