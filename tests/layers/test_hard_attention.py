import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from reference import attention as reference

from tfrecvis.layers import HardAttention, SoftAttention
from tfrecvis.losses import reinforce_loss

B, L, D, U, K = 2, 6, 3, 5, 4
RNG = np.random.default_rng(0)
ANNOTATIONS = RNG.normal(size=(B, L, D)).astype("float32")
HIDDEN = RNG.normal(size=(B, U)).astype("float32")
MASK = np.array([[0, 1, 0, 1, 1, 0], [1, 1, 1, 1, 1, 0]], bool)
SAMPLE, EXPECTATION = 0.75, 0.25  # second number of the noise


def built(scale=1.0, **options):
    layer = HardAttention(K, **options)
    layer.build((None, L, D), (None, U))
    rng = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape, scale=scale))
    return layer


def alphas(layer, mask=None):
    weights = {w.name: np.asarray(w, "float64") for w in layer.trainable_weights}
    return np.array(
        [
            reference.weights_of_locations(a, h, weights, None if mask is None else m)
            for a, h, m in zip(ANNOTATIONS, HIDDEN, MASK, strict=True)
        ]
    )


def noise(first, second):
    return np.stack(np.broadcast_arrays(np.asarray(first), second), -1).astype(
        "float32"
    )


def draws_of(alpha, location):
    """Draws in the middle of the interval that belongs to a location."""
    before = np.cumsum(alpha, -1) - alpha
    rows = np.arange(len(alpha))
    return before[rows, location] + alpha[rows, location] / 2


# The equations


@pytest.mark.parametrize("mask", [None, MASK])
def test_each_location_comes_from_its_share_of_the_draws(mask):
    layer = built()
    alpha = alphas(layer, mask)
    entropy = -(alpha * np.log(np.where(alpha > 0, alpha, 1))).sum(-1)
    for location in (1, 3, 4):
        z, got, log_probability, got_entropy = layer(
            ANNOTATIONS,
            hidden=HIDDEN,
            mask=mask,
            noise=noise(draws_of(alpha, [location] * B), SAMPLE),
            training=True,
        )
        np.testing.assert_array_equal(z, ANNOTATIONS[:, location])
        np.testing.assert_allclose(got, alpha, atol=1e-6)
        np.testing.assert_allclose(
            log_probability, np.log(alpha[:, location]), atol=1e-5
        )
        np.testing.assert_allclose(got_entropy, entropy, atol=1e-5)


@pytest.mark.parametrize("mask", [None, MASK])
def test_the_expectation_is_soft_attention_without_its_gate(mask):
    layer, soft = built(), SoftAttention(K)
    soft.build((None, L, D), (None, U))
    soft.set_weights(
        [np.asarray(w) for w in layer.trainable_weights]
        + [np.zeros((U, 1)), np.full(1, 50.0)]
    )
    weights = [[w.value for w in part.trainable_weights[:4]] for part in (layer, soft)]
    found = []
    for part, options in (
        (layer, {"noise": noise([0.1, 0.9], EXPECTATION), "training": True}),
        (soft, {}),
    ):
        with tf.GradientTape() as tape:
            z, alpha, *others = part(ANNOTATIONS, hidden=HIDDEN, mask=mask, **options)
            loss = tf.reduce_sum(tf.sin(z))
        found.append([z, alpha, *tape.gradient(loss, weights[len(found)])])
        if others:
            np.testing.assert_array_equal(others[0], np.zeros(B))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_one_image_is_sampled_beside_one_that_is_expected():
    layer = built()
    both = noise([0.5, 0.5], [SAMPLE, EXPECTATION])
    z = layer(ANNOTATIONS, hidden=HIDDEN, noise=both, training=True)[0]
    assert (np.asarray(z[0]) == ANNOTATIONS[0]).all(-1).any()
    mean = (alphas(layer)[1][:, None] * ANNOTATIONS[1]).sum(0)
    np.testing.assert_allclose(z[1], mean, atol=1e-5)


