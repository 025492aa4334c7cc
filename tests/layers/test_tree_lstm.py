import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_gradients
from reference.tree_lstm import bottom_up
from reference.tree_lstm import tree_lstm as reference

from tfrecvis.layers import TreeLSTM

B, N, F, U, K = 2, 7, 3, 5, 3
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(B, N, F)).astype("float32")
# Two trees of seven nodes; a child's place in its list is its position.
CHILDREN = np.array(
    [
        [
            [-1, -1, -1],
            [-1, -1, -1],
            [0, -1, 1],  # no child in the middle
            [-1, -1, -1],
            [2, 3, 5],
            [-1, -1, -1],
            [-1, 4, -1],  # the root
        ],
        [
            [3, 1, -1],  # the root
            [-1, 2, -1],
            [-1, -1, -1],
            [4, 5, 6],
            [-1, -1, -1],
            [-1, -1, -1],
            [-1, -1, -1],
        ],
    ]
)
ROOTS = [6, 0]
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
VARIANTS = {
    "child_sum": {"variant": "child_sum"},
    "n_ary": {"variant": "n_ary", "max_children": K},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def built(variant, seed=1, **options):
    """A layer whose weights are all random: biases too."""
    layer = TreeLSTM(U, **{**VARIANTS[variant], **options})
    layer.build((None, None, F))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, features=FEATURES, children=CHILDREN, **options):
    outputs = layer(features, children=children, **options)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def by_hand(layer, features=FEATURES, children=CHILDREN):
    weights = [np.asarray(getattr(layer, name), "float64") for name in WEIGHTS]
    trees = [
        reference(x, lists, weights, layer.max_children)
        for x, lists in zip(features, children, strict=True)
    ]
    return tuple(np.stack(parts) for parts in zip(*trees, strict=True))


# The equations


@every_variant
def test_tree_lstm_matches_the_numpy_loop(variant):
    layer = built(variant, return_state=True)
    y, root_h, root_c = call(layer)
    h, c = by_hand(layer)
    np.testing.assert_allclose(y, h, atol=1e-5)
    np.testing.assert_allclose(root_h, h[range(B), ROOTS], atol=1e-5)
    np.testing.assert_allclose(root_c, c[range(B), ROOTS], atol=1e-5)


@every_variant
def test_layer_without_nodes_returns_the_root(variant):
    layer = built(variant, return_nodes=False)
    np.testing.assert_allclose(
        call(layer), by_hand(layer)[0][range(B), ROOTS], atol=1e-5
    )


@every_variant
def test_hand_written_gradients_match_automatic_and_finite_differences(variant):
    layer = built(variant, return_state=True)
    tensors = {n: np.asarray(getattr(layer, n), "float64") for n in WEIGHTS}
    tensors["x"] = FEATURES.astype("float64")

    def of_layer(t):
        values = [t[name] for name in WEIGHTS]
        (y, _, c), _ = layer.stateless_call(values, [], t["x"], children=CHILDREN)
        return [y, c]

    def one_cell(x, h, c, t):
        """A node alone; `h`, `c` are lists of states by position, None for no child."""
        kernel, recurrent, bias = (t[name] for name in WEIGHTS)
        zero = tf.zeros(U)
        z_i, z_f, z_g, z_o = tf.split(
            tf.linalg.matvec(kernel, x, transpose_a=True) + bias, 4
        )
        if variant == "n_ary":
            side_by_side = tf.concat([zero if s is None else s for s in h], 0)
            read = tf.split(
                tf.linalg.matvec(recurrent, side_by_side, transpose_a=True), 3 + K
            )
            r_i, *r_f, r_g, r_o = read
        else:
            total = sum((s for s in h if s is not None), zero)
            r_i, _, r_g, r_o = tf.split(
                tf.linalg.matvec(recurrent, total, transpose_a=True), 4
            )
            u_f = tf.split(recurrent, 4, -1)[1]
            r_f = [
                tf.linalg.matvec(u_f, zero if s is None else s, transpose_a=True)
                for s in h
            ]
        new = tf.sigmoid(z_i + r_i) * tf.tanh(z_g + r_g)
        for state, forget in zip(c, r_f, strict=True):
            if state is not None:
                new += tf.sigmoid(z_f + forget) * state
        return tf.sigmoid(z_o + r_o) * tf.tanh(new), new

    def of_loop(t):
        outputs, roots = [], []
        for b in range(B):
            h, c = {}, {}
            for j in bottom_up(CHILDREN[b]):
                below = [[s.get(k) for k in CHILDREN[b, j]] for s in (h, c)]
                h[j], c[j] = one_cell(t["x"][b, j], *below, t)
            outputs.append(tf.stack([h[j] for j in range(N)]))
            roots.append(c[ROOTS[b]])
        return [tf.stack(outputs), tf.stack(roots)]

    def in_numpy(t):
        weights = [t[name] for name in WEIGHTS]
        trees = [
            reference(t["x"][b], CHILDREN[b], weights, layer.max_children)
            for b in range(B)
        ]
        h, c = (np.stack(parts) for parts in zip(*trees, strict=True))
        return [h, c[range(B), ROOTS]]

    check_gradients(tensors, of_layer, of_loop, in_numpy)


