import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.graphs import operators

from tfrecvis import ops
from tfrecvis.ops.backend import concrete_value, vjp

T, B, U = 5, 2, 3
LOWERINGS = ("tensor_array", "buffer", "unrolled")
RNG = np.random.default_rng(0)
XS = RNG.normal(size=(T, B, U)).astype("float32")
CARRY = RNG.normal(size=(B, U)).astype("float32")


def step(carry, x):
    """Depends on the order of steps; outputs two tensors of different shapes."""
    h = keras.ops.tanh(0.5 * carry[0] + x[0])
    return (h, carry[1] + 1), (h * x[0], keras.ops.sum(h, -1))


def by_hand(reverse):
    h = CARRY
    products, sums = np.zeros((T, B, U)), np.zeros((T, B))
    for t in reversed(range(T)) if reverse else range(T):
        h = np.tanh(0.5 * h + XS[t])
        products[t], sums[t] = h * XS[t], h.sum(-1)
    return h, products, sums


def track(xs, carry, reverse=False):
    xs, carry = keras.ops.convert_to_tensor(xs), keras.ops.convert_to_tensor(carry)
    like = (carry, carry[:, 0])
    return ops.Track(step, (carry, tf.constant(0.0)), (xs,), like, reverse)


def traced(lowering, function, *shapes, jit_compile=None):
    """The concrete function of `function`, traced under a lowering."""
    with ops.lowering(lowering):
        return tf.function(function, jit_compile=jit_compile).get_concrete_function(
            *(tf.TensorSpec(shape, "float32") for shape in shapes)
        )


def both_ways_forward(xs, carry):
    return ops.scan_together([track(xs, carry, r) for r in (False, True)])


def both_ways(xs, carry):
    """Two directions side by side and the gradient of what they output."""
    with tf.GradientTape() as tape:
        tape.watch((xs, carry))
        results = both_ways_forward(xs, carry)
        total = sum(tf.reduce_sum(y**2) for c, ys in results for y in (*ys, c[0]))
    return results, tape.gradient(total, (xs, carry))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lowering", LOWERINGS)
def test_scan_matches_a_python_loop(lowering, reverse):
    with ops.lowering(lowering):
        (h, count), ys = ops.scan(*track(XS, CARRY, reverse))
    for got, expected in zip((h, *ys), by_hand(reverse), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)
    assert float(count) == T


@pytest.mark.parametrize("lowering", LOWERINGS)
def test_graph_of_every_lowering_matches_a_python_loop(lowering):
    function = traced(lowering, both_ways, (T, B, U), (B, U))
    results, gradients = function(tf.constant(XS), tf.constant(CARRY))
    for (carry, ys), reverse in zip(results, (False, True), strict=True):
        for got, expected in zip((carry[0], *ys), by_hand(reverse), strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-6)
    expected = both_ways(tf.constant(XS), tf.constant(CARRY))[1]
    for got, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("lowering", ["tensor_array", "buffer"])
def test_dynamic_length_and_batch_match_static_ones(lowering):
    function = traced(lowering, both_ways, (None, None, U), (None, U))
    for steps in (T, 2, 1):
        arguments = tf.constant(XS[:steps]), tf.constant(CARRY)
        expected = tf.nest.flatten(both_ways(*arguments))
        for got, wanted in zip(
            tf.nest.flatten(function(*arguments)), expected, strict=True
        ):
            np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("lowering", ["tensor_array", "buffer"])
