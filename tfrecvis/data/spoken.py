"""Sentences from tokens, inside a graph."""

import tensorflow as tf

from tfrecvis.ops.words import END, PADDING, START


def spoken(tokens, words):
    """Sentences as strings, in a graph of TensorFlow: words with spaces between them.

    Padding, start and end are left out.

    Args:
        tokens: int32 tensor `(..., steps)`.
        words: List of strings, the vocabulary.

    Returns:
        String tensor `(...)`.

    Example:

    >>> words = ["", "[UNK]", "[start]", "[end]", "a", "dog"]
    >>> spoken([[4, 5, 3, 0]], words).numpy().tolist()
    [b'a dog']
    """
    silent = (PADDING, START, END)
    texts = ["" if token in silent else f"{word} " for token, word in enumerate(words)]
    texts = tf.gather(tf.constant(texts), tokens)
    return tf.strings.strip(tf.strings.reduce_join(texts, -1))
