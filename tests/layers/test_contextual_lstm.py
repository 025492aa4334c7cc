import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.contextual_lstm import contextual_lstm as reference

from tfrecvis.layers import ContextualLSTM
from tfrecvis.ops import lowering

B, T, C, K, U = 2, 6, 3, 4, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, C)).astype("float32")
TOPIC = RNG.normal(size=(B, K)).astype("float32")
TOPICS = RNG.normal(size=(B, T, K)).astype("float32")
STATE = [RNG.normal(size=(B, U)).astype("float32") for _ in range(2)]
MASK = np.arange(T) < np.array([[T - 2], [T]])


def built(context_size=K, seed=1, **options):
    """A layer that returns sequences, whose weights are all random."""
    layer = ContextualLSTM(U, context_size, **{"return_sequences": True, **options})
    layer.build((None, None, C), (None, context_size))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, *args, **kwargs):
    outputs = layer(*args, **kwargs)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def weights_of(layer):
    return {w.name: np.asarray(w, "float64") for w in layer.weights}


def by_hand(layer, x=X, context=TOPIC, state=None, mask=None):
    h, c = (np.zeros((len(x), U)),) * 2 if state is None else map(np.float64, state)
    return reference(x, context, weights_of(layer), h, c, mask, layer.go_backwards)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("context", [TOPIC, TOPICS], ids=["sequence", "step"])