def test_inference_picks_the_best_location_or_samples_without_expectations():
    layer, sampling = built(), built(inference="sample")
    best = alphas(layer, MASK).argmax(-1)
    z, _, log_probability, _ = layer(ANNOTATIONS, hidden=HIDDEN, mask=MASK)
    np.testing.assert_array_equal(z, ANNOTATIONS[np.arange(B), best])
    expected = np.log(alphas(layer, MASK)[np.arange(B), best])
    np.testing.assert_allclose(log_probability, expected, atol=1e-5)
    draws = noise(draws_of(alphas(layer, MASK), [4, 0]), EXPECTATION)
    z = sampling(ANNOTATIONS, hidden=HIDDEN, mask=MASK, noise=draws)[0]
    np.testing.assert_array_equal(z, ANNOTATIONS[[0, 1], [4, 0]])


def test_equal_scores_pick_the_first_real_location():
    layer = built(scale=0.0)
    z = layer(ANNOTATIONS, hidden=HIDDEN, mask=MASK)[0]
    np.testing.assert_array_equal(z, ANNOTATIONS[[0, 1], [1, 0]])


# Sampling


def drawn(layer, count=4000, **options):
    """How often each location of the first image was sampled."""
    layer_inputs = np.repeat(ANNOTATIONS[:1], count, 0)
    hidden = np.repeat(HIDDEN[:1], count, 0)
    mask = np.repeat(MASK[:1], count, 0)
    z = np.asarray(layer(layer_inputs, hidden=hidden, mask=mask, **options)[0])
    return (z[:, None] == ANNOTATIONS[0]).all(-1)


def test_samples_have_the_frequencies_of_alpha():
    layer = built(inference="sample", seed=5)
    frequencies = drawn(layer).mean(0)
    # Five standard deviations of a frequency of 4000 draws.
    np.testing.assert_allclose(frequencies, alphas(layer, MASK)[0], atol=0.04)
    assert frequencies[~MASK[0]].sum() == 0


def test_half_of_the_images_are_expectations_in_training():
    expected = ~drawn(built(seed=5), training=True).any(-1)
    assert abs(expected.mean() - 0.5) < 0.04


def test_equal_seeds_sample_equally_and_each_call_anew():
    first, second, other = (built(inference="sample", seed=s) for s in (7, 7, 8))
    samples = drawn(first)
    np.testing.assert_array_equal(drawn(second), samples)
    assert (drawn(other) != samples).any()
    assert (drawn(first) != samples).any()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_each_step_of_a_tensorflow_loop_samples_anew(jit_compile):
    layer = built(scale=0.0, inference="sample", seed=5)  # all locations alike

    @tf.function(jit_compile=jit_compile)
    def loop():
        def step(t, outputs):
            z = layer(ANNOTATIONS, hidden=HIDDEN)[0]
            return t + 1, tf.tensor_scatter_nd_update(outputs, [[t]], z[None])

        start = (0, tf.zeros((20, B, D)))
        return tf.while_loop(lambda t, _: t < 20, step, start)[1]

    for b in range(B):
        assert len(np.unique(loop()[:, b], axis=0)) > 2


@pytest.mark.parametrize("draw", [0.0, 1.0 - 2**-24, 1.0])
def test_the_ends_of_the_draws_pick_real_locations(draw):
    z = built()(
        ANNOTATIONS,
        hidden=HIDDEN,
        mask=MASK,
        noise=noise([draw] * B, SAMPLE),
        training=True,
    )[0]
    ends = [1, 0] if draw == 0 else [4, 4]
    np.testing.assert_array_equal(z, ANNOTATIONS[[0, 1], ends])


