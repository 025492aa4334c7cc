"""ShowAttendTell: captions by heart, maps of attention, exports, errors."""

import captions
import keras
import numpy as np
import pytest
from captioners import Captioners

from tfrecvis.models import ShowAttendTell, captioning


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
