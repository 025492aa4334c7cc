"""Sentences from tokens, inside a graph."""

import numpy as np
import tensorflow as tf

from tfrecvis.data.spoken import spoken

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "süßer", "dog"]


def test_words_are_joined_by_spaces_without_what_is_no_word():
    tokens = np.array([[2, 4, 5, 6, 3], [6, 1, 0, 0, 0], [0, 0, 0, 0, 0]], "int32")
    graph = tf.function(lambda tokens: spoken(tokens, WORDS))
    found = [text.decode() for text in graph(tokens).numpy()]
    assert found == ["a süßer dog", "dog [UNK]", ""]
