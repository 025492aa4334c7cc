"""ShowAndTellDecoder: the NumPy loop, single steps, errors."""

from layers.decoders import Decoders, numpy
from reference.captioning import show_and_tell

from tfrecvis.layers import ShowAndTellDecoder


class TestShowAndTellDecoder(Decoders):
    layer = ShowAndTellDecoder

    def loop(self, decoder, features, tokens):
        weights = {
            **self.common(decoder),
            "image_kernel": numpy(decoder.image.kernel),
            "image_bias": numpy(decoder.image.bias),
            "lstm": self.cell(decoder.lstm.cell),
        }
        return show_and_tell(features, tokens, weights)
