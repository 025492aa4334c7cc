"""The confusion matrix that every segmentation metric is computed from."""

import keras
import numpy as np
from keras import ops

from tfrecvis.ops.backend import concrete_value
from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.label_map import check_classes, label_map
from tfrecvis.ops.shape_checks import check_shapes

# Counts are kept as high * 2**24 + low in two integer variables, because a float32
# stops counting at 2**24 pixels and JAX has no 64-bit integers by default.
_LIMB = 2**24


@keras.saving.register_keras_serializable("tfrecvis")
class ConfusionMatrix(keras.metrics.Metric):
    """Counts how often each class was taken for each other class.

    Row t, column p of the result holds the pixels of true class t that were
    predicted as class p. Pixels whose true label is void are not counted.

    Counts stay exact up to 2**55 pixels per cell (2**31 in one batch), on
    TensorFlow and on JAX. `counts` returns them as they are; `result` as float32,
    which rounds a count above 2**24 by at most 6e-8 of itself.

    A label or prediction that is neither a class nor void is an error that names it,
    in eager calls and in `fit`. XLA (`jit_compile=True`) and JAX cannot stop a
    compiled step: there the result is NaN, and as soon as it is asked for outside the
    step, as `fit` does at the end of an epoch, the error is raised.

    Args:
        num_classes: Integer, K.
        void: Integer, the true label of the pixels that do not count; None when
            every pixel has a class.
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments:
        y_true: Integers `(batch, height, width)`, also with a last axis of 1.
        y_pred: Floats `(batch, height, width, classes)`, logits or probabilities,
            or integers of the shape of the labels.

    Raises:
        ValueError: The shapes do not fit, a label or prediction is neither a class
            nor void, or `sample_weight` is given: pixels are counted, not weighted.

    Example:

    >>> matrix = ConfusionMatrix(num_classes=2)
    >>> matrix.update_state(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 0]]))
    >>> matrix.counts().tolist()  # the last pixel is void
    [[1, 1], [0, 1]]
    """

    def __init__(self, num_classes, void=255, name="confusion_matrix", dtype=None):
        check_integer("num_classes", num_classes)
        super().__init__(name=name, dtype=dtype)
        self.num_classes = int(num_classes)
        self.void = void
        # The last cell counts the pixels that are neither a class nor void.
        shape = (self.num_classes**2 + 1,)
        self.low = self.add_variable(shape, "zeros", dtype="int", name="low")
        self.high = self.add_variable(shape, "zeros", dtype="int", name="high")

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError(
                f"`{type(self).__name__}` counts pixels and takes no "
                "`sample_weight`. Set the labels of unwanted pixels to void "
                f"({self.void}), and pass the metric as `metrics`, not as "
                "`weighted_metrics`."
            )
        y_true, y_pred = self._class_numbers(y_true, y_pred)
        check_classes(y_true, self.num_classes, self.void)
        counted = y_pred
        if self.void is not None:
            counted = ops.where(ops.equal(y_true, self.void), 0, y_pred)
        check_classes(counted, self.num_classes, None, what="Predictions")
        cells = y_true * self.num_classes + y_pred
        invalid = self.num_classes**2
        known = self._is_class(y_true) & self._is_class(y_pred)
        cells = ops.where(known, cells, invalid)
        if self.void is not None:
            # Past the last cell, and cut off again after the sum.
            cells = ops.where(ops.equal(y_true, self.void), invalid + 1, cells)
        cells = ops.reshape(cells, (-1,))
        new = ops.segment_sum(ops.ones_like(cells), cells, num_segments=invalid + 2)
        low = self.low + ops.cast(new[:-1], self.low.dtype)
        self.high.assign(self.high + low // _LIMB)
        self.low.assign(low % _LIMB)

    def result(self):
        matrix, invalid = self._float_counts()
        return ops.where(invalid, float("nan"), matrix)

    def counts(self):
        """The exact counts so far, a NumPy int64 array `(classes, classes)`."""
        high = ops.convert_to_numpy(self.high.value).astype("int64")
        cells = high * _LIMB + ops.convert_to_numpy(self.low.value)
        if cells[-1]:
            raise ValueError(
                f"{cells[-1]} pixels had a label or prediction outside "
                f"0..{self.num_classes - 1} that is not void ({self.void}). Check "
                "`num_classes` and the label maps; the readers of tfrecvis.data "
                "name the files."
            )
        return cells[:-1].reshape(self.num_classes, self.num_classes)

    def _class_numbers(self, y_true, y_pred):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if keras.backend.is_float_dtype(y_pred.dtype):
            hint = "Predictions that are class numbers already must be integers."
            spec = "*pixels num_classes"
            check_shapes(hint, logits=(spec, y_pred), num_classes=self.num_classes)
            y_true = label_map(y_true, y_pred, "logits")
            y_pred = ops.argmax(y_pred, axis=-1)
        else:
            check_shapes(y_true=("*pixels", y_true), y_pred=("*pixels", y_pred))
        return ops.cast(y_true, "int32"), ops.cast(y_pred, "int32")

    def _is_class(self, labels):
        return (labels >= 0) & (labels < self.num_classes)

    def _float_counts(self):
        """The counts as floats, and whether they are spoilt by invalid labels."""
        cells = ops.cast(self.high, self.dtype) * _LIMB + ops.cast(self.low, self.dtype)
        matrix = ops.reshape(cells[:-1], (self.num_classes, self.num_classes))
        if concrete_value(cells[-1]):
            self.counts()  # raises
        return matrix, cells[-1] > 0

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "void": self.void,
        }


def mean_of_defined(numerators, denominators):
    """Mean of the quotients whose denominator is above 0; 0 when none is.

    Example:

    >>> values = keras.ops.array([1.0, 0.0, 3.0])
    >>> float(mean_of_defined(values, keras.ops.array([2.0, 0.0, 3.0])))
    0.75
    """
    defined = ops.cast(denominators > 0, denominators.dtype)
    total = ops.sum(ops.divide_no_nan(numerators, denominators))
    return ops.divide_no_nan(total, ops.sum(defined))


def quotients(numerators, denominators):
    """NumPy quotients per class, NaN where the denominator is 0.

    Example:

    >>> quotients(np.array([1, 0]), np.array([2, 0])).tolist()
    [0.5, nan]
    """
    undefined = np.full(len(numerators), np.nan)
    return np.divide(numerators, denominators, out=undefined, where=denominators > 0)
