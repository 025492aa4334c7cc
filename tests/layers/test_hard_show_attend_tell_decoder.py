"""HardShowAttendTellDecoder: NumPy loops, REINFORCE against all places, errors."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from layers.decoders import BATCH, Decoders, numpy
from reference.captioning import hard_attend_tell

from tfrecvis.layers import HardShowAttendTellDecoder
from tfrecvis.losses import CaptionCrossEntropy

ROWS, COLUMNS = 2, 2
WEIGHTS = {"reinforce_weight": 1.0, "entropy_weight": 0.0}


def weights_of(tests, decoder):
    names = "annotation_kernel", "hidden_kernel", "bias", "score_kernel"
    kernels = decoder.output_h.kernel, decoder.output_z.kernel
    weights = {
        **tests.common(decoder),
        "attention": {name: numpy(getattr(decoder.look, name)) for name in names},
        "lstm": tests.cell(decoder.cell),
        "output_kernel": np.concatenate([numpy(kernel) for kernel in kernels]),
        "output_bias": numpy(decoder.output_h.bias),
    }
    for name, layer in (("h", decoder.first_h), ("c", decoder.first_c)):
        weights[f"{name}_kernel"] = numpy(layer.kernel)
        weights[f"{name}_bias"] = numpy(layer.bias)
    return weights


def likelihood(logits, tokens):
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return sum(logs[t, token] for t, token in enumerate(tokens) if token)


class TestHardShowAttendTellDecoder(Decoders):
    layer = HardShowAttendTellDecoder
    features_shape = (BATCH, ROWS, COLUMNS, 3)
    arguments = {"attention_units": 5, **WEIGHTS}

    def loop(self, decoder, features, tokens):
        weights = weights_of(self, decoder)
        return hard_attend_tell(features.reshape(-1, 3), tokens, weights)[0]

    def test_draws_and_expectations_are_those_of_the_loop(
        self, decoder, features, tokens
    ):
        noise = np.random.default_rng(7).uniform(size=(BATCH, 3, 6)).astype("float32")
        noise[..., -1] = [[0.2, 0.7, 0.9], [0.6, 0.4, 0.51]]
        found = numpy(decoder(features, tokens=tokens, noise=noise, training=True))
        weights = weights_of(self, decoder)
        for image, caption in np.ndindex(BATCH, 3):
            a = features[image].reshape(-1, 3)
            draws = noise[image, caption]
            places = [None] * 5
            for t in range(5 if draws[-1] >= 0.5 else 0):
                known = tokens[image, caption], weights, places
                alpha = hard_attend_tell(a, *known)[1][t]
                places[t] = int(np.argmax(np.cumsum(alpha) > draws[t]))
            expected = hard_attend_tell(a, tokens[image, caption], weights, places)[0]
            np.testing.assert_allclose(found[image, caption], expected, atol=1e-5)

    def test_terms_and_baseline_are_those_of_the_loop(self, decoder, features):
        tokens = np.array([[[4, 5, 3, 0], [0, 0, 0, 0]]] * BATCH, "int32")
        noise = np.full((BATCH, 2, 5), 0.7, "float32")
        decoder.baseline.assign(-1.5)
        decoder(features, tokens=tokens, noise=noise, training=True)
        weights, total, rewards = weights_of(self, decoder), 0.0, []
        for image in range(BATCH):
            a, row, places = features[image].reshape(-1, 3), tokens[image, 0], []
            for t in range(4):
                known = row, weights, places + [0] * (4 - t)
                alpha = hard_attend_tell(a, *known)[1][t]
                places.append(int(np.argmax(np.cumsum(alpha) > 0.7)))
            logits, _, logs = hard_attend_tell(a, row, weights, places)
            rewards.append(likelihood(logits, row))
            total -= (rewards[-1] + 1.5) * logs[:3].sum()
        (found,) = decoder.losses
        assert float(found) == pytest.approx(total / 6, rel=1e-4)
        baseline = 0.9 * -1.5 + 0.1 * np.mean(rewards)
        assert float(decoder.baseline.value) == pytest.approx(baseline, rel=1e-5)

    def test_mean_gradient_is_that_of_all_places_together(self, decoder, features):
        """The exact gradient of -E[log p(y)] by finite differences, two words."""
        row, a = np.array([5, 3], "int32"), features[0].reshape(-1, 3)

        def expected_cost(score_kernel):
            weights = weights_of(self, decoder)
            weights["attention"]["score_kernel"] = score_kernel
            cost = 0.0
            for places in itertools.product(range(4), repeat=2):
                logits, _, logs = hard_attend_tell(a, row, weights, list(places))
                cost -= np.exp(logs.sum()) * likelihood(logits, row)
            return cost

        kernel = numpy(decoder.look.score_kernel).astype("float64")
        exact = []
        for n in range(len(kernel)):
            step = 1e-5 * np.eye(len(kernel))[:, n : n + 1]
            high, low = expected_cost(kernel + step), expected_cost(kernel - step)
            exact.append((high - low) / 2e-5)
        captions, batches = 500, 40
        rng = np.random.default_rng(1)
        tokens = np.broadcast_to(row, (1, captions, 2)).astype("int32")

        @tf.function
        def gradient(noise):
            with tf.GradientTape() as tape:
                logits = decoder(
                    features[:1], tokens=tokens, noise=noise, training=True
                )
                loss = CaptionCrossEntropy()(tokens, logits) + sum(decoder.losses)
            return tape.gradient(loss, decoder.look.score_kernel.value)

        estimates = []
        for _ in range(batches):
            decoder.baseline.assign(-2.0)
            noise = rng.uniform(size=(1, captions, 3)).astype("float32")
            noise[..., -1] = 0.9  # places are drawn for every caption
            # The loss is the mean over two words of each caption.
            estimates.append(2 * gradient(tf.constant(noise)).numpy()[:, 0])
        mean, error = np.mean(estimates, 0), np.std(estimates, 0) / batches**0.5
        assert (np.abs(mean - exact) < 3 * error).all()
        assert (np.abs(exact) > 5 * error).any()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"reinforce_weight": -1}, "`reinforce_weight` must be"),
            ({"entropy_weight": "0"}, "`entropy_weight` must be"),
        ],
    )
    def test_wrong_weight_is_named(self, arguments, message):
        self.test_wrong_argument_is_named(arguments, message)

    def test_noise_of_another_shape_is_refused(self, decoder, features, tokens):
        with pytest.raises(ValueError, match="`noise` must have the shape"):
            decoder(features, tokens=tokens, noise=np.ones((2, 3, 5)), training=True)
