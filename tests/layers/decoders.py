"""What every decoder of captions does."""

import keras
import numpy as np
import pytest

WORDS = ["", "[UNK]", "[start]", "[end]", "a", "dog", "cat", "runs"]
BATCH, CAPTIONS, STEPS = 2, 3, 5


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


class Decoders:
    """Tests of a decoder: subclasses give `layer` and `features_shape`, and `loop`."""

    features_shape = (BATCH, 3)
    arguments = {}

    @pytest.fixture(scope="class")
    @classmethod
    def decoder(cls):
        decoder = cls.layer(WORDS, units=6, embedding_size=4, **cls.arguments)
        decoder.build(cls.features_shape, (BATCH, CAPTIONS, STEPS))
        rng = np.random.default_rng(3)
        for weight in decoder.trainable_weights:
            weight.assign(rng.normal(size=weight.shape, scale=0.6))
        return decoder

    @pytest.fixture(scope="class")
    @classmethod
    def features(cls):
        rng = np.random.default_rng(4)
        return rng.normal(size=cls.features_shape).astype("float32")

    @pytest.fixture(scope="class")
    @classmethod
    def tokens(cls):
        rng = np.random.default_rng(5)
        shape = (BATCH, CAPTIONS, STEPS)
        return rng.integers(0, len(WORDS), shape).astype("int32")

    @pytest.fixture(scope="class")
    @classmethod
    def logits(cls, decoder, features, tokens):
        return numpy(decoder(features, tokens=tokens))

    def common(self, decoder):
        """Weights by the names of `reference.captioning`."""
        return {
            "embeddings": numpy(decoder.word_embedding.embeddings),
            "word_kernel": numpy(decoder.word_logits.kernel),
            "word_bias": numpy(decoder.word_logits.bias),
        }

    def cell(self, cell):
        names = ("kernel", "recurrent_kernel", "bias", "context_kernel", "peepholes")
        found = {name: getattr(cell, name) for name in names}
        return {name: numpy(w) for name, w in found.items() if w is not None}

    def test_logits_match_the_numpy_loop(self, decoder, features, tokens, logits):
        for image in range(BATCH):
            for caption in range(CAPTIONS):
                expected = self.loop(decoder, features[image], tokens[image, caption])
                np.testing.assert_allclose(logits[image, caption], expected, atol=1e-5)

    def test_single_steps_give_the_same_logits(self, decoder, features, tokens, logits):
        state, context = decoder.begin(features)
        last = np.full(BATCH, 2, "int32")
        for step in range(STEPS):
            found, state = decoder.step(last, state, context)
            np.testing.assert_allclose(numpy(found), logits[:, 0, step], atol=1e-5)
            last = tokens[:, 0, step]

    def test_logits_do_not_see_later_words(self, decoder, features, tokens, logits):
        changed = tokens.copy()
        changed[..., 2:] = 5
        after = numpy(decoder(features, tokens=changed))
        np.testing.assert_array_equal(after[:, :, :3], logits[:, :, :3])
        assert (after[:, :, 3:] != logits[:, :, 3:]).any()

    def test_padding_and_start_are_never_said(self, logits):
        assert (logits[..., [0, 2]] == -1e4).all()
        assert (np.delete(logits, [0, 2], -1) > -1e3).all()

    def test_dropout_changes_training_only(self, decoder, features, tokens, logits):
        config = {**decoder.get_config(), "dropout": 0.5}
        dropping = self.layer.from_config(config)
        dropping.build(self.features_shape, tokens.shape)
        dropping.set_weights(
            [
                *decoder.get_weights(),
                *dropping.get_weights()[len(decoder.get_weights()) :],
            ]
        )
        quiet = numpy(dropping(features, tokens=tokens))
        np.testing.assert_allclose(quiet, logits, atol=1e-6)
        assert (numpy(dropping(features, tokens=tokens, training=True)) != quiet).any()

    def sampling_twin(self, decoder, sampling, sampling_steps=0):
        """The decoder with scheduled sampling, and with the same weights."""
        twin = self.layer.from_config(
            {
                **decoder.get_config(),
                "sampling": sampling,
                "sampling_steps": sampling_steps,
            }
        )
        twin.build(self.features_shape, (BATCH, CAPTIONS, STEPS))
        pairs = zip(twin.trainable_weights, decoder.trainable_weights, strict=True)
        for mine, its in pairs:
            mine.assign(its)
        return twin

    def test_words_drawn_are_those_of_the_slow_loop(self, decoder, features, tokens):
        rng = np.random.default_rng(6)
        own = rng.random((BATCH, STEPS)) < 0.6
        chances = rng.random((BATCH, STEPS)).astype("float32")
        given = decoder.begin(features)
        found = numpy(decoder.mixed(tokens[:, 0], *given, own, chances))
        state, context = given
        last = np.full(BATCH, 2, "int32")
        for step in range(STEPS):
            logits, state = decoder.step(last, state, context)
            p = np.exp(numpy(logits).astype("float64"))
            sums = np.cumsum(p / p.sum(-1, keepdims=True), -1)
            last = tokens[:, 0, step].copy()
            for row in range(BATCH):
                if own[row, step] and last[row]:
                    last[row] = np.searchsorted(sums[row], chances[row, step], "right")
            assert found[:, step].tolist() == last.tolist()
        assert (found != tokens[:, 0]).any()

    def test_own_words_are_read_in_training_only(
        self, decoder, features, tokens, logits
    ):
        twin = self.sampling_twin(decoder, 0.5)
        np.testing.assert_array_equal(numpy(twin(features, tokens=tokens)), logits)
        reads = []
        twin.follow = lambda read, *args, **given: (
            reads.append(read) or type(twin).follow(twin, read, *args, **given)
        )
        twin(features, tokens=tokens, training=True)
        read, truth = numpy(reads[0]), tokens.reshape(-1, STEPS)
        assert read.shape == truth.shape and (read != truth).any()
        assert (read == truth).any() and (read[truth == 0] == 0).all()
        twin.sampling_rate.assign(0.0)
        twin(features, tokens=tokens, training=True)
        np.testing.assert_array_equal(numpy(reads[1]), truth)

    def test_rate_grows_step_by_step_to_its_highest(self, decoder, features, tokens):
        twin = self.sampling_twin(decoder, 0.3, sampling_steps=2)
        rates = [float(twin.sampling_rate)]
        for training in (True, False, True, True):
            twin(features, tokens=tokens, training=training)
            rates.append(float(twin.sampling_rate))
        np.testing.assert_allclose(rates, [0, 0.15, 0.15, 0.3, 0.3], rtol=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"words": WORDS[:4]}, "at least one word"),
            ({"words": [*WORDS, "dog"]}, "every word once. Received twice: 'dog'"),
            ({"words": ["[UNK]", "", *WORDS[2:]]}, "must begin with padding"),
            ({"units": 0}, "`units` must be"),
            ({"embedding_size": 1.5}, "`embedding_size` must be"),
            ({"dropout": 1.0}, "`dropout` must be"),
            ({"sampling": 1.0}, "`sampling` must be"),
            ({"sampling_steps": -1}, "`sampling_steps` must be"),
        ],
    )
    def test_wrong_argument_is_named(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            self.layer(**{"words": WORDS, **self.arguments, **arguments})

    def test_wrong_inputs_are_named(self, decoder, features, tokens):
        with pytest.raises(ValueError, match="`tokens` is missing"):
            decoder(features)
        with pytest.raises(ValueError, match="`tokens` must have the shape"):
            decoder(features, tokens=tokens[0])
        with pytest.raises(ValueError, match="`tokens` must be integers"):
            decoder(features, tokens=tokens.astype("float32"))
