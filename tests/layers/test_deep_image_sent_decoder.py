"""DeepImageSentDecoder: the NumPy loop, single steps, errors."""

from layers.decoders import Decoders, numpy
from reference.captioning import deep_image_sent

from tfrecvis.layers import DeepImageSentDecoder


class TestDeepImageSentDecoder(Decoders):
    layer = DeepImageSentDecoder

    def loop(self, decoder, features, tokens):
        weights = {
            **self.common(decoder),
            "image_kernel": numpy(decoder.image.kernel),
            "image_bias": numpy(decoder.image.bias),
            "kernel": numpy(decoder.read.kernel),
            "bias": numpy(decoder.read.bias),
            "recurrent_kernel": numpy(decoder.recur.kernel),
        }
        return deep_image_sent(features, tokens, weights)