@pytest.mark.parametrize("shared_context", [False, True])
@pytest.mark.parametrize("peepholes", [False, True])
def test_layer_matches_the_numpy_loop(peepholes, shared_context, context, training):
    layer = built(peepholes=peepholes, shared_context=shared_context, return_state=True)
    got = call(layer, X, context=context, initial_state=STATE, training=training)
    for a, b in zip(got, by_hand(layer, X, context, STATE), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("context", [TOPIC, TOPICS], ids=["sequence", "step"])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_masked_layer_matches_the_numpy_loop(go_backwards, context):
    mask = np.random.default_rng(3).random((B, T)) < 0.6
    layer = built(go_backwards=go_backwards, return_state=True)
    y, *states = call(
        layer, X, context=context, initial_state=STATE, mask=mask, training=True
    )
    expected, *last = by_hand(layer, X, context, STATE, mask)
    y = y[:, ::-1] if go_backwards else y
    for a, b in zip([y, *states], [expected, *last], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_gradients_match_automatic_ones_and_finite_differences():
    layer = built()
    scale = np.random.default_rng(4).normal(size=(B, T, U))
    found = []
    for training in (True, False):
        x, topic = tf.constant(X), tf.constant(TOPIC)
        with tf.GradientTape() as tape:
            tape.watch([x, topic])
            y = layer(x, context=topic, mask=MASK, training=training)
            loss = tf.reduce_sum(y * scale)
        found.append(tape.gradient(loss, [x, topic, *layer.trainable_variables]))
    for written, automatic in zip(*found, strict=True):
        assert np.abs(written).max() > 0
        np.testing.assert_allclose(written, automatic, atol=2e-5)
    for place in ((0, 0), (0, K - 1), (1, 2)):
        losses = []
        for step in (1e-5, -1e-5):
            moved = TOPIC.astype("float64")
            moved[place] += step
            losses.append((by_hand(layer, X, moved, mask=MASK)[0] * scale).sum())
        expected = (losses[0] - losses[1]) / 2e-5
        np.testing.assert_allclose(found[0][1][place], expected, rtol=1e-3, atol=1e-5)


# The same numbers in other ways


def test_without_context_and_peepholes_it_is_keras_lstm():
    layer = built(0, peepholes=False, return_state=True)
    theirs = keras.layers.LSTM(U, return_sequences=True, return_state=True)
    theirs.build(X.shape)
    theirs.set_weights(layer.get_weights())
    for training in (False, True):
        got = call(layer, X, initial_state=STATE, training=training)
        for a, b in zip(got, call(theirs, X, initial_state=STATE), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_weights_start_as_those_of_keras_lstm():
    ours, theirs = ContextualLSTM(U, K), keras.layers.LSTM(U)
    ours.build((B, T, C), (B, K))
    theirs.build((B, T, C))
    np.testing.assert_array_equal(ours.cell.bias, theirs.cell.bias)
    assert (np.asarray(ours.cell.peepholes) == 0).all()
    product = np.asarray(ours.cell.recurrent_kernel)
    np.testing.assert_allclose(product @ product.T, np.eye(U), atol=1e-5)


def test_last_features_of_a_step_are_its_context():
    layer = built()
    together = np.concatenate([X, TOPICS], -1)
    expected = call(layer, X, context=TOPICS)
    np.testing.assert_array_equal(call(layer, together), expected)
    again = ContextualLSTM(U, K, return_sequences=True)
    again.build(together.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(call(again, together), expected)


def test_context_of_a_sequence_is_that_of_its_steps():
    layer = built()
    expected = call(layer, X, context=np.repeat(TOPIC[:, None], T, axis=1))
    np.testing.assert_allclose(call(layer, X, context=TOPIC), expected, atol=1e-6)


def test_shared_matrix_is_four_equal_matrices():
    shared, own = built(shared_context=True), built()
    values = {w.name: np.asarray(w) for w in shared.weights}
    values["context_kernel"] = np.tile(values["context_kernel"], 4)
    own.set_weights([values[w.name] for w in own.weights])
    a, b = (call(layer, X, context=TOPIC) for layer in (shared, own))
    np.testing.assert_allclose(a, b, atol=1e-6)
    assert own.count_params() - shared.count_params() == 3 * K * U


def test_bidirectional_runs_both_ways():
    both = keras.layers.Bidirectional(built())
    together = np.concatenate([X, TOPICS], -1)
    both.build(together.shape)
    rng = np.random.default_rng(2)
    both.set_weights([rng.normal(size=w.shape, scale=0.5) for w in both.weights])
    y = call(both, together, mask=MASK)
    halves = []
    for layer in (both.forward_layer, both.backward_layer):
        halves.append(by_hand(layer, X, TOPICS, mask=MASK)[0])
    np.testing.assert_allclose(y, np.concatenate(halves, -1), atol=1e-5)


# Properties


def test_reversing_the_sequence_swaps_directions():
    forward, backward = built(), built(go_backwards=True)
    a = call(backward, X[:, ::-1], context=TOPICS[:, ::-1])
    np.testing.assert_allclose(a, call(forward, X, context=TOPICS), atol=1e-6)


def test_outputs_and_states_follow_keras_arguments():
    full = built(return_state=True)
    y, h, c = call(full, X, context=TOPIC)
    np.testing.assert_array_equal(y[:, -1], h)
    last = built(return_sequences=False)
    np.testing.assert_array_equal(call(last, X, context=TOPIC), h)
    first = call(full, X[:, :2], context=TOPIC)
    second = call(full, X[:, 2:], context=TOPIC, initial_state=first[1:])
    np.testing.assert_allclose(second[0], y[:, 2:], atol=1e-6)
    np.testing.assert_allclose(second[2], c, atol=1e-6)


def test_output_sees_no_later_step():
    layer = built()
    x, topics = tf.constant(X), tf.constant(TOPICS)
    for t in range(T):
        with tf.GradientTape() as tape:
            tape.watch([x, topics])
            y = layer(x, context=topics, training=True)[:, t]
        for gradient in tape.gradient(y, [x, topics]):
            seen = np.abs(gradient).sum((0, -1)) > 0
            np.testing.assert_array_equal(seen, np.arange(T) <= t)


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
def test_padded_sequence_gives_what_the_sequence_alone_gives(padding):
    layer = built(return_state=True)
    real = MASK[..., None]
    x, topics = (np.where(real, v, np.float32(padding)) for v in (X, TOPICS))
    with tf.GradientTape() as tape:
        outputs = layer(x, context=topics, mask=MASK, training=True)
        loss = tf.reduce_sum(outputs[0])
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.isfinite(gradient).all()
    for n, steps in enumerate(MASK.sum(1)):
        one = slice(n, n + 1)
        alone = call(layer, X[one, :steps], context=TOPICS[one, :steps])
        np.testing.assert_allclose(outputs[0][n, :steps], alone[0][0], atol=1e-6)
        assert (np.asarray(outputs[0][n, steps:]) == 0).all()
        for a, b in zip(outputs[1:], alone[1:], strict=True):
            np.testing.assert_allclose(a[n], b[0], atol=1e-6)


def test_compiled_graph_of_padding_alone_keeps_the_initial_state():
    mask = np.array([[False] * T, [True] * T])
    layer = built(return_state=True)
    run = tf.function(lambda mask: layer(X, context=TOPIC, mask=mask))
    y, h, c = run(mask)
    for nothing in (y[0], h[0], c[0]):
        assert (np.asarray(nothing) == 0).all()
    np.testing.assert_allclose(y[1], call(layer, X, context=TOPIC)[0][1], atol=1e-6)


@pytest.mark.parametrize("go_backwards", [False, True])
def test_mask_goes_on_to_the_next_layer_in_the_order_of_the_outputs(go_backwards):
    masked = keras.layers.Masking()(X * MASK[..., None])
    y = built(go_backwards=go_backwards)(masked, context=TOPIC)
    np.testing.assert_array_equal(
        y._keras_mask, MASK[:, ::-1] if go_backwards else MASK
    )
    expected = call(built(go_backwards=go_backwards), X, context=TOPIC, mask=MASK)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    last = built(return_sequences=False)(masked, context=TOPIC)
    assert getattr(last, "_keras_mask", None) is None


def test_one_loop_takes_one_step_a_word(count_steps):
    with lowering("buffer"):
        call(built(), X, context=TOPICS)
    assert count_steps == [T]


def test_cell_state_is_kept_in_float32():
    # Each step adds less than bfloat16 can add to a state of 2.
    layer = built(0, peepholes=False, dtype="bfloat16", return_state=True)
    layer.cell.kernel.assign(np.zeros((C, 4 * U)))
    layer.cell.recurrent_kernel.assign(np.zeros((U, 4 * U)))
    gates = [[-6], [200], [200], [0]]  # i = 0.0025, f = 1, g = 1
    layer.cell.bias.assign(np.broadcast_to(gates, (4, U)).ravel())
    start = [np.full((B, U), 2.0, "float32")] * 2
    c = layer(np.zeros((B, 100, C)), initial_state=start)[2]
    np.testing.assert_allclose(tf.cast(c, "float32"), 2.25, atol=0.02)
