import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_gradients, near, random_loss
from reference.graphs import operators, operators_in_loops
from reference.gru import gru as reference

from tfrecvis.ops import GRUDirection, gru, lowering

T, B, C, U = 5, 2, 7, 3
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7}

# Every option of a direction; the keys of each are arguments of `reference`.
OPTIONS = {
    "plain": {},
    "recurrent bias": {"recurrent_bias": True},
    "reset before": {"reset_after": False},
    "reverse": {"reverse": True},
    "mask": {"mask": True},
    "everything": {
        "kernel": True,
        "bias": True,
        "recurrent_bias": True,
        "mask": True,
        "reverse": True,
    },
    "everything, reset before": {
        "kernel": True,
        "bias": True,
        "mask": True,
        "reverse": True,
        "reset_after": False,
    },
}


def case(options, seed=0):
    """Float64 tensors by the names of `GRUDirection`, and the rest of `reference`'s."""
    rng = np.random.default_rng(seed)
    options = dict(options)
    tensors = {
        "inputs": rng.normal(size=(T, B, 3 * U)),
        "recurrent_kernel": rng.normal(size=(U, 3 * U), scale=0.7),
        "h": rng.normal(size=(B, U)),
    }
    if options.pop("kernel", False):
        tensors["inputs"] = rng.normal(size=(T, B, C))
        tensors["kernel"] = rng.normal(size=(C, 3 * U), scale=0.5)
    for name in ("bias", "recurrent_bias"):
        if options.pop(name, False):
            tensors[name] = rng.normal(size=3 * U)
    if options.pop("mask", False):
        mask = np.ones((T, B, 1))
        mask[:2, 0] = mask[3, 0] = mask[2:, 1] = 0
        options["mask"] = mask
    return tensors, options


def run(tensors, options, training, name="tensor_array"):
    """One direction. On a CPU, the lowering "buffer" takes the accelerator's way: all
    directions in one loop, and the projections before it.
    """
    options = dict(options)
    direction = GRUDirection(
        **tensors, mask=options.pop("mask", None), reverse=options.pop("reverse", False)
    )
    with lowering(name):
        return gru([direction], **options, training=training)[0]


def as_float32(tensors):
    return {k: tf.constant(v, "float32") for k, v in tensors.items()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gru_matches_the_numpy_loop(options, name, training):
    tensors, options = case(options)
    got = run(as_float32(tensors), options, training, name)
    near(got, reference(**tensors, **options))


@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_match_automatic_and_finite_differences(options, name):
    tensors, options = case(options)
    check_gradients(
        tensors,
        hand_written=lambda t: run(t, options, training=True, name=name),
        automatic=lambda t: run(t, options, training=False),
        reference=lambda t: reference(**t, **options),
    )


@pytest.mark.parametrize("output", range(2), ids=["h", "last_h"])
def test_gradient_of_one_output_alone_matches_automatic_differentiation(output):
    tensors, options = case({"recurrent_bias": True, "mask": True})
    check_gradients(
        tensors,
        hand_written=lambda t: run(t, options, training=True)[output : output + 1],
        automatic=lambda t: run(t, options, training=False)[output : output + 1],
        reference=lambda t: reference(**t, **options)[output : output + 1],
    )


@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
def test_two_directions_together_equal_each_alone(name):
    down, options = case({"mask": True})
    up, _ = case({"recurrent_bias": True}, seed=1)
    down, up = as_float32(down), as_float32(up)

    def gradients(results):
        with tf.GradientTape() as tape:
            tape.watch((down, up))
            outputs = results()
            loss = sum(random_loss(r, seed) for seed, r in enumerate(outputs))
        return outputs, tape.gradient(loss, (down, up))

    directions = [
        GRUDirection(**down, mask=options["mask"]),
        GRUDirection(**up, reverse=True),
    ]
    with lowering(name):
        together = gradients(lambda: gru(directions, training=True))
    alone = gradients(
        lambda: [run(down, options, True), run(up, {"reverse": True}, True)]
    )
    near(tf.nest.flatten(together), tf.nest.flatten(alone))


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_kernel_gradients_are_inside_the_loop_where_a_step_has_many_rows(
    many, reset_after
):
    batch = 20 if many else 2
    options = {"reset_after": reset_after}
    tensors = as_float32(case({"kernel": True, "bias": True})[0])
    tensors |= {"inputs": tf.ones((T, batch, C)), "h": tf.ones((batch, U))}

    def gradients(tensors, training=True):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = random_loss(run(tensors, options, training))
        return tape.gradient(loss, tensors)

    traced = tf.function(lambda t: gradients(t))
    graph = traced.get_concrete_function(tensors)
    products = 6 if reset_after else 9
    assert operators(graph, "MatMul") == products
    outside = 0 if many else 3 if reset_after else 4
    assert operators_in_loops(graph, "MatMul") == products - outside
    expected = gradients(tensors, training=False)
    near(tf.nest.flatten(traced(tensors)), tf.nest.flatten(expected), atol=2e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_gru_equals_keras_gru(reverse, reset_after, masked):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(B, T, C)).astype("float32")
    # Every sequence begins and ends with a real step: before the first one, Keras
    # outputs zeros and ours the initial state.
    mask = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 1, 1]], bool) if masked else None
    layer = keras.layers.GRU(
        U,
        return_sequences=True,
        return_state=True,
        go_backwards=reverse,
        reset_after=reset_after,
    )
    layer.build(x.shape)
    weights = [rng.normal(size=w.shape).astype("float32") for w in layer.weights]
    layer.set_weights(weights)
    kernel, recurrent_kernel, bias = weights
    bias, recurrent_bias = bias if reset_after else (bias, None)
    h = rng.normal(size=(B, U)).astype("float32")
    expected, state = layer(x, initial_state=h, mask=mask)
    expected = np.asarray(expected)[:, ::-1] if reverse else expected
    direction = GRUDirection(
        inputs=tf.constant(np.swapaxes(x, 0, 1)),
        recurrent_kernel=recurrent_kernel,
        h=h,
        kernel=kernel,
        bias=bias,
        recurrent_bias=recurrent_bias,
        mask=np.transpose(mask)[..., None] if masked else None,
        reverse=reverse,
    )
    got, last = gru([direction], reset_after=reset_after, training=True)[0]
    near((np.swapaxes(got, 0, 1), last), (expected, state))