@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_neither_outputs_nor_gradients(training):
    layer = built()
    found = []
    for value in (0.0, np.nan):
        padded = np.where(MASK[..., None], ANNOTATIONS, np.float32(value))
        x = tf.constant(padded)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(
                x,
                hidden=HIDDEN,
                mask=MASK,
                noise=noise([0.4, 0.4], [SAMPLE, EXPECTATION]),
                training=training,
            )
            loss = tf.add_n([tf.reduce_sum(y**2) for y in outputs])
        weights = [w.value for w in layer.trainable_weights]
        found.append([*outputs, *tape.gradient(loss, [x, *weights])])
    for a, b in zip(*found, strict=True):
        assert np.isfinite(b).all()
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("training", [False, True])
def test_no_location_left_gives_zeros_in_a_graph(training):
    layer = built()
    mask = MASK.copy()
    mask[1] = False

    @tf.function
    def step(mask):
        with tf.GradientTape() as tape:
            outputs = layer(
                ANNOTATIONS,
                hidden=HIDDEN,
                mask=mask,
                noise=noise([0.4, 0.4], SAMPLE),
                training=training,
            )
            loss = tf.add_n([tf.reduce_sum(y) for y in outputs])
        return outputs, tape.gradient(loss, [w.value for w in layer.trainable_weights])

    outputs, gradients = step(tf.constant(mask))
    for y in outputs:
        np.testing.assert_array_equal(y[1], np.zeros_like(y[1]))
        assert np.abs(y[0]).max() > 0
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_batch_without_images_gives_a_batch_without_images():
    layer = built()
    for training in (False, True):
        outputs = layer(ANNOTATIONS[:0], hidden=HIDDEN[:0], training=training)
        assert [y.shape for y in outputs] == [(0, D), (0, L), (0,), (0,)]


# REINFORCE: its mean gradient over all samples is the gradient of the mean


class Caption:
    """Two steps of attention over three locations; the second sees the first."""

    def __init__(self):
        rng = np.random.default_rng(4)
        self.annotations = rng.normal(size=(3, D)).astype("float32")
        self.hidden = rng.normal(size=U).astype("float32")
        self.back = rng.normal(size=(D, U)).astype("float32")
        self.readout = rng.normal(size=D).astype("float32")
        self.layer = built(scale=0.7)

    def log_likelihood(self, z1, z2):
        """Any function of what was seen will do; it is below zero."""
        seen = (z1 + 2 * z2) @ self.readout[:, None]
        return -(1 + seen[..., 0] ** 2)

    def exact(self, weights, entropy_weight):
        """`-E[log p(y)] - entropy_weight * E[H]` by enumeration, in NumPy."""

        def entropy(p):
            return -(p * np.log(p)).sum()

        total = 0.0
        first = reference.weights_of_locations(self.annotations, self.hidden, weights)
        for i, p in enumerate(first):
            z1 = self.annotations[i]
            h = np.tanh(self.hidden + z1 @ self.back)
            second = reference.weights_of_locations(self.annotations, h, weights)
            total -= p * entropy_weight * (entropy(first) + entropy(second))
            for j, q in enumerate(second):
                total -= p * q * self.log_likelihood(z1, self.annotations[j])
        return total

    def mean_gradient(self, baseline, entropy_weight):
        """REINFORCE's gradient for each of the nine samples, times its probability."""
        i, j = (x.ravel() for x in np.meshgrid(range(3), range(3), indexing="ij"))
        a = np.repeat(self.annotations[None], 9, 0)

        def look(h, location):
            alpha = np.asarray(self.layer(a, hidden=h)[1], "float64")
            draws = noise(draws_of(alpha, location), SAMPLE)
            z, _, *terms = self.layer(a, hidden=h, noise=draws, training=True)
            np.testing.assert_array_equal(z, self.annotations[location])
            return z, *terms

        with tf.GradientTape() as tape:
            h = np.repeat(self.hidden[None], 9, 0)
            z1, log_p1, entropy1 = look(h, i)
            z2, log_p2, entropy2 = look(tf.tanh(h + z1 @ self.back), j)
            log_probability = tf.stack([log_p1, log_p2], 1)
            loss, _ = reinforce_loss(
                self.log_likelihood(z1, z2),
                log_probability,
                tf.stack([entropy1, entropy2], 1),
                baseline,
                entropy_weight=entropy_weight,
            )
            probability = tf.exp(tf.reduce_sum(log_probability, 1))
            np.testing.assert_allclose(np.sum(probability), 1, atol=1e-6)
            loss = tf.reduce_sum(tf.stop_gradient(probability) * loss)
        return tape.gradient(loss, [w.value for w in self.layer.trainable_weights])


