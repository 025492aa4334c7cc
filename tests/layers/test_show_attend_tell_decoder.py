"""ShowAttendTellDecoder: the NumPy loop, single steps, maps, the penalty, errors."""

import numpy as np
import pytest
from layers.decoders import BATCH, CAPTIONS, Decoders, numpy
from reference.attention import penalty
from reference.captioning import show_attend_tell

from tfrecvis.layers import ShowAttendTellDecoder

ROWS, COLUMNS = 2, 4


class TestShowAttendTellDecoder(Decoders):
    layer = ShowAttendTellDecoder
    features_shape = (BATCH, ROWS, COLUMNS, 3)
    arguments = {"attention_units": 5, "penalty": 0.7}

    def reference(self, decoder, features, tokens):
        names = (
            *("annotation_kernel", "hidden_kernel", "bias", "score_kernel"),
            *("gate_kernel", "gate_bias"),
        )
        weights = {
            **self.common(decoder),
            "attention": {name: numpy(getattr(decoder.look, name)) for name in names},
            "lstm": self.cell(decoder.cell),
        }
        for name, layer in (
            ("h", decoder.first_h),
            ("c", decoder.first_c),
            ("output", decoder.output_h),
        ):
            weights[f"{name}_kernel"] = numpy(layer.kernel)
            weights[f"{name}_bias"] = numpy(layer.bias)
        kernels = decoder.output_h.kernel, decoder.output_z.kernel
        weights["output_kernel"] = np.concatenate([numpy(k) for k in kernels])
        return show_attend_tell(features.reshape(-1, 3), tokens, weights)

    def loop(self, decoder, features, tokens):
        return self.reference(decoder, features, tokens)[0]

    def test_maps_of_attention_match_the_loop(self, decoder, features, tokens):
        state, context = decoder.begin(features)
        found = numpy(decoder.attention(tokens[:, 1], state, context))
        for image in range(BATCH):
            _, expected = self.reference(decoder, features[image], tokens[image, 1])
            expected = expected.reshape(-1, ROWS, COLUMNS)
            np.testing.assert_allclose(found[image], expected, atol=1e-6)

    def test_penalty_counts_words_and_the_end_and_no_padding(self, decoder, features):
        tokens = np.array(
            [[[4, 5, 3, 0, 0], [4, 3, 0, 0, 0], [7, 6, 4, 5, 3]]] * BATCH, "int32"
        )
        tokens[1, 2] = 0  # no caption
        decoder(features, tokens=tokens)
        assert decoder.losses == []
        decoder(features, tokens=tokens, training=True)
        total = 0
        for image in range(BATCH):
            for caption in range(CAPTIONS):
                row = tokens[image, caption]
                if row.any():
                    _, alpha = self.reference(decoder, features[image], row)
                    steps = np.flatnonzero(row)
                    total += penalty(alpha, steps, range(ROWS * COLUMNS))
        (found,) = decoder.losses
        assert float(found) == pytest.approx(0.7 * total / (tokens > 0).sum(), rel=1e-5)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"attention_units": 0}, "`attention_units` must be"),
            ({"penalty": -1}, "`penalty` must be"),
        ],
    )
    def test_wrong_argument_of_attention_is_named(self, arguments, message):
        self.test_wrong_argument_is_named(arguments, message)

    def test_features_without_places_are_refused(self, decoder, features, tokens):
        with pytest.raises(ValueError, match="`features` must have the shape"):
            decoder(features[:, 0, 0], tokens=tokens)
