"""LRCNDecoder: the NumPy loop, single steps, errors."""

from layers.decoders import Decoders
from reference.captioning import lrcn

from tfrecvis.layers import LRCNDecoder


class TestLRCNDecoder(Decoders):
    layer = LRCNDecoder

    def loop(self, decoder, features, tokens):
        weights = {
            **self.common(decoder),
            "first": self.cell(decoder.first.cell),
            "second": self.cell(decoder.second.cell),
        }
        return lrcn(features, tokens, weights)