@every_variant
def test_chain_is_the_lstm_of_keras_with_the_same_weights(variant):
    theirs = keras.layers.LSTM(U, return_sequences=True, return_state=True)
    theirs.build((None, None, F))
    rng = np.random.default_rng(3)
    theirs.set_weights([rng.normal(size=w.shape, scale=0.5) for w in theirs.weights])
    options = {"variant": "child_sum"}
    if variant == "n_ary":
        options = {"variant": "n_ary", "max_children": 1}
    ours = TreeLSTM(U, return_state=True, **options)
    ours.build((None, None, F))
    ours.set_weights(theirs.get_weights())
    chain = np.repeat([[[step - 1] for step in range(N)]], B, 0)
    for y, expected in zip(call(ours, children=chain), theirs(FEATURES), strict=True):
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_forget_bias_starts_at_one():
    layer = TreeLSTM(U)
    layer.build((None, None, F))
    bias = np.asarray(layer.bias).reshape(4, U)
    np.testing.assert_array_equal(bias, [[0] * U, [1] * U, [0] * U, [0] * U])


# Trees


def test_child_sum_does_not_see_the_order_of_children():
    layer = built("child_sum")
    y = call(layer, children=CHILDREN[..., ::-1])
    np.testing.assert_allclose(y, call(layer), atol=1e-6)


def test_n_ary_sees_the_position_of_a_child():
    layer = built("n_ary")
    y, moved = call(layer), call(layer, children=CHILDREN[..., ::-1])
    assert np.abs(y - moved)[0, 6].max() > 1e-3
    leaves = (CHILDREN < 0).all(-1)
    np.testing.assert_allclose(y[leaves], moved[leaves], atol=1e-6)


@every_variant
def test_permutation_of_nodes_permutes_the_outputs(variant):
    layer = built(variant, return_state=True)
    permutation = np.random.default_rng(5).permutation(N)
    moved = CHILDREN[:, permutation]
    moved = np.where(moved >= 0, np.argsort(permutation)[moved], -1)
    y, h, c = call(layer, FEATURES[:, permutation], moved)
    expected = call(layer)
    np.testing.assert_allclose(y, expected[0][:, permutation], atol=1e-6)
    np.testing.assert_allclose([h, c], expected[1:], atol=1e-6)


