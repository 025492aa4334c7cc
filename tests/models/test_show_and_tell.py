"""ShowAndTell: captions by heart, signatures, exports, errors."""

import captions
import keras
import numpy as np
import pytest
from captioners import Captioners

from tfrecvis.losses import CaptionCrossEntropy
from tfrecvis.models import ShowAndTell, captioning


class TestShowAndTell(Captioners):
    builder = ShowAndTell

    def test_training_tells_perplexity_and_accuracy(self, model):
        last = {name: values[-1] for name, values in self.history.items()}
        assert set(last) == {"loss", "perplexity", "word_accuracy"}
        assert last["perplexity"] < 1.2
        assert last["word_accuracy"] > 0.95

    def test_the_unknown_word_is_never_said(self, model):
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        bias = twin.get_layer("decoder").word_logits.bias
        bias.assign(bias + keras.ops.one_hot(1, len(captions.WORDS)) * 100)
        images, sentences = captions.photos()
        (signature, *_) = captioning.signatures(twin, max_steps=captions.STEPS)
        assert captions.said(signature(images=images)["tokens"]) == sentences

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"beam_width": 15}, "at most the size of the vocabulary, 14"),
            ({"beam_width": 0}, "`beam_width` must be"),
            ({"max_steps": 0}, "`max_steps` must be"),
            ({"length_power": -1}, "`length_power` must be"),
        ],
    )
    def test_wrong_search_is_named(self, model, arguments, message):
        with pytest.raises(ValueError, match=message):
            captioning.signatures(model, **arguments)

    def test_a_model_without_words_is_refused(self):
        images = keras.Input((8, 8, 3))
        with pytest.raises(ValueError, match="`model` must be one of"):
            captioning.signatures(keras.Model(images, images))


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
