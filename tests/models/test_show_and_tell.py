"""ShowAndTell: captions by heart, signatures, exports, errors."""

import captions
import numpy as np
import pytest
from captioners import Captioners

from tfrecvis.losses import CaptionCrossEntropy
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


@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_with_scheduled_sampling_moves_its_rate(jit_compile):
    model = TestShowAndTell.build(sampling=0.5, sampling_steps=4)
    images, sentences = captions.photos()
    tokens = captions.tokens_of(sentences)[:, None]
    model.compile("adam", CaptionCrossEntropy(), jit_compile=jit_compile)
    inputs = {"images": images, "tokens": tokens}
    history = model.fit(inputs, tokens, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert float(model.get_layer("decoder").sampling_rate) == 0.25
