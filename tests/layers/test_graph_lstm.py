import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_gradients
from reference.graph_lstm import graph_lstm as reference

from tfrecvis.layers import GraphLSTM

B, N, F, U = 2, 7, 3, 5
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(B, N, F)).astype("float32")
CONFIDENCE = RNG.random((B, N)).astype("float32")
STATE = [RNG.normal(size=(B, N, U), scale=0.7).astype("float32") for _ in range(2)]
WEIGHTS = ("kernel", "recurrent_kernel", "neighbour_kernel", "bias")


def random_adjacency(rng, batch=B, nodes=N, share=0.3):
    """Connected graphs: a path and random edges, both ways."""
    adjacency = rng.random((batch, nodes, nodes)) < share
    adjacency |= np.eye(nodes, k=1, dtype=bool)
    adjacency = np.triu(adjacency, 1)
    return adjacency | adjacency.swapaxes(1, 2)


def lists(adjacency, extra=0):
    """Neighbour lists, padded with -1 to the longest of the batch and `extra`."""
    width = adjacency.sum(-1).max() + extra
    out = np.full((*adjacency.shape[:2], width), -1, "int32")
    for b, i in np.ndindex(out.shape[:2]):
        around = np.flatnonzero(adjacency[b, i])
        out[b, i, : len(around)] = around
    return out


ADJACENCY = random_adjacency(RNG)
NEIGHBOURS = lists(ADJACENCY)


def built(*arguments, seed=1, features=F, **options):
    """A layer whose weights are all random: biases too."""
    layer = GraphLSTM(*arguments, **options)
    layer.build((None, None, features))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def numpy(outputs):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def call(layer, features=FEATURES, **options):
    if "adjacency" not in options:
        options = {"neighbours": NEIGHBOURS, **options}
    return numpy(layer(features, **options))


def by_hand(
    layer,
    features=FEATURES,
    neighbours=NEIGHBOURS,
    confidence=None,
    state=None,
    mask=None,
):
    batch, nodes, _ = features.shape
    weights = [np.asarray(getattr(layer, name), "float64") for name in WEIGHTS]
    zeros = np.zeros((batch, nodes, layer.units))
    state = [zeros, zeros] if state is None else state
    if confidence is None:
        confidence = np.broadcast_to(-np.arange(nodes), (batch, nodes))
    graphs = [
        reference(
            features[b],
            neighbours[b],
            weights,
            [
                c if mask is None or mask[b, i] else None
                for i, c in enumerate(confidence[b])
            ],
            (state[0][b], state[1][b]),
        )
        for b in range(batch)
    ]
    return tuple(np.stack(parts) for parts in zip(*graphs, strict=True))


# The equations


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("confident", [False, True])
def test_graph_lstm_matches_the_numpy_loop(confident, with_state):
    layer = built(U, return_state=True)
    confidence = CONFIDENCE if confident else None
    state = STATE if with_state else None
    y, h, m = call(layer, confidence=confidence, initial_state=state)
    expected = by_hand(layer, confidence=confidence, state=state)
    np.testing.assert_allclose(h, expected[0], atol=1e-5)
    np.testing.assert_allclose(m, expected[1], atol=1e-5)
    np.testing.assert_array_equal(y, h)


def test_one_sided_edges_match_the_numpy_loop():
    rng = np.random.default_rng(4)
    neighbours = lists(rng.random((B, N, N)) * (1 - np.eye(N)) > 0.6, extra=1)
    layer = built(U)
    options = {"confidence": CONFIDENCE, "neighbours": neighbours}
    y = call(layer, initial_state=STATE, **options)
    np.testing.assert_allclose(y, by_hand(layer, state=STATE, **options)[0], atol=1e-5)