def test_xla_compiles_the_loop_and_its_gradient(lowering):
    function = traced(lowering, both_ways, (T, B, U), (B, U), jit_compile=True)
    arguments = tf.constant(XS), tf.constant(CARRY)
    expected = tf.nest.flatten(both_ways(*arguments))
    for got, wanted in zip(
        tf.nest.flatten(function(*arguments)), expected, strict=True
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_outputs_know_their_static_shape():
    for steps in (T, None):
        function = traced(
            "tensor_array",
            lambda x, c: ops.scan(*track(x, c)),
            (steps, None, U),
            (B, U),
        )
        _, ys = function.structured_outputs
        assert [y.shape.as_list() for y in ys] == [[steps, B, U], [steps, B]]


def test_no_step_leaves_the_carry_alone():
    xs = np.zeros((0, B, U), "float32")
    for lowering in ("tensor_array", "buffer"):
        with ops.lowering(lowering):
            (h, _), ys = ops.scan(*track(xs, CARRY))
        np.testing.assert_array_equal(h, CARRY)
        assert [tuple(y.shape) for y in ys] == [(0, B, U), (0, B)]


def test_scan_without_outputs_returns_the_last_carry():
    def add(carry, x):
        return (carry[0] + x[0],), ()

    for lowering in LOWERINGS:
        with ops.lowering(lowering):
            carry, ys = ops.scan(add, (tf.zeros((B, U)),), (tf.constant(XS),))
        np.testing.assert_allclose(carry[0], XS.sum(0), atol=1e-6)
        assert ys == ()


@pytest.mark.parametrize(
    ("name", "accelerator", "loops"),
    [
        ("tensor_array", False, 2),  # XLA may run them on two cores
        ("tensor_array", True, 1),  # half the sequential steps
        ("buffer", False, 1),
        ("unrolled", False, 0),
    ],
)
def test_number_of_loops_for_two_tracks(name, accelerator, loops, monkeypatch):
    # `tfrecvis.ops.scan` is the function; its module is found by name only.
    module = sys.modules[ops.Track.__module__]
    monkeypatch.setattr(module, "has_accelerator", lambda: accelerator)
    function = traced(name, both_ways_forward, (T, B, U), (B, U))
    assert operators(function, "While") == loops
    results = function(tf.constant(XS), tf.constant(CARRY))
    for (carry, ys), reverse in zip(results, (False, True), strict=True):
        for got, expected in zip((carry[0], *ys), by_hand(reverse), strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-6)


def test_loop_makes_as_many_steps_as_its_axis_is_long(count_steps):
    with ops.lowering("buffer"):
        both_ways_forward(XS, CARRY)
    assert count_steps == [T]


def test_graph_does_not_grow_with_the_length():
    short, long = (
        traced("tensor_array", both_ways, (steps, B, U), (B, U)) for steps in (3, 60)
    )
    count = len(short.graph.as_graph_def().node)
    assert len(long.graph.as_graph_def().node) == count


@pytest.mark.parametrize(
    ("lowering", "lists", "loops"),
    [("tensor_array", True, True), ("buffer", False, True), ("unrolled", False, False)],
)
def test_lowering_says_which_operators_the_graph_holds(lowering, lists, loops):
    function = traced(lowering, lambda x, c: ops.scan(*track(x, c)), (T, B, U), (B, U))
    assert (operators(function, "TensorList") > 0) == lists
    assert (operators(function, "While") > 0) == loops


def test_lowering_ends_with_its_context():
    def holds_a_loop():
        function = traced_now(lambda x, c: ops.scan(*track(x, c)))
        return operators(function, "While") > 0

    def traced_now(function):
        return tf.function(function).get_concrete_function(
            tf.TensorSpec((T, B, U)), tf.TensorSpec((B, U))
        )

    with ops.lowering("unrolled"):
        with pytest.raises(RuntimeError), ops.lowering("buffer"):
            raise RuntimeError("inside")
        assert not holds_a_loop()
    assert holds_a_loop()


def test_unknown_lowering_lists_those_that_exist():
    with (
        pytest.raises(ValueError, match="one of .*'buffer'.* Received: name='list'"),
        ops.lowering("list"),
    ):
        pass


def test_unrolling_a_dynamic_length_says_what_to_do():
    with pytest.raises(ValueError, match="fixed image size, or use the 'buffer'"):
        traced("unrolled", both_ways, (None, B, U), (B, U))


def test_step_that_changes_the_shape_of_its_carry_is_an_error():
    def grow(carry, x):
        return (tf.concat([carry[0], x[0]], 0),), ()

    with pytest.raises(ValueError, match="both shapes must be equal"):
        tf.function(lambda x: ops.scan(grow, (x[0],), (x,)))(tf.constant(XS))


# Gradients by hand


def test_vjp_inside_a_loop_gives_the_gradient_of_each_step():
    def gradient_step(carry, x):
        (slope,) = vjp(lambda h: keras.ops.tanh(h) * x[0], carry, keras.ops.cos(x[0]))
        return (carry[0] + slope,), ()

    @tf.function(jit_compile=True)
    def run(carry, xs):
        return ops.scan(gradient_step, (carry,), (xs,))[0][0]

    h = CARRY.astype("float64")
    for x in XS:
        h = h + (1 - np.tanh(h) ** 2) * x * np.cos(x)
    np.testing.assert_allclose(run(CARRY, XS), h, atol=1e-5)


def test_vjp_of_an_argument_without_influence_is_zero():
    x, unused = tf.constant(XS), tf.constant(CARRY)
    slopes = vjp(lambda a, b: a * a, (x, unused), tf.ones_like(x))
    np.testing.assert_allclose(slopes[0], 2 * XS)
    np.testing.assert_array_equal(slopes[1], np.zeros((B, U)))


def test_values_are_concrete_outside_of_graphs_alone():
    seen = []

    def look(x):
        seen.append(concrete_value(x))
        return x

    tf.function(look)(tf.constant(XS))
    look(tf.constant(XS))
    look(XS)
    assert seen[0] is None
    for value in seen[1:]:
        np.testing.assert_array_equal(value, XS)
    assert concrete_value(None) is None
    assert concrete_value(keras.Input((3,))) is None
