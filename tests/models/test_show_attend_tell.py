"""ShowAttendTell: captions by heart, maps of attention, exports, errors."""

import captions
import numpy as np
import pytest
from captioners import Captioners

from tfrecvis.models import ShowAttendTell

# Fast tests show the same on ShowAndTell, and attention in those of its decoder.
pytestmark = pytest.mark.slow


class TestShowAttendTell(Captioners):
    builder = ShowAttendTell
    arguments = {"attention_units": 16}

    def test_attention_of_each_word_sums_to_one_and_ends_with_the_words(self, answers):
        answer = answers["serving_default"]
        assert answer["attention"].shape == (16, captions.STEPS, 3, 3)
        expected = np.arange(captions.STEPS) < answer["lengths"][:, None]
        found = answer["attention"].sum((2, 3))
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_the_penalty_is_part_of_the_loss(self, model):
        last = {name: values[-1] for name, values in self.history.items()}
        assert last["loss"] > np.log(last["perplexity"]) + 0.01
