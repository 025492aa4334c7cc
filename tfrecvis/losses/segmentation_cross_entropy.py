"""Cross-entropy per pixel, for label maps that leave pixels unlabelled."""

import keras
import numpy as np
from keras import ops

from tfrecvis.ops.checks import check_choice, check_number
from tfrecvis.ops.label_map import check_classes, label_map

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None)


@keras.saving.register_keras_serializable("tfrecvis")
class SegmentationCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy per pixel, averaged over the pixels that have a label.

    With logits z, label k, class weight w and label smoothing s, a pixel costs

        w[k] * -sum_j(((1 - s) * (j == k) + s / K) * log_softmax(z)[j])

    and a void pixel costs nothing. The loss is the sum over the batch divided by
    the number of pixels that are not void, whatever their weights. A batch of
    only void pixels gives 0. Everything is computed in float32, also when the
    logits come in float16 or bfloat16.

    A label that is neither a class nor void is an error that names it, in eager calls
    and in `fit`. XLA (`jit_compile=True`) and JAX cannot stop a compiled step: there
    the loss becomes NaN, so that a wrong label does not pass for a void one, while the
    gradients are those of the other pixels, so that no weight is lost. The metrics of
    `tfrecvis.metrics` name it at the end of the epoch, and
    `keras.callbacks.TerminateOnNaN` stops at once.

    Args:
        class_weights: K floats >= 0, one per class, or None for weight 1. See
            `median_frequency_weights`.
        void: Integer, the label of the pixels that do not count; None when every
            pixel has a class.
        label_smoothing: Float in [0, 1), the share of the target that is spread
            evenly over all classes.
        reduction: `"sum_over_batch_size"` or `"mean"` (the mean over the pixels
            that are not void), `"sum"`, or `"none"` for one loss per pixel.
        name: String.

    Call arguments:
        y_true: Integers `(batch, height, width)`, also with a last axis of 1.
        y_pred: Floats `(batch, height, width, classes)`, logits.
        sample_weight: Floats that broadcast to `(batch, height, width)`; one weight
            per image is `(batch, 1, 1)`.

    Raises:
        ValueError: An argument is out of range, the shapes do not fit, or a label is
            neither a class nor void.

    Example:

    >>> logits = keras.ops.zeros((1, 1, 2, 4))
    >>> loss = SegmentationCrossEntropy()(np.array([[[3, 255]]]), logits)
    >>> round(float(loss), 4)  # log(4); the second pixel is void
    1.3863
    """

    def __init__(
        self,
        class_weights=None,
        void=255,
        label_smoothing=0.0,
        reduction="sum_over_batch_size",
        name="segmentation_cross_entropy",
    ):
        check_choice("reduction", reduction, _REDUCTIONS)
        hint = "1 would leave nothing of the label."
        check_number("label_smoothing", label_smoothing, below=1, hint=hint)
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.class_weights = _checked_weights(class_weights)
        self.void = void
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_true = ops.cast(label_map(y_true, y_pred, "logits"), "int32")
        num_classes = y_pred.shape[-1]
        if self.class_weights is not None and len(self.class_weights) != num_classes:
            raise ValueError(
                f"`class_weights` must hold one weight per class. Received: "
                f"{len(self.class_weights)} weights and logits of {num_classes} "
                f"classes (shape {tuple(y_pred.shape)})."
            )
        check_classes(y_true, num_classes, self.void)
        # A label outside 0..K-1 has no one in its row, and is dealt with below.
        targets = ops.one_hot(y_true, num_classes, dtype="float32")
        is_class = ops.sum(targets, axis=-1)
        weights = is_class
        if self.class_weights is not None:
            weights = ops.sum(targets * ops.array(self.class_weights, "float32"), -1)
        if self.label_smoothing:
            smooth = self.label_smoothing
            targets = (1 - smooth) * targets + smooth / num_classes
        losses = -ops.sum(targets * ops.log_softmax(y_pred, axis=-1), axis=-1) * weights
        counted = ops.ones_like(is_class)
        if self.void is not None:
            counted = ops.cast(ops.not_equal(y_true, self.void), "float32")
        # Where nothing could be raised. A constant: no gradient passes through it.
        losses = ops.where(is_class > 0, losses, float("nan"))
        losses = ops.where(counted > 0, losses, 0.0)
        if self.reduction in ("sum_over_batch_size", "mean"):
            # The base class divides by all pixels; make that the counted ones.
            pixels = ops.cast(ops.size(losses), "float32")
            losses = losses * ops.divide_no_nan(pixels, ops.sum(counted))
        return losses

    def get_config(self):
        config = super().get_config()
        config.update(
            class_weights=self.class_weights,
            void=self.void,
            label_smoothing=self.label_smoothing,
        )
        return config


def _checked_weights(class_weights):
    if class_weights is None:
        return None
    weights = np.asarray(class_weights, "float64")
    if weights.ndim != 1 or not len(weights):
        raise ValueError(
            "`class_weights` must be a flat list with one weight per class. "
            f"Received: an array of shape {weights.shape}."
        )
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ValueError(
            "`class_weights` must be finite and not negative. "
            f"Received: class_weights={weights.tolist()}."
        )
    return weights.tolist()
