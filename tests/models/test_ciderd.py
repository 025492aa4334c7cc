"""CIDErD: pycocoevalcap's numbers, the frequencies of a training set, errors."""

import numpy as np
import pytest
from pycocoevalcap.cider.cider import Cider

from tfrecvis.models.captioning import CIDErD

WORDS = ["a", "dog", "cat", "runs", "home", "red", "and", "the"]


def corpus(count=30, seed=0):
    """Sentences, and three references of each; some are empty or share words."""
    rng = np.random.default_rng(seed)

    def text(least):
        return " ".join(rng.choice(WORDS, rng.integers(least, 9)))

    references = [[text(1) for _ in range(3)] for _ in range(count)]
    sentences = [text(0) for _ in range(count)]
    sentences[:5] = [own[0] for own in references[:5]]
    return sentences, references


def test_scores_are_those_of_pycocoevalcap():
    sentences, references = corpus()
    found = CIDErD(references).scores(sentences, references)
    truths = dict(enumerate(references))
    said = {number: [text] for number, text in enumerate(sentences)}
    _, expected = Cider().compute_score(truths, said)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert len(set(np.round(expected, 6))) > 20


def test_frequencies_are_those_of_the_training_set():
    sentences, references = corpus()
    cider = CIDErD(references)
    whole = cider.scores(sentences, references)
    some = cider.scores(sentences[4:9], references[4:9])
    np.testing.assert_array_equal(some, whole[4:9])
    other = CIDErD(references[4:9]).scores(sentences[4:9], references[4:9])
    assert not np.allclose(other, some, rtol=1e-2)
    # A word that no image of the training set has is the rarest of all.
    assert cider.scores(["unicorn"], [["unicorn"]])[0] == pytest.approx(2.5)


def test_one_image_has_no_frequencies():
    with pytest.raises(ValueError, match="two images or more"):
        CIDErD([["a dog"]])
