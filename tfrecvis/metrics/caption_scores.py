"""Perplexity and accuracy of captions under teacher forcing, padding left out."""

import keras
from keras import ops

from tfrecvis.ops.label_map import label_map
from tfrecvis.ops.words import PADDING


class _WordMean(keras.metrics.Metric):
    """A mean over all words of all batches since the last reset."""

    def __init__(self, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError(
                f"`{type(self).__name__}` counts words and takes no `sample_weight`. "
                "Set the tokens of unwanted words to 0, which is padding."
            )
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        tokens = ops.convert_to_tensor(y_true)
        tokens = ops.cast(label_map(tokens, y_pred, "logits"), "int32")
        real = ops.not_equal(tokens, PADDING)
        values = ops.where(real, self.of_words(tokens, y_pred), 0.0)
        self.total.assign_add(ops.cast(ops.sum(values), self.dtype))
        self.count.assign_add(ops.cast(ops.sum(ops.cast(real, "float32")), self.dtype))

    def mean(self):
        return ops.divide_no_nan(self.total.value, self.count.value)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable("tfrecvis")
class Perplexity(_WordMean):
    """How many words a model hesitates between: the exponential of the mean cost.

        perplexity = exp(-mean over words of log_softmax(logits)[word])

    The end token is a word, padding is none. The mean is that of all words since the
    last reset, not one of the batches' perplexities. Before the first word it is 1.

    Args:
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments:
        y_true: Integers `(batch, captions, steps)`, 0 for padding.
        y_pred: Floats `(batch, captions, steps, vocabulary)`, logits.

    Example:

    >>> metric = Perplexity()
    >>> metric.update_state(ops.convert_to_tensor([[5, 3, 0]]), ops.zeros((1, 3, 8)))
    >>> round(float(metric.result()), 3)
    8.0
    """

    def __init__(self, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def of_words(self, tokens, logits):
        return ops.sparse_categorical_crossentropy(tokens, logits, from_logits=True)

    def result(self):
        return ops.exp(self.mean())


@keras.saving.register_keras_serializable("tfrecvis")
class WordAccuracy(_WordMean):
    """Share of the words that are the likeliest ones after the true words before them.

    The end token is a word, padding is none. Before the first word it is 0.

    Args:
        name: String.
        dtype: Of the result; see `keras.metrics.Metric`.

    Call arguments: as those of `Perplexity`.

    Example:

    >>> metric = WordAccuracy()
    >>> logits = ops.one_hot(ops.convert_to_tensor([[5, 4, 0]]), 8)
    >>> metric.update_state(ops.convert_to_tensor([[5, 3, 0]]), logits)
    >>> float(metric.result())
    0.5
    """

    def __init__(self, name="word_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def of_words(self, tokens, logits):
        return ops.cast(ops.equal(ops.argmax(logits, -1), tokens), "float32")

    def result(self):
        return self.mean()
