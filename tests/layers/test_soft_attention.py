import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import attention as reference

from tfrecvis.layers import SoftAttention

B, L, D, U, K = 2, 6, 3, 5, 4
RNG = np.random.default_rng(0)
ANNOTATIONS = RNG.normal(size=(B, L, D)).astype("float32")
HIDDEN = RNG.normal(size=(B, U)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 0]], bool)


def built(layer=None, seed=1, shape=ANNOTATIONS.shape, **options):
    """A layer with random weights, biases too."""
    layer = layer or SoftAttention(K, **options)
    layer.build(shape, (shape[0], U))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def by_name(layer):
    return {w.name: np.asarray(w, "float64") for w in layer.trainable_weights}


def padded_with(value):
    return np.where(MASK[..., None], ANNOTATIONS, np.float32(value))


# The equations


@pytest.mark.parametrize("mask", [None, MASK])
def test_soft_attention_matches_the_numpy_loop(mask):
    layer = built()
    z, alpha = layer(ANNOTATIONS, hidden=HIDDEN, mask=mask)
    expected = reference.soft(ANNOTATIONS, HIDDEN, by_name(layer), mask)
    np.testing.assert_allclose(z, expected[0], atol=1e-5)
    np.testing.assert_allclose(alpha, expected[1], atol=1e-5)
    assert len(by_name(layer)) == 6


