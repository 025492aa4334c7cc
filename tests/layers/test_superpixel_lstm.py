import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.neighbour_lstm import superpixel_lstm

from tfrecvis.layers import SuperpixelLSTM
from tfrecvis.ops import lowering

B, N, F, S, K, U, DEPTH = 2, 6, 3, 2, 4, 2, 3
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(B, N, F)).astype("float32")
REAL = np.arange(N) < np.array([[N - 2], [N]])


def random_lists(real=None, seed=5):
    """Lists `(B, N, S, K)` of 0 to 4 nodes, none twice; only real nodes if given."""
    rng = np.random.default_rng(seed)
    lists = np.full((B, N, S, K), -1, "int32")
    for b in range(B):
        for i in range(N):
            others = [j for j in range(N) if j != i and (real is None or real[b, j])]
            for s in range(S):
                # A ring at scale 0, so that no node is alone; gaps anywhere.
                count = rng.integers(1 - (s > 0), min(K, len(others)) + 1)
                places = rng.choice(K, count, replace=False)
                lists[b, i, s, places] = rng.choice(others, count, replace=False)
    return lists


LISTS = random_lists()
REAL_LISTS = random_lists(REAL)


def built(depth=DEPTH, seed=1, scales=S, **options):
    """A layer whose weights are all random."""
    layer = SuperpixelLSTM(U, depth, **options)
    layer.build((None, None, F), (None, None, scales, None))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, features=FEATURES, neighbours=LISTS, **options):
    return keras.ops.convert_to_numpy(layer(features, neighbours, **options))


def by_hand(layer, features=FEATURES, neighbours=LISTS, mask=None, **tensors):
    weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
    return superpixel_lstm(
        features, neighbours, {**weights, **tensors}, layer.depth, mask
    )


@pytest.mark.parametrize(
    "options", [{}, {"depth": 1}, {"depth": 2}, {"tied": True}], ids=str
)
def test_layer_matches_the_numpy_loop(options):
    layer = built(**options)
    np.testing.assert_allclose(call(layer), by_hand(layer), atol=1e-5)


def test_masked_layer_matches_the_numpy_loop():
    layer = built()
    got = call(layer, neighbours=REAL_LISTS, mask=REAL)
    expected = by_hand(layer, neighbours=REAL_LISTS, mask=REAL)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_compiled_graph_matches_the_numpy_loop_and_drops_edges_to_padding():
    layer = built()
    run = tf.function(lambda x, lists, mask: layer(x, lists, mask=mask))
    y = run(*(tf.constant(x) for x in (FEATURES, LISTS, REAL)))
    expected = by_hand(layer, mask=REAL)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_gradients_match_finite_differences():
    layer = built()
    scale = np.random.default_rng(4).normal(size=(B, N, U))
    x = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, REAL_LISTS, mask=REAL)
        total = tf.reduce_sum(y * scale)
    found = tape.gradient(total, [x, *layer.trainable_variables])
    tensors = {w.name: np.asarray(w, "float64") for w in layer.trainable_variables}
    tensors = {"features": FEATURES.astype("float64"), **tensors}
    for (name, value), gradient in zip(tensors.items(), found, strict=True):
        gradient = np.asarray(gradient)
        # The entry that matters most, where a wrong gradient is most wrong.
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        losses = []
        for step in (1e-5, -1e-5):
            moved = value.copy()
            moved[place] += step
            moved = {"features": FEATURES, name: moved}
            y = by_hand(layer, neighbours=REAL_LISTS, mask=REAL, **moved)
            losses.append((y * scale).sum())
        expected = (losses[0] - losses[1]) / 2e-5
        assert abs(expected) > 1e-3
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-3)


# Properties


def test_list_of_scales_gives_what_the_stacked_scales_give():
    layer = built()
    short = [LISTS[:, :, 0], np.pad(LISTS[:, :, 1], [[0, 0], [0, 0], [1, 2]], "edge")]
    short[1][..., 0] = short[1][..., -2:] = -1
    np.testing.assert_allclose(call(layer, neighbours=short), call(layer), atol=1e-6)
    again = SuperpixelLSTM(U, DEPTH)
    again(FEATURES, short)
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]


