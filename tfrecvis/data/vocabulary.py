"""The words of a captioner, and how sentences become tokens and come back."""

import string
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from tfrecvis.ops.checks import check_integer
from tfrecvis.ops.words import END, PADDING, SPECIAL_WORDS, START, check_words

# Every score of captions names it.
TOKENIZER = "lower-case words without punctuation (tfrecvis.data.Vocabulary)"

_DROPPED = string.punctuation.encode()  # bytes: of letters, only A to Z are lowered


class Vocabulary:
    """A list of words whose index is the token, and the way there and back.

    Token 0 is padding, 1 an unknown word, 2 the start and 3 the end of a sentence. A
    sentence is split by one rule, that of `keras.layers.TextVectorization`: the letters
    A to Z become small, the ASCII punctuation is removed without a gap ("t-shirt" is
    the word "tshirt"), and words are what stands between white space. So a sentence in
    a language that writes no spaces is one word: split it before.

    Args:
        words: List of strings, the whole list: `SPECIAL_WORDS` and then words as the
            rule leaves them, each once.

    Attributes: `words`, the list.

    Raises:
        ValueError: `words` is no such list.

    Example:

    >>> vocabulary = Vocabulary(["", "[UNK]", "[start]", "[end]", "a", "dog"])
    >>> vocabulary.tokens(["A dog .", "A grey dog!", ""], max_steps=3).numpy()
    array([[4, 5, 3, 0],
           [4, 1, 5, 3],
           [0, 0, 0, 0]], dtype=int32)
    >>> vocabulary.sentences([[4, 5, 3, 0], [4, 1, 5, 3]])
    ['a dog', 'a [UNK] dog']
    """

    def __init__(self, words):
        check_words(words)
        self.words = list(words)
        own = self.words[len(SPECIAL_WORDS) :]
        changed = [
            word
            for word, found in zip(own, split_words(own), strict=True)
            if found != [word]
        ]
        if changed:
            raise ValueError(
                "`words` must be as sentences are split: small letters without "
                f"punctuation and spaces. Received: {repr(changed[:5])[1:-1]}."
            )
        self._layer = keras.layers.TextVectorization(vocabulary=self.words[2:])

    @classmethod
    def of(cls, sentences, least_count=5, most=None):
        """The vocabulary of sentences, the most frequent word first.

        Words of equal counts stand in the order of their code points.

        Args:
            sentences: Iterable of strings.
            least_count: Positive integer, how often a word must occur.
            most: Positive integer, the most words besides the four special ones, or
                None.

        Raises:
            ValueError: no word occurs as often, or a number is out of range.

        Example:

        >>> Vocabulary.of(["a dog", "A cat, a dog"], least_count=2).words[4:]
        ['a', 'dog']
        """
        check_integer("least_count", least_count)
        if most is not None:
            check_integer("most", most)
        sentences = list(sentences)
        counts = Counter(word for words in split_words(sentences) for word in words)
        kept = [word for word, count in counts.items() if count >= least_count]
        if not kept:
            raise ValueError(
                f"No word of the {len(sentences)} sentences occurs {least_count} times "
                "or more. Use a smaller `least_count`, or check the sentences."
            )
        kept.sort(key=lambda word: (-counts[word], word))
        return cls([*SPECIAL_WORDS, *kept[:most]])

    def __len__(self):
        return len(self.words)

    def tokens(self, sentences, max_steps):
        """Sentences as tokens: words, the end, then padding. Works in `Dataset.map`.

        A sentence of more than `max_steps` words is cut to that many, and no end
        follows. One without a word, as the padding of a batch, is padding only.

        Args:
            sentences: Strings `(...)`.
            max_steps: Positive integer, the most words.

        Returns:
            int32 tensor of TensorFlow, `(..., max_steps + 1)`.
        """
        check_integer("max_steps", max_steps)
        sentences = tf.convert_to_tensor(sentences)
        tokens = _tokens(self._layer, sentences, max_steps)
        return tf.ensure_shape(tokens, sentences.shape.concatenate([max_steps + 1]))

    def sentences(self, tokens):
        """Tokens as sentences: the words before the first end or padding.

        Args:
            tokens: Integers `(sentences, steps)`.

        Returns:
            List of strings.

        Raises:
            ValueError: a token is of no word, or the shape another one.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or tokens.dtype.kind not in "iu":
            raise ValueError(
                "`tokens` must be integers of shape (sentences, steps). Received: "
                f"{tokens.dtype} of shape {tokens.shape}."
            )
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < len(self):
            raise ValueError(
                f"`tokens` must be 0 to {len(self) - 1}, the places of the words. "
                f"Received: {tokens.min()} to {tokens.max()}."
            )
        found = []
        for row in tokens:
            stops = np.flatnonzero((row == END) | (row == PADDING))
            row = row[: stops[0]] if stops.size else row
            found.append(" ".join(self.words[token] for token in row if token != START))
        return found


def split_words(sentences):
    """The words of each sentence, by the rule of `Vocabulary`.

    Args:
        sentences: List of strings.

    Returns:
        List of lists of strings.

    Example:

    >>> split_words(["A dog's ball, here ."])
    [['a', 'dogs', 'ball', 'here']]
    """
    return [
        [
            word.decode()
            for word in text.encode().lower().translate(None, _DROPPED).split()
        ]
        for text in sentences
    ]


@tf.function(reduce_retracing=True)
def _tokens(layer, sentences, max_steps):
    """In a graph, whatever the backend: Keras would hand out tensors of its own."""
    numbers = layer(tf.reshape(sentences, [-1]))
    lengths = tf.math.count_nonzero(numbers, -1, dtype=tf.int32)[:, None]
    numbers = tf.cast(numbers[:, :max_steps], tf.int32)
    room = max_steps + 1 - tf.shape(numbers)[1]
    numbers = tf.pad(numbers, [[0, 0], [0, room]])
    ends = (tf.range(max_steps + 1) == lengths) & (lengths > 0)
    numbers = tf.where(ends, END, numbers)
    shape = tf.concat([tf.shape(sentences), [max_steps + 1]], 0)
    return tf.reshape(numbers, shape)
