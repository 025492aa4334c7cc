"""ContextualDecoder: the NumPy loop, single steps, errors."""

import pytest
from layers.decoders import Decoders, numpy
from reference.captioning import contextual

from tfrecvis.layers import ContextualDecoder


class TestContextualDecoder(Decoders):
    layer = ContextualDecoder
    arguments = {"topics": 5}

    def loop(self, decoder, features, tokens):
        weights = {
            **self.common(decoder),
            "topic_kernel": numpy(decoder.predict_topics.kernel),
            "topic_bias": numpy(decoder.predict_topics.bias),
            "lstm": self.cell(decoder.lstm.cell),
        }
        return contextual(features, tokens, weights)

    def test_a_single_topic_is_refused(self):
        with pytest.raises(ValueError, match="`topics` must be an integer of at least"):
            ContextualDecoder(["", "[UNK]", "[start]", "[end]", "a"], topics=1)
