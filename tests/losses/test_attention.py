import numpy as np
import pytest
import tensorflow as tf
from reference.attention import penalty

from tfrecvis.losses import doubly_stochastic_penalty, reinforce_loss

B, T, L = 3, 4, 6
RNG = np.random.default_rng(0)
ALPHA = RNG.dirichlet(np.ones(L), size=(B, T)).astype("float32")
STEPS = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
LOCATIONS = np.array([[1] * 6, [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1]], bool)


# Xu's penalty


@pytest.mark.parametrize("steps", [None, STEPS])
@pytest.mark.parametrize("locations", [None, LOCATIONS])
def test_penalty_matches_the_loop_over_real_steps_and_locations(steps, locations):
    got = doubly_stochastic_penalty(ALPHA, steps, locations)
    for b in range(B):
        real_steps = range(T) if steps is None else np.flatnonzero(steps[b])
        real = range(L) if locations is None else np.flatnonzero(locations[b])
        expected = penalty(ALPHA[b], real_steps, real)
        np.testing.assert_allclose(got[b], expected, atol=1e-5)


def test_penalty_is_zero_where_each_location_was_seen_once():
    np.testing.assert_array_equal(doubly_stochastic_penalty(np.eye(L)[None]), [0.0])
    np.testing.assert_array_equal(doubly_stochastic_penalty(2 * np.eye(L)[None]), [L])


def test_penalty_of_maps_is_that_of_their_locations():
    got = doubly_stochastic_penalty(
        ALPHA.reshape(B, T, 2, 3), STEPS, LOCATIONS.reshape(B, 2, 3)
    )
    expected = doubly_stochastic_penalty(ALPHA, STEPS, LOCATIONS)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_penalty_does_not_read_padding():
    padded = np.where(STEPS[..., None], ALPHA, np.float32(np.nan))
    found = []
    for alpha in (ALPHA, padded):
        x = tf.constant(alpha)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = doubly_stochastic_penalty(x, STEPS)
        found.append((y, tape.gradient(y, x)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_penalty_takes_batches_and_steps_of_unknown_size_under_xla():
    graph = tf.function(
        doubly_stochastic_penalty,
        input_signature=[
            tf.TensorSpec((None, None, None, 3)),
            tf.TensorSpec((None, None), "bool"),
        ],
        jit_compile=True,
    )
    got = graph(ALPHA.reshape(B, T, 2, 3), STEPS)
    np.testing.assert_allclose(got, doubly_stochastic_penalty(ALPHA, STEPS), atol=1e-6)


@pytest.mark.parametrize(
    ("alpha", "masks", "message"),
    [
        (ALPHA[0], {}, r"alpha.shape=\(4, 6\)"),
        (
            ALPHA,
            {"mask": STEPS[:, 1:]},
            r"`mask` must have the shape \(batch, steps\), .*mask.shape=\(3, 3\)",
        ),
        (ALPHA, {"location_mask": STEPS}, r"here \(3, 6\). Received: location_mask"),
    ],
)
def test_penalty_says_which_shape_is_wrong(alpha, masks, message):
    with pytest.raises(ValueError, match=message):
        doubly_stochastic_penalty(alpha, **masks)


# REINFORCE; its mean gradient is tested with HardAttention


LIKELIHOOD = RNG.normal(size=B).astype("float32") - 4
LOG_PROBABILITY, ENTROPY = -RNG.random((2, B, T)).astype("float32")


def test_reinforce_loss_matches_the_equation():
    loss, baseline = reinforce_loss(
        LIKELIHOOD, LOG_PROBABILITY, ENTROPY, -2.5, STEPS, 0.7, 0.02
    )
    for b in range(B):
        log_p, entropy = 0.0, 0.0
        for t in range(T):
            if STEPS[b, t]:
                log_p += LOG_PROBABILITY[b, t]
                entropy += ENTROPY[b, t]
        expected = LIKELIHOOD[b] + 0.7 * (LIKELIHOOD[b] + 2.5) * log_p + 0.02 * entropy
        np.testing.assert_allclose(loss[b], -expected, rtol=1e-5)
    np.testing.assert_allclose(
        baseline, 0.9 * -2.5 + 0.1 * LIKELIHOOD.mean(), rtol=1e-6
    )


def test_sums_over_the_steps_may_be_given():
    expected = reinforce_loss(LIKELIHOOD, LOG_PROBABILITY, ENTROPY, -2.5)[0]
    summed = reinforce_loss(LIKELIHOOD, LOG_PROBABILITY.sum(1), ENTROPY.sum(1), -2.5)[0]
    np.testing.assert_allclose(summed, expected, rtol=1e-5)


def test_the_reward_is_a_number_and_no_gradient_passes_it():
    likelihood, log_p, baseline = (
        tf.constant(x) for x in (LIKELIHOOD, LOG_PROBABILITY, -2.5)
    )
    with tf.GradientTape() as tape:
        tape.watch([likelihood, log_p, baseline])
        loss, following = reinforce_loss(likelihood, log_p, ENTROPY, baseline)
        total = tf.reduce_sum(loss) + following
    gradients = tape.gradient(total, [likelihood, log_p, baseline])
    np.testing.assert_array_equal(gradients[0], -np.ones(B))
    reward = np.repeat(LIKELIHOOD[:, None] + 2.5, T, 1)
    np.testing.assert_allclose(gradients[1], -reward, rtol=1e-6)
    assert gradients[2] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_likelihood": LIKELIHOOD[:, None]}, r"log_likelihood.shape=\(3, 1\)"),
        ({"log_likelihood": LIKELIHOOD[1:]}, r"log_likelihood.shape=\(2,\)"),
        ({"baseline": LIKELIHOOD}, r"`baseline` .* of a scalar.*baseline.shape=\(3,\)"),
        ({"entropy": ENTROPY[:, 1:]}, r"entropy.shape=\(3, 3\)"),
        ({"log_probability": LOG_PROBABILITY[..., None]}, r"shape=\(3, 4, 1\)"),
        ({"mask": STEPS[:, 1:]}, r"mask.shape=\(3, 3\)"),
        ({"reinforce_weight": -1.0}, "Received: reinforce_weight=-1.0"),
        ({"reinforce_weight": "1"}, "Received: reinforce_weight='1'"),
        ({"entropy_weight": float("nan")}, "Received: entropy_weight=nan"),
    ],
)
def test_reinforce_loss_says_what_is_wrong(changes, message):
    arguments = {
        "log_likelihood": LIKELIHOOD,
        "log_probability": LOG_PROBABILITY,
        "entropy": ENTROPY,
        "baseline": 0.0,
    }
    with pytest.raises(ValueError, match=message):
        reinforce_loss(**{**arguments, **changes})