@every_variant
def test_node_hears_its_descendants_alone(variant):
    layer = built(variant)
    x = tf.constant(FEATURES[:1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.reduce_sum(layer(x, children=CHILDREN[:1])[0], -1)
    influence = np.abs(tape.jacobian(y, x, experimental_use_pfor=False)[:, 0]).max(-1)
    below = np.eye(N, dtype=bool)
    for j in bottom_up(CHILDREN[0]):
        for k in CHILDREN[0, j]:
            if k >= 0:
                below[j] |= below[k]
    np.testing.assert_array_equal(influence > 0, below)


@every_variant
def test_batch_of_different_trees_equals_one_at_a_time(variant):
    layer = built(variant)
    alone = [call(layer, FEATURES[b : b + 1], CHILDREN[b : b + 1]) for b in range(B)]
    np.testing.assert_allclose(call(layer), np.concatenate(alone), atol=1e-6)


@every_variant
@pytest.mark.parametrize("filling", [0.0, np.nan])
def test_padding_changes_nothing_whatever_it_holds(variant, filling):
    layer = built(variant, return_state=True)
    padding = [[0, 0], [0, 2], [0, 0]]
    x = np.pad(FEATURES, padding, constant_values=filling)
    children = np.pad(CHILDREN, padding, constant_values=99)
    mask = np.repeat([[True] * N + [False] * 2], B, 0)
    weights = [w.value for w in layer.weights]
    found = []
    for options in (
        {"features": FEATURES, "children": CHILDREN},
        {"features": x, "children": children, "mask": mask},
    ):
        with tf.GradientTape() as tape:
            outputs = layer(**options)
            loss = sum(tf.reduce_sum(tf.sin(y)) for y in outputs)
        found.append((outputs, tape.gradient(loss, weights)))
    (expected, gradients), (outputs, of_padded) = found
    np.testing.assert_allclose(outputs[0][:, :N], expected[0], atol=1e-6)
    np.testing.assert_array_equal(outputs[0][:, N:], 0)
    np.testing.assert_allclose(outputs[1:], expected[1:], atol=1e-6)
    for gradient, wanted in zip(of_padded, gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_n_ary_takes_lists_shorter_than_its_children():
    layer = built("n_ary")
    children = np.where(np.arange(K) < 2, CHILDREN, -1)
    # Node 5 is then nobody's child: a traced graph takes its forest.
    traced = tf.function(lambda n: layer(FEATURES, children=n))
    np.testing.assert_array_equal(traced(children[..., :2]), traced(children))


def test_steps_are_as_many_as_the_tree_is_high(count_steps):
    call(built("child_sum"))
    assert count_steps == [4, 4]
    count_steps.clear()
    balanced = np.full((1, 1023, 2), -1)  # a heap: node i has children 2i+1 and 2i+2
    balanced[0, :511] = np.arange(1, 1023).reshape(511, 2)
    call(built("child_sum"), np.zeros((1, 1023, F), "float32"), balanced)
    levels = [2**height for height in range(10)]
    assert count_steps == [10, sum(-(-nodes // 32) for nodes in levels)]


# What cannot be checked in a traced graph


@every_variant
def test_traced_forest_gives_the_root_of_its_highest_tree(variant):
    layer = built(variant, return_nodes=False)
    children = np.full((1, N, K), -1)
    children[0, 3, 0], children[0, 5, :2] = 0, [3, 6]
    traced = tf.function(lambda n: layer(FEATURES[:1], children=n))
    expected = by_hand(layer, FEATURES[:1], children)[0][:, 5]
    np.testing.assert_allclose(traced(children), expected, atol=1e-5)


@every_variant
def test_traced_cycle_ends_and_stays_zero(variant):
    layer = built(variant)
    children = np.full((1, N, K), -1)
    children[0, 1, 0], children[0, 2, 0], children[0, 3, 1] = 2, 1, 2
    traced = tf.function(lambda n: layer(FEATURES[:1], children=n), jit_compile=True)
    y = traced(children).numpy()[0]
    np.testing.assert_array_equal(y[1:4], 0)
    assert (np.abs(y[[0, 4, 5, 6]]).max(-1) > 0).all()