def test_order_in_a_list_does_not_matter():
    layer = built()
    np.testing.assert_allclose(
        call(layer, neighbours=LISTS[..., ::-1]), call(layer), atol=1e-6
    )


def test_permuting_the_nodes_permutes_the_outputs():
    layer = built()
    order = np.random.default_rng(7).permutation(N)
    rank = np.argsort(order)
    lists = LISTS[:, order]
    lists = np.where(lists >= 0, rank[lists], -1)
    got = call(layer, FEATURES[:, order], lists)
    np.testing.assert_allclose(got, call(layer)[:, order], atol=1e-5)


def test_permuting_the_scales_permutes_the_weights():
    layer, other = built(), built()
    values = []
    for weight in layer.weights:
        value = np.asarray(weight)
        if weight.name in ("depth_kernel", "spatial_kernel"):
            parts = value.reshape(len(value), 1 + S, U, 4 * U)
            value = parts[:, [0, 2, 1]].reshape(value.shape)
        values.append(value)
    other.set_weights(values)
    got = call(other, neighbours=LISTS[:, :, ::-1])
    np.testing.assert_allclose(got, call(layer), atol=1e-5)
    assert np.abs(call(layer, neighbours=LISTS[:, :, ::-1]) - got).max() > 0.01


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_node_sees_one_edge_further_with_every_layer(depth):
    chain = np.stack([np.arange(N) - 1, (np.arange(N) + 2) % (N + 1) - 1], -1)
    chain = np.tile(chain[None, :, None], (B, 1, 1, 1)).astype("int32")
    layer = built(depth, scales=1)
    x = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, chain)[:, 1]
    seen = np.abs(tape.gradient(y, x)).sum((0, -1)) > 0
    np.testing.assert_array_equal(seen, np.abs(np.arange(N) - 1) <= depth)


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
def test_padded_graph_gives_what_the_graph_alone_gives(padding):
    layer = built()
    padded = np.where(REAL[..., None], FEATURES, np.float32(padding))
    lists = np.where(REAL[..., None, None], REAL_LISTS, 999)
    with tf.GradientTape() as tape:
        y = layer(padded, lists, mask=REAL)
        loss = tf.reduce_sum(y)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.isfinite(gradient).all()
    assert (np.asarray(y)[~REAL] == 0).all()
    for b, nodes in enumerate(REAL.sum(1)):
        one = slice(b, b + 1)
        alone = call(layer, FEATURES[one, :nodes], REAL_LISTS[one, :nodes])[0]
        np.testing.assert_allclose(y[b, :nodes], alone, atol=1e-5)


def test_nan_in_a_node_reaches_those_that_read_it_alone():
    features = FEATURES.copy()
    features[0, 0] = np.nan
    y = call(built(depth=1), features)
    reads = (LISTS[0] == 0).any((1, 2))
    reads[0] = True
    np.testing.assert_array_equal(np.isnan(y[0]).all(-1), reads)
    assert np.isfinite(y[1]).all()


def test_mask_goes_on_to_the_next_layer():
    masked = keras.layers.Masking()(FEATURES * REAL[..., None])
    y = built()(masked, REAL_LISTS)
    np.testing.assert_array_equal(y._keras_mask, REAL)
    expected = call(built(), neighbours=REAL_LISTS, mask=REAL)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_depth_is_one_loop_with_one_step_a_layer_but_the_last(tied, count_steps):
    with lowering("buffer"):
        call(built(depth=4, tied=tied))
    assert count_steps == [3]


def test_parameters_follow_the_formula():
    gates = ((1 + S) * U + 1) * 4 * U
    first = (F + 1) * 4 * U
    assert built().count_params() == first + (2 * DEPTH - 1) * gates
    assert built(tied=True).count_params() == first + 2 * gates
