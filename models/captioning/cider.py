"""CIDEr-D of single sentences, a reward of self-critical training."""

from collections import Counter

import numpy as np

LENGTHS = (1, 2, 3, 4)
SIGMA = 6.0


class CIDErD:
    """CIDEr-D of single sentences, with the frequencies of a training set.

    With g(s)[w] = count of w in s * log(N / max(1, images that have w)), over the words
    and groups w of n = 1 to 4 words, and N images:

        score = 10 / 4 * sum_n mean over references r of
                exp(-(len(s) - len(r))^2 / (2 * 6^2))
                * sum_w min(g_n(s)[w], g_n(r)[w]) * g_n(r)[w] / (|g_n(s)| * |g_n(r)|)

    Reference: Vedantam et al., 2015, section 5.2 (https://arxiv.org/abs/1411.5726).
    Differs from the paper: as in pycocoevalcap, a length is the number of pairs of
    words that follow one another.

    Args:
        captions: List of the images' captions, each a list of strings whose words stand
            between white space; see `tfrecvis.data.vocabulary.split_words`.

    Raises:
        ValueError: there are fewer than two images.

    Example:

    >>> captions = [["a dog runs home"], ["a cat"]]
    >>> cider = CIDErD(captions)
    >>> [round(float(s), 3) for s in cider.scores(["a dog runs home", "a"], captions)]
    [10.0, 0.0]
    """

    def __init__(self, captions):
        if len(captions) < 2:
            raise ValueError(
                "`captions` must be of two images or more: what every image has tells "
                f"none apart. Received {len(captions)}."
            )
        seen = Counter()
        for of_image in captions:
            seen.update({group for text in of_image for group in _groups(text)})
        whole = np.log(float(len(captions)))
        self._rarity = {group: whole - np.log(count) for group, count in seen.items()}
        self._unseen = whole

    def scores(self, sentences, references):
        """The score of each sentence.

        Args:
            sentences: List of strings.
            references: List of as many lists of strings, one or more each.

        Returns:
            float64 array `(sentences,)`.
        """
        pairs = zip(sentences, references, strict=True)
        return np.array([self._score(said, own) for said, own in pairs])

    def _score(self, said, references):
        said, norms, length = self._vectors(said)
        total = 0.0
        for reference in references:
            other, other_norms, other_length = self._vectors(reference)
            same = dict.fromkeys(LENGTHS, 0.0)
            for group in said.keys() & other.keys():
                value = min(said[group], other[group]) * other[group]
                same[len(group)] += value
            near = np.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))
            for n in LENGTHS:
                if norms[n] and other_norms[n]:
                    total += near * same[n] / (norms[n] * other_norms[n])
        return 10.0 * total / len(LENGTHS) / len(references)

    def _vectors(self, text):
        counts = _groups(text)
        values = {
            group: count * self._rarity.get(group, self._unseen)
            for group, count in counts.items()
        }
        squares = dict.fromkeys(LENGTHS, 0.0)
        for group, value in values.items():
            squares[len(group)] += value**2
        norms = {n: np.sqrt(square) for n, square in squares.items()}
        return values, norms, sum(n for g, n in counts.items() if len(g) == 2)


def _groups(text):
    """How often each group of one to four words stands in a text."""
    words = text.split()
    return Counter(
        tuple(words[first : first + n])
        for n in LENGTHS
        for first in range(len(words) - n + 1)
    )