def test_gradients_match_finite_differences():
    layer = built()
    weights = by_name(layer)
    rng = np.random.default_rng(3)
    on_z, on_alpha = rng.normal(size=(B, D)), rng.normal(size=(B, L))

    def loss_by_hand(annotations, hidden, weights):
        z, alpha = reference.soft(annotations, hidden, weights, MASK)
        return (z * on_z).sum() + (alpha * on_alpha).sum()

    inputs = [tf.constant(ANNOTATIONS), tf.constant(HIDDEN)]
    variables = [w.value for w in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        z, alpha = layer(inputs[0], hidden=inputs[1], mask=MASK)
        loss = tf.reduce_sum(z * on_z) + tf.reduce_sum(alpha * on_alpha)
    found = tape.gradient(loss, [*inputs, *variables])
    tensors = {"annotations": ANNOTATIONS, "hidden": HIDDEN, **weights}
    for (name, x), gradient in zip(tensors.items(), found, strict=True):
        for entry in rng.choice(x.size, min(4, x.size), replace=False):
            place = np.unravel_index(entry, x.shape)
            losses = []
            for step in (1e-5, -1e-5):
                moved = {k: v.astype("float64") for k, v in tensors.items()}
                moved[name][place] += step
                a, h = moved.pop("annotations"), moved.pop("hidden")
                losses.append(loss_by_hand(a, h, moved))
            expected = (losses[0] - losses[1]) / 2e-5
            np.testing.assert_allclose(gradient[place], expected, rtol=1e-3, atol=1e-5)


# Properties


def test_a_map_is_its_rows_one_after_the_other():
    layer = built()
    maps = ANNOTATIONS.reshape(B, 2, 3, D)
    z, alpha = layer(maps, hidden=HIDDEN, mask=MASK.reshape(B, 2, 3))
    expected = layer(ANNOTATIONS, hidden=HIDDEN, mask=MASK)
    np.testing.assert_array_equal(z, expected[0])
    np.testing.assert_array_equal(alpha, np.reshape(expected[1], (B, 2, 3)))


def test_alpha_is_a_distribution_over_the_real_locations():
    alpha = np.asarray(built()(ANNOTATIONS, hidden=HIDDEN, mask=MASK)[1])
    np.testing.assert_allclose(alpha.sum(-1), 1, atol=1e-6)
    assert (alpha[~MASK] == 0).all()
    assert (alpha[MASK] > 0).all()


def test_permuting_locations_permutes_alpha_alone():
    layer, order = built(), np.array([3, 0, 5, 1, 4, 2])
    z, alpha = layer(ANNOTATIONS, hidden=HIDDEN)
    permuted = layer(ANNOTATIONS[:, order], hidden=HIDDEN)
    np.testing.assert_allclose(permuted[0], z, atol=1e-5)
    np.testing.assert_allclose(permuted[1], np.asarray(alpha)[:, order], atol=1e-6)


@pytest.mark.parametrize("with_keys", [False, True])
@pytest.mark.parametrize("padding", [0.0, 1e30, np.nan])
def test_padding_changes_neither_outputs_nor_gradients(padding, with_keys):
    layer = built()
    found = []
    for annotations in (ANNOTATIONS, padded_with(padding)):
        x = tf.constant(annotations)
        with tf.GradientTape() as tape:
            tape.watch(x)
            keys = layer.project(x, mask=MASK) if with_keys else None
            z, alpha = layer(x, hidden=HIDDEN, mask=MASK, keys=keys)
            loss = tf.reduce_sum(z**2) + tf.reduce_sum(alpha**2)
        variables = [w.value for w in layer.trainable_weights]
        found.append([z, alpha, *tape.gradient(loss, [x, *variables])])
    for padded, expected in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(padded, expected, atol=1e-6)


def test_keys_of_padding_are_not_read_either():
    layer = built()
    found = []
    for annotations in (ANNOTATIONS, padded_with(np.nan)):
        keys = layer.project(annotations)
        with tf.GradientTape() as tape:
            z, _ = layer(annotations, hidden=HIDDEN, mask=MASK, keys=keys)
            loss = tf.reduce_sum(z**2)
        found.append([z, tape.gradient(loss, layer.hidden_kernel.value)])
    for padded, expected in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(padded, expected, atol=1e-6)


def test_cutting_padding_off_changes_nothing():
    layer = built()
    z, alpha = layer(ANNOTATIONS, hidden=HIDDEN, mask=MASK)
    for b in range(B):
        alone = layer(ANNOTATIONS[b : b + 1, MASK[b]], hidden=HIDDEN[b : b + 1])
        np.testing.assert_allclose(alone[0][0], z[b], atol=1e-6)
        np.testing.assert_allclose(alone[1][0], alpha[b][MASK[b]], atol=1e-6)


def test_a_mask_of_an_earlier_layer_is_used():
    inputs = keras.Input((None, D))
    hidden = keras.Input((U,))
    layer = built()
    outputs = layer(keras.layers.Masking()(inputs), hidden=hidden)
    model = keras.Model([inputs, hidden], outputs)
    got = model([padded_with(0), HIDDEN])
    expected = layer(ANNOTATIONS, hidden=HIDDEN, mask=MASK)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_keys_given_once_are_those_computed_each_time():
    layer = built()
    keys = layer.project(ANNOTATIONS)
    assert keys.shape == (B, L, K)
    expected = layer(ANNOTATIONS, hidden=HIDDEN)
    for got in (
        layer(ANNOTATIONS, hidden=HIDDEN, keys=keys),
        layer(
            ANNOTATIONS.reshape(B, 2, 3, D),
            hidden=HIDDEN,
            keys=layer.project(ANNOTATIONS.reshape(B, 2, 3, D)),
        ),
    ):
        np.testing.assert_allclose(got[0], expected[0], atol=1e-6)


def test_the_gate_closes_and_opens():
    layer = built()
    mean = reference.soft(ANNOTATIONS, HIDDEN, by_name(layer))[1][..., None]
    mean = (mean * ANNOTATIONS).sum(1)
    layer.gate_kernel.assign(np.zeros((U, 1)))
    for bias, beta in ((-50.0, 0.0), (0.0, 0.5), (50.0, 1.0)):
        layer.gate_bias.assign([bias])
        z, _ = layer(ANNOTATIONS, hidden=HIDDEN)
        np.testing.assert_allclose(z, beta * mean, atol=1e-5)


def test_no_location_left_gives_zeros_in_a_graph():
    layer = built()
    mask = MASK.copy()
    mask[1] = False

    @tf.function
    def step(annotations, mask):
        with tf.GradientTape() as tape:
            z, alpha = layer(annotations, hidden=HIDDEN, mask=mask)
            loss = tf.reduce_sum(z) + tf.reduce_sum(alpha**2)
        return z, alpha, tape.gradient(loss, [w.value for w in layer.weights])

    z, alpha, gradients = step(tf.constant(ANNOTATIONS), tf.constant(mask))
    np.testing.assert_array_equal(z[1], np.zeros(D))
    np.testing.assert_array_equal(alpha[1], np.zeros(L))
    expected = layer(ANNOTATIONS[:1], hidden=HIDDEN[:1], mask=mask[:1])
    np.testing.assert_allclose(z[0], expected[0][0], atol=1e-6)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_one_location_and_no_image_are_sizes_too():
    layer = built()
    z, alpha = layer(ANNOTATIONS[:, :1], hidden=HIDDEN)
    np.testing.assert_array_equal(alpha, np.ones((B, 1)))
    z, alpha = layer(ANNOTATIONS[:0], hidden=HIDDEN[:0])
    assert (z.shape, alpha.shape) == ((0, D), (0, L))


# Inside a recurrent network


class AttentiveCell(keras.layers.Layer):
    """Looks at an image before each step. State: h, and the image beside it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = built()
        self.cell = keras.layers.SimpleRNNCell(U)
        self.state_size = [U, L * D, L * K]
        self.output_size = U

    def build(self, shape):
        self.cell.build((shape[0], shape[-1] + D))

    def call(self, inputs, states):
        h, image, keys = states
        z, _ = self.attention(
            keras.ops.reshape(image, (-1, L, D)),
            hidden=h,
            keys=keras.ops.reshape(keys, (-1, L, K)),
        )
        y, [h] = self.cell(keras.ops.concatenate([inputs, z], -1), [h])
        return y, [h, image, keys]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_cell_attends_inside_keras_rnn(jit_compile):
    steps = 3
    words = RNG.normal(size=(B, steps, 2)).astype("float32")
    layer = keras.layers.RNN(AttentiveCell(), return_sequences=True)
    attention, cell = layer.cell.attention, layer.cell.cell

    def states():
        keys = attention.project(tf.constant(ANNOTATIONS))
        image = tf.reshape(ANNOTATIONS, (B, L * D))
        return [tf.constant(HIDDEN), image, tf.reshape(keys, (B, L * K))]

    layer(words, initial_state=states())
    variables = [w.value for w in (*attention.weights, *cell.weights)]

    @tf.function(jit_compile=jit_compile)
    def step():
        with tf.GradientTape() as tape:
            y = layer(words, initial_state=states())
            loss = tf.reduce_sum(y**2)
        return y, tape.gradient(loss, variables)

    def one_by_one():
        h, outputs = tf.constant(HIDDEN), []
        with tf.GradientTape() as tape:
            for t in range(steps):
                z, _ = attention(ANNOTATIONS, hidden=h)
                y, [h] = cell(tf.concat([words[:, t], z], -1), [h])
                outputs.append(y)
            y = tf.stack(outputs, 1)
            loss = tf.reduce_sum(y**2)
        return y, tape.gradient(loss, variables)

    got, expected = step(), one_by_one()
    np.testing.assert_allclose(got[0], expected[0], atol=1e-5)
    for a, b in zip(got[1], expected[1], strict=True):
        assert np.abs(b).max() > 0
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_half_precision_counts_alpha_in_float32():
    """In float16, 2048 equal weights of 1/2048 would still add to one; 5000 do not."""
    layer = SoftAttention(K, dtype="mixed_float16")
    annotations = np.ones((1, 5000, D), "float32")
    z, alpha = layer(annotations, hidden=np.zeros((1, U), "float32"))
    assert (z.dtype, alpha.dtype) == ("float16", "float16")
    np.testing.assert_allclose(np.asarray(alpha, "float64").sum(), 1, rtol=2**-10)
    np.testing.assert_allclose(z, np.full((1, D), 0.5), rtol=2**-8)