def test_hand_written_gradients_match_automatic_and_finite_differences():
    tensors = {
        "x": FEATURES.astype("float64"),
        "h": STATE[0].astype("float64"),
        "m": STATE[1].astype("float64"),
    }
    layer = built(U, return_state=True)
    for name in WEIGHTS:
        tensors[name] = np.asarray(getattr(layer, name), "float64")

    def of_layer(t):
        values = [t[name] for name in WEIGHTS]
        outputs, _ = layer.stateless_call(
            values,
            [],
            t["x"],
            neighbours=NEIGHBOURS,
            confidence=CONFIDENCE,
            initial_state=[t["h"], t["m"]],
        )
        return outputs[1:]

    def of_loop(t):
        graphs = [plain_loop(t, b) for b in range(B)]
        return [tf.stack(parts) for parts in zip(*graphs, strict=True)]

    def plain_loop(t, b):
        """One node after the other, differentiated by TensorFlow."""
        w, u, n, bias = (t[name] for name in WEIGHTS)
        new_h, new_m = {}, {}
        for i in sorted(range(N), key=lambda i: (-CONFIDENCE[b, i], i)):
            around = [j for j in NEIGHBOURS[b, i] if j >= 0]
            h_around = [new_h.get(j, t["h"][b, j]) for j in around]
            m_around = [new_m.get(j, t["m"][b, j]) for j in around]
            z = tf.linalg.matvec(w, t["x"][b, i], transpose_a=True) + bias
            own = z + tf.linalg.matvec(u, t["h"][b, i], transpose_a=True)
            hbar = tf.add_n(h_around) / len(around)
            gates = own + tf.linalg.matvec(n, hbar, transpose_a=True)
            gu, _, gc, go = tf.split(gates, 4)
            forget = tf.split(own, 4)[1]
            kept = tf.sigmoid(forget) * t["m"][b, i]
            for j, m_j in zip(around, m_around, strict=True):
                z_j = z + tf.linalg.matvec(n, t["h"][b, j], transpose_a=True)
                kept += tf.sigmoid(tf.split(z_j, 4)[1]) * m_j / len(around)
            new_m[i] = kept + tf.sigmoid(gu) * tf.tanh(gc)
            new_h[i] = tf.tanh(tf.sigmoid(go) * new_m[i])
        return [tf.stack([new[i] for i in range(N)]) for new in (new_h, new_m)]

    def in_numpy(t):
        graphs = [
            reference(
                t["x"][b],
                NEIGHBOURS[b],
                [t[name] for name in WEIGHTS],
                CONFIDENCE[b],
                (t["h"][b], t["m"][b]),
            )
            for b in range(B)
        ]
        return [np.stack(parts) for parts in zip(*graphs, strict=True)]

    check_gradients(tensors, of_layer, of_loop, in_numpy)


# Order


def test_order_says_the_same_as_falling_confidence():
    layer = built(U)
    order = np.argsort(np.argsort(-CONFIDENCE, -1), -1)
    y = call(layer, confidence=CONFIDENCE)
    np.testing.assert_array_equal(call(layer, order=order), y)
    assert np.abs(call(layer) - y).max() > 1e-3


def test_of_equal_nodes_the_lower_index_comes_first():
    layer = built(U)
    expected = call(layer)
    for equal in (
        {"confidence": np.full((B, N), 0.5, "float32")},
        {"order": np.zeros((B, N), "int32")},
        {"order": np.broadcast_to(np.arange(N), (B, N))},
    ):
        np.testing.assert_array_equal(call(layer, **equal), expected)


def test_half_precision_does_not_make_confidences_equal():
    # In float16 these are all 0.5: the order would be that of the indices.
    close = (0.5 + 1e-6 * np.arange(N) * np.ones((B, 1))).astype("float32")
    layer = built(U, dtype="mixed_float16")
    y = call(layer, confidence=close)
    np.testing.assert_array_equal(
        y, call(layer, order=-np.arange(N) * np.ones((B, 1), int))
    )
    assert np.abs(y - call(layer)).max() > 1e-2