@pytest.mark.parametrize("baseline", [0.0, -3.0])
def test_mean_reinforce_gradient_is_that_of_the_mean_whatever_the_baseline(baseline):
    caption = Caption()
    found = caption.mean_gradient(baseline, entropy_weight=0.0)
    weights = {
        w.name: np.asarray(w, "float64") for w in caption.layer.trainable_weights
    }
    assert any(np.abs(gradient).max() > 0.1 for gradient in found)
    for name, gradient in zip(weights, found, strict=True):
        for place in np.ndindex(*weights[name].shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = {k: v.copy() for k, v in weights.items()}
                moved[name][place] += step
                losses.append(caption.exact(moved, 0.0))
            expected = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose(gradient[place], expected, rtol=1e-3, atol=2e-5)


def test_entropy_term_pulls_alpha_towards_equal_weights():
    caption = Caption()
    without = caption.mean_gradient(0.0, 0.0)
    pulled = caption.mean_gradient(0.0, 10.0)
    weights = caption.layer.trainable_weights
    step = [
        w.value - 0.01 * (a - b)
        for w, a, b in zip(weights, pulled, without, strict=True)
    ]

    def entropy():
        a, h = caption.annotations[None], caption.hidden[None]
        return float(caption.layer(a, hidden=h)[3][0])

    before = entropy()
    for weight, value in zip(weights, step, strict=True):
        weight.assign(value)
    assert entropy() > before


# Under JAX

PROGRAM = """
import sys
import jax, numpy as np
from tfrecvis.layers import HardAttention

a, h, draws = (np.load(path) for path in sys.argv[1:4])

def made(seed):
    layer = HardAttention(4, inference="sample", seed=seed)
    layer(a, hidden=h)
    for n, weight in enumerate(layer.trainable_weights):
        weight.assign(np.random.default_rng(n).normal(size=weight.shape))
    return layer

samples = [np.asarray(made(seed)(a, hidden=h)[0]) for seed in (3, 3)]
assert (samples[0] == samples[1]).all()

layer = made(3)
keys = layer.project(a)
def step(h, noise):
    z, _, log_probability, _ = layer(a, hidden=h, keys=keys, noise=noise, training=True)
    return h + z.sum(-1, keepdims=True), (z, log_probability)
_, (z, log_probability) = jax.jit(lambda: jax.lax.scan(step, h, draws))()
np.savez(sys.argv[4], z=z, log_probability=log_probability)
"""


@pytest.mark.slow
def test_a_loop_under_jax_takes_its_noise_from_outside(tmp_path):
    draws = np.random.default_rng(2).random((3, B, 2)).astype("float32")
    paths = [str(tmp_path / f"{name}.npy") for name in ("a", "h", "draws")]
    for path, value in zip(paths, (ANNOTATIONS, HIDDEN, draws), strict=True):
        np.save(path, value)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths, str(tmp_path / "out.npz")],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    theirs = np.load(tmp_path / "out.npz")
    layer = built()
    for n, weight in enumerate(layer.trainable_weights):
        weight.assign(np.random.default_rng(n).normal(size=weight.shape))
    h = HIDDEN
    for t in range(3):
        z, _, log_probability, _ = layer(
            ANNOTATIONS, hidden=h, noise=draws[t], training=True
        )
        np.testing.assert_allclose(theirs["z"][t], z, atol=1e-5)
        np.testing.assert_allclose(
            theirs["log_probability"][t], log_probability, atol=1e-5
        )
        h = h + np.asarray(z).sum(-1, keepdims=True)