def test_cho_and_keras_differ_only_in_the_sign_of_the_update_gate():
    # Cho et al. write h = (1 - z) * h + z * n: negating x_z and R_z turns z into 1 - z.
    tensors, _ = case({"reset_after": False})
    flipped = {name: x.copy() for name, x in tensors.items()}
    flipped["inputs"][..., :U] *= -1
    flipped["recurrent_kernel"][:, :U] *= -1
    got = run(as_float32(flipped), {"reset_after": False}, training=False)[0]
    h = tensors["h"]
    for t in range(T):
        gates = tensors["inputs"][t]
        products = h @ tensors["recurrent_kernel"]
        z, r = (
            1 / (1 + np.exp(-gates[:, k : k + U] - products[:, k : k + U]))
            for k in (0, U)
        )
        n = (r * h) @ tensors["recurrent_kernel"][:, 2 * U :]
        h = (1 - z) * h + z * np.tanh(gates[:, 2 * U :] + n)
        np.testing.assert_allclose(got[t], h, atol=1e-5)


@pytest.mark.parametrize(
    ("reset_after", "jit_compile"), [(False, False), (True, False), (True, True)]
)
def test_traced_gradients_equal_eager_ones_at_every_size(reset_after, jit_compile):
    name = "everything" if reset_after else "everything, reset before"
    tensors, options = case(OPTIONS[name])
    mask = options.pop("mask")

    def gradients(tensors, mask):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = run(tensors, {**options, "mask": mask}, training=True)
            loss = tf.add_n([tf.reduce_sum(tf.sin(o)) for o in outputs])
        return outputs, tape.gradient(loss, tensors)

    dynamic = {name: tf.TensorSpec(x.shape) for name, x in tensors.items()}
    dynamic["inputs"] = tf.TensorSpec((None, None, C))
    dynamic["h"] = tf.TensorSpec((None, U))
    graph = tf.function(
        gradients,
        input_signature=[dynamic, tf.TensorSpec((None, None, 1))],
        jit_compile=jit_compile,
    )
    for steps, batch in ((T, B),) if jit_compile else ((T, B), (1, 1)):
        cut = as_float32(tensors)
        cut["inputs"], cut["h"] = cut["inputs"][:steps, :batch], cut["h"][:batch]
        real = tf.constant(mask[-steps:, :batch], "float32")
        near(tf.nest.flatten(graph(cut, real)), tf.nest.flatten(gradients(cut, real)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("reset_after", [False, True])
def test_half_precision_stays_near_float32(reset_after, dtype):
    tensors, options = case({"mask": True, "reset_after": reset_after})

    def gradients(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = run(tensors, options, training=True)
            loss = random_loss(outputs)
        return outputs, tape.gradient(loss, tensors)

    outputs, half = gradients({name: tf.cast(x, dtype) for name, x in tensors.items()})
    assert {o.dtype.name for o in outputs} == {dtype}
    # A gate's sum has magnitude up to 8 and one rounding; five steps pass it on.
    near(outputs, reference(**tensors, **options), atol=8 * T * EPSILON[dtype])
    full = gradients(as_float32(tensors))[1]
    for name, gradient in half.items():
        assert gradient.dtype == dtype
        # Gates, states and their gradients are each rounded once per step; sums over
        # T * B steps gain as many roundings, so compare with the largest entry.
        scale = float(tf.reduce_max(tf.abs(full[name])))
        near([gradient], [full[name]], atol=16 * EPSILON[dtype] * scale)


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({}, {"inputs": np.zeros((T, B, 8))}, "3 gates of 3 units"),
        ({}, {"recurrent_kernel": np.zeros((4, 9))}, r"gates\), here \(3, 9\)"),
        (
            {},
            {"kernel": np.zeros((C, 9))},
            r"`kernel` must have the shape .* here \(9, 9\)",
        ),
        ({}, {"bias": np.zeros(9)}, "`bias` needs a `kernel`"),
        (
            {"reset_after": False},
            {"recurrent_bias": np.zeros(9)},
            "needs reset_after=True",
        ),
    ],
)
def test_bad_input_says_what_is_expected(options, changes, message):
    tensors, _ = case({})
    with pytest.raises(ValueError, match=message):
        run({**tensors, **changes}, options, training=False)
