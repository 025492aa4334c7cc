"""ShowAndTell: captions by heart, signatures, exports, errors."""

import pytest
from captioners import Captioners

from tfrecvis.models import ShowAndTell

# Fast tests show the same on ShowAttendTell.
pytestmark = pytest.mark.slow


class TestShowAndTell(Captioners):
    builder = ShowAndTell

    def test_training_tells_perplexity_and_accuracy(self, model):
        last = {name: values[-1] for name, values in self.history.items()}
        assert set(last) == {"loss", "perplexity", "word_accuracy"}
        assert last["perplexity"] < 1.2
        assert last["word_accuracy"] > 0.95
