"""Cross-entropy per word of captions that are padded."""

import keras
from keras import ops

from tfrecvis.ops.label_map import check_classes, label_map
from tfrecvis.ops.words import PADDING


@keras.saving.register_keras_serializable("tfrecvis")
class CaptionCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy per word, averaged over the words that are there.

        loss = -sum over words of log_softmax(logits)[word] / number of words

    The end token is a word like others, and padding, token 0, is none. A batch without
    words gives 0. Everything is computed in float32.

    A token outside of the vocabulary is an error in eager calls and in `fit`. Under XLA
    and JAX, which cannot stop a compiled step, the loss becomes NaN.

    Reference: Vinyals et al., 2015, equation 13 (https://arxiv.org/abs/1411.4555).
    Differs from the paper: the mean over the words of the batch in place of the sum
    over a caption.

    Args:
        name: String.

    Call arguments:
        y_true: Integers `(batch, captions, steps)`, or of other leading axes.
        y_pred: Floats `(batch, captions, steps, vocabulary)`, logits.

    Raises:
        ValueError: The shapes do not fit, or a token is outside of the vocabulary.

    Example:

    >>> logits = ops.zeros((1, 1, 3, 8))
    >>> loss = CaptionCrossEntropy()(ops.convert_to_tensor([[[5, 3, 0]]]), logits)
    >>> round(float(loss), 4)  # log(8); the third step is padding
    2.0794
    """

    def __init__(self, name="caption_cross_entropy"):
        super().__init__(name=name, reduction="sum_over_batch_size", dtype="float32")

    def call(self, y_true, y_pred):
        costs, real = word_costs(y_true, y_pred)
        # The base class divides by all steps; make that the words.
        steps = ops.cast(ops.size(costs), "float32")
        return costs * ops.divide_no_nan(steps, ops.sum(real))

    def get_config(self):
        return {"name": self.name}


def word_costs(y_true, y_pred):
    """The cost of each word in nats, 0 where there is none; and 1 where there is one.

    Example:

    >>> costs, real = word_costs(ops.convert_to_tensor([[4, 0]]), ops.zeros((1, 2, 8)))
    >>> [round(float(cost), 4) for cost in costs[0]], [int(word) for word in real[0]]
    ([2.0794, 0.0], [1, 0])
    """
    tokens = ops.cast(label_map(y_true, y_pred, "logits"), "int32")
    size = y_pred.shape[-1]
    check_classes(tokens, size, PADDING, what="Tokens")
    known = ops.logical_and(tokens >= 0, tokens < size)
    safe = ops.where(known, tokens, PADDING)
    costs = ops.sparse_categorical_crossentropy(
        safe, ops.cast(y_pred, "float32"), from_logits=True
    )
    real = ops.not_equal(tokens, PADDING)
    costs = ops.where(real, costs, 0.0)
    # Where nothing could be raised. A constant: no gradient passes through it.
    costs = ops.where(known, costs, float("nan"))
    return costs, ops.cast(real, "float32")