def test_node_hears_new_states_of_those_before_it_alone():
    layer = built(U)
    order = np.argsort(-CONFIDENCE[0])
    x = tf.constant(FEATURES[:1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x, neighbours=NEIGHBOURS[:1], confidence=CONFIDENCE[:1])
        y = tf.reduce_sum(y[0], -1)
    influence = np.abs(tape.jacobian(y, x, experimental_use_pfor=False)[:, 0]).max(-1)
    rank = np.argsort(order)
    before = rank[None, :] <= rank[:, None]  # j at or before i
    assert (influence[~before] == 0).all()
    # Whatever a chain of neighbours, each before the next, leads to is heard.
    heard = np.eye(N, dtype=bool)
    for i in order:
        for j in np.flatnonzero(ADJACENCY[0, i]):
            if rank[j] < rank[i]:
                heard[i] |= heard[j]
    np.testing.assert_array_equal(influence > 0, heard)


def test_permutation_of_nodes_permutes_the_outputs():
    layer = built(U, residual=False)
    permutation = np.random.default_rng(5).permutation(N)
    place = np.argsort(permutation)  # old node -> new node
    moved = NEIGHBOURS[:, permutation]
    moved = np.where(moved >= 0, place[moved], -1)
    y = call(
        layer,
        FEATURES[:, permutation],
        neighbours=moved,
        confidence=CONFIDENCE[:, permutation],
        initial_state=[s[:, permutation] for s in STATE],
    )
    expected = call(layer, confidence=CONFIDENCE, initial_state=STATE)
    np.testing.assert_allclose(y, expected[:, permutation], atol=1e-6)


def test_order_of_a_neighbour_list_does_not_matter():
    layer = built(U)
    y = call(layer, neighbours=NEIGHBOURS[..., ::-1], initial_state=STATE)
    np.testing.assert_allclose(y, call(layer, initial_state=STATE), atol=1e-6)


# Inputs


@pytest.mark.parametrize("dtype", ["bool", "int32", "float32"])
def test_adjacency_says_the_same_as_neighbour_lists(dtype):
    layer = built(U)
    options = {"confidence": CONFIDENCE, "initial_state": STATE}
    y = call(layer, adjacency=ADJACENCY.astype(dtype), **options)
    np.testing.assert_allclose(y, call(layer, **options), atol=1e-6)


def test_residual_adds_the_features():
    x = np.random.default_rng(3).normal(size=(B, N, U)).astype("float32")
    layer = built(U, features=U, residual=True, return_state=True)
    y, h, _ = call(layer, x)
    np.testing.assert_allclose(y, h + x, atol=1e-6)


def test_returned_state_starts_the_next_layer():
    first, second = built(U, return_state=True), built(U, seed=2)
    _, h, m = call(first)
    y = call(second, initial_state=[h, m])
    np.testing.assert_allclose(y, by_hand(second, state=(h, m))[0], atol=1e-5)


def test_batch_of_different_graphs_equals_one_at_a_time():
    layer = built(U)
    options = {"neighbours": NEIGHBOURS, "confidence": CONFIDENCE}
    alone = [
        call(
            layer, FEATURES[b : b + 1], **{k: v[b : b + 1] for k, v in options.items()}
        )
        for b in range(B)
    ]
    np.testing.assert_allclose(call(layer, **options), np.concatenate(alone), atol=1e-6)


def padded(filling):
    """The graphs with two nodes and two neighbours more, all of them padding."""
    mask = np.pad(np.ones((B, N), bool), [[0, 0], [0, 2]])

    def nodes(x):
        widths = [[0, 0], [0, 2], [0, 0]][: x.ndim]
        return np.pad(x, widths, constant_values=filling)

    neighbours = np.pad(NEIGHBOURS, [[0, 0], [0, 2], [0, 2]], constant_values=-1)
    neighbours[:, N:] = 99  # what the lists of padding hold does not matter
    return nodes(FEATURES), {
        "neighbours": neighbours,
        "confidence": nodes(CONFIDENCE),
        "initial_state": [nodes(s) for s in STATE],
        "mask": mask,
    }


@pytest.mark.parametrize("filling", [0.0, 1e3, np.nan, np.inf])
def test_padding_changes_nothing_whatever_it_holds(filling):
    layer = built(U, return_state=True)
    weights = [w.value for w in layer.weights]
    found = []
    for x, options in (
        (
            FEATURES,
            {
                "neighbours": NEIGHBOURS,
                "confidence": CONFIDENCE,
                "initial_state": STATE,
            },
        ),
        padded(filling),
    ):
        with tf.GradientTape() as tape:
            outputs = layer(x, **options)
            loss = sum(tf.reduce_sum(tf.sin(y)) for y in outputs)
        found.append((numpy(outputs), tape.gradient(loss, weights)))
    (expected, gradients), (outputs, of_padded) = found
    for y, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(y[:, :N], wanted, atol=1e-6)
        np.testing.assert_array_equal(y[:, N:], 0)
    for gradient, wanted in zip(of_padded, gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_traced_edges_to_padding_or_out_of_range_are_dropped():
    layer = built(U)
    mask = np.ones((B, N), bool)
    mask[0, 2] = mask[1, 4] = False
    traced = tf.function(lambda x, n: layer(x, neighbours=n, mask=mask))
    expected = by_hand(layer, mask=mask)[0]
    for nobody in (-1, N, 1000):
        neighbours = np.where(NEIGHBOURS < 0, nobody, NEIGHBOURS)
        np.testing.assert_allclose(traced(FEATURES, neighbours), expected, atol=1e-5)


def test_single_node_without_neighbours_is_a_graph():
    layer = built(U)
    nobody = np.full((B, 1, 2), -1)
    y = call(layer, FEATURES[:, :1], neighbours=nobody)
    expected = by_hand(layer, FEATURES[:, :1], nobody)[0]
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_mask_of_the_features_is_read_and_passed_on():
    layer = built(U)
    x = FEATURES.copy()
    x[:, -1] = 0
    neighbours = np.where(NEIGHBOURS == N - 1, -1, NEIGHBOURS)
    neighbours[:, -1] = -1
    neighbours[:, -2, 0] = 0
    masked = keras.layers.Masking()(x)
    y = layer(masked, neighbours=neighbours)
    mask = np.arange(N) < N - 1
    np.testing.assert_array_equal(y._keras_mask, [mask] * B)
    np.testing.assert_array_equal(y[:, -1], 0)


# Training


@pytest.mark.slow
def test_fit_under_xla_learns_from_different_graphs():
    x = keras.Input((N, U), name="features")
    neighbours = keras.Input(
        (N, NEIGHBOURS.shape[-1]), dtype="int32", name="neighbours"
    )
    confidence = keras.Input((N,), name="confidence")
    y, h, m = GraphLSTM(U, residual=True, return_state=True)(
        x, neighbours=neighbours, confidence=confidence
    )
    y = GraphLSTM(U)(
        y, neighbours=neighbours, confidence=confidence, initial_state=[h, m]
    )
    inputs = {"features": x, "neighbours": neighbours, "confidence": confidence}
    model = keras.Model(inputs, y)
    model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=True)
    features = np.random.default_rng(2).normal(size=(B, N, U)).astype("float32")
    data = {"features": features, "neighbours": NEIGHBOURS, "confidence": CONFIDENCE}
    losses = model.fit(data, 0.5 * np.tanh(features), epochs=20, verbose=0).history[
        "loss"
    ]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_gradients_of_half_precision_have_the_dtype_of_their_weights(policy):
    layer = built(U, dtype=policy)
    with tf.GradientTape() as tape:
        y = layer(FEATURES, neighbours=NEIGHBOURS, initial_state=STATE)
        loss = tf.reduce_sum(tf.cast(y, "float32"))
    assert y.dtype == policy.removeprefix("mixed_")
    weights = [w.value for w in layer.weights]
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert gradient.dtype == weight.dtype
        assert np.isfinite(tf.cast(gradient, "float32")).all()
        assert np.abs(tf.cast(gradient, "float32")).max() > 0
