"""A vector for each word of a vocabulary, which it keeps."""

import keras
import numpy as np
from keras import ops

from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.shape_checks import check_integer_dtype
from tfrecvis.ops.words import check_words

_WORDS = "words"


@keras.saving.register_keras_serializable("tfrecvis")
class WordEmbedding(keras.layers.Layer):
    """A vector for each word of a vocabulary, which it keeps.

        y = embeddings[token]

    The vocabulary is part of the layer: its config has it, so that a `.keras` file
    does, and so do files of weights, which only a layer of the same words loads.

    Args:
        words: List of strings, the vocabulary: the index of a word is its token. It
            begins with `"", "[UNK]", "[start]", "[end]"`.
        units: Positive integer, the size of a vector.

    Call arguments:
        tokens: Integer tensor `(...)`.

    Input shape: any.
    Output shape: that of the tokens, and a last axis of `units`.

    Raises:
        ValueError: `words` is no vocabulary, `units` is not positive, tokens are no
            integers, or weights of another vocabulary are loaded.

    Example:

    >>> words = ["", "[UNK]", "[start]", "[end]", "dog"]
    >>> tuple(WordEmbedding(words, 8)(ops.ones((2, 5), "int32")).shape)
    (2, 5, 8)
    """

    def __init__(self, words, units, **kwargs):
        super().__init__(**kwargs)
        check_words(words)
        check_integer("units", units)
        self.words = list(words)
        self.units = units

    def build(self, tokens_shape=None):
        self.embeddings = self.add_weight(
            (len(self.words), self.units),
            keras.initializers.RandomUniform(-0.08, 0.08),
            name="embeddings",
        )

    def call(self, tokens):
        check_integer_dtype("tokens", tokens)
        return ops.take(ops.cast(self.embeddings, self.compute_dtype), tokens, axis=0)

    def compute_output_shape(self, tokens_shape):
        return (*tokens_shape, self.units)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        text = "\n".join(self.words).encode()
        store[_WORDS] = np.frombuffer(text, "uint8")

    def load_own_variables(self, store):
        names = list(store.keys())  # a file's group of arrays is no dict
        if _WORDS in names:
            text = np.asarray(store[_WORDS]).astype("uint8").tobytes()
            self._check_same(text.decode().split("\n"))
        super().load_own_variables({n: store[n] for n in names if n != _WORDS})

    def _check_same(self, words):
        pairs = zip(words, self.words, strict=False)
        other = [n for n, pair in enumerate(pairs) if pair[0] != pair[1]]
        if not other and len(words) == len(self.words):
            return
        where = (
            f"Token {other[0]} is {words[other[0]]!r} there and "
            f"{self.words[other[0]]!r} here."
            if other
            else "The first of them are the same."
        )
        raise ValueError(
            "These weights belong to another vocabulary. Received: weights of "
            f"{len(words)} words for a model of {len(self.words)}. {where} Build the "
            "model with the words that the weights were trained with."
        )

    def get_config(self):
        return {**super().get_config(), "words": self.words, "units": self.units}
