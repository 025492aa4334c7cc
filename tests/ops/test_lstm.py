import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_gradients, near, random_loss
from reference.graphs import operators, operators_in_loops
from reference.lstm import lstm as reference

from tfrecvis.ops import LSTMDirection, lowering, lstm

T, B, L, C, U = 4, 2, 5, 7, 3
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7}

# Every option of a direction; the keys of each are arguments of `reference`. With one
# channel, kernels have no more rows than a step has lanes: gradients inside the loop.
OPTIONS = {
    "plain": {},
    "kernel": {"kernel": True},
    "kernel and bias": {"kernel": True, "bias": True},
    "reverse": {"reverse": True},
    "taps -1 0": {"taps": (-1, 0)},
    "taps -1 0 +1": {"taps": (-1, 0, 1)},
    "taps beyond the lanes": {"taps": (-6, 0, 7)},
    "a forget gate for each of 2 taps": {"taps": (-1, 0), "forget_gates": 2},
    "a forget gate for each of 3 taps": {"taps": (-1, 0, 1), "forget_gates": 3},
    "stable": {"taps": (-1, 0), "forget_gates": 2, "stable": True},
    "peepholes": {"peepholes": True},
    "peepholes and taps": {"peepholes": True, "taps": (-1, 0, 1)},
    "mask carries": {"mask": True},
    "mask clears": {"mask": True, "masked": "zero"},
    "everything carried": {
        "kernel": True,
        "bias": True,
        "taps": (-1, 0, 1),
        "forget_gates": 3,
        "mask": True,
        "reverse": True,
    },
    "stable and cleared": {
        "kernel": True,
        "bias": True,
        "taps": (0, 1),
        "forget_gates": 2,
        "stable": True,
        "mask": True,
        "masked": "zero",
    },
    "everything carried, one channel": {
        "kernel": True,
        "channels": 1,
        "bias": True,
        "taps": (-1, 0, 1),
        "forget_gates": 3,
        "mask": True,
        "reverse": True,
    },
    "peepholes, one channel": {
        "kernel": True,
        "channels": 1,
        "bias": True,
        "taps": (-1, 0),
        "peepholes": True,
        "mask": True,
        "masked": "zero",
    },
    "everything cleared": {
        "kernel": True,
        "bias": True,
        "taps": (-1, 0),
        "peepholes": True,
        "mask": True,
        "masked": "zero",
        "reverse": True,
    },
}


def case(options, seed=0):
    """Float64 tensors by the names of `LSTMDirection`, and the rest of `reference`'s.

    The first steps of some lanes are padded, the last ones of others, and one whole
    lane, so that a state is both kept and cleared before and after it was written.
    """
    rng = np.random.default_rng(seed)
    options = dict(options)
    gates = (3 + options.get("forget_gates", 1)) * U
    tensors = {
        "inputs": rng.normal(size=(T, B, L, gates)),
        "recurrent_kernel": rng.normal(
            size=(len(options.get("taps", (0,))) * U, gates), scale=0.5
        ),
        "h": rng.normal(size=(B, L, U)),
        "c": rng.normal(size=(B, L, U)),
    }
    channels = options.pop("channels", C)
    if options.pop("kernel", False):
        tensors["inputs"] = rng.normal(size=(T, B, L, channels))
        tensors["kernel"] = rng.normal(size=(channels, gates), scale=0.5)
    if options.pop("bias", False):
        tensors["bias"] = rng.normal(size=gates)
    if options.pop("peepholes", False):
        tensors["peepholes"] = rng.normal(size=(3, U))
    if options.pop("mask", False):
        mask = np.ones((T, B, L, 1))
        mask[:2, 0, 1] = mask[2:, 1, 3] = mask[:, 1, 0] = mask[1, 0, 4] = 0
        options["mask"] = mask
    return tensors, options


def run(tensors, options, training, name="tensor_array"):
    """One direction. On a CPU, the lowering "buffer" takes the accelerator's way: all
    directions in one loop, and the projections before it.
    """
    options = dict(options)
    mask, reverse = options.pop("mask", None), options.pop("reverse", False)
    tensors = {
        n: lanes_lead(x) if n in ("inputs", "h", "c") else x for n, x in tensors.items()
    }
    mask = None if mask is None else lanes_lead(mask)
    direction = LSTMDirection(**tensors, mask=mask, reverse=reverse)
    with lowering(name):
        (result,) = lstm([direction], **options, training=training)
    return tuple(lanes_lead(x) for x in result)


def lanes_lead(x):
    """`(.., B, L, U)` of `reference` and `(.., L, B, U)` of the engine: one another."""
    return keras.ops.swapaxes(keras.ops.convert_to_tensor(x), -3, -2)


def as_float32(tensors):
    return {k: tf.constant(v, "float32") for k, v in tensors.items()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_lstm_matches_the_numpy_loop(options, name, training):
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


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["tensor_array", "buffer"])
def test_two_directions_together_equal_each_alone(name, training):
    down, options = case({"mask": True})
    up, _ = case({}, seed=1)
    down, up = as_float32(down), as_float32(up)

    def gradients(directions):
        with tf.GradientTape() as tape:
            tape.watch((down, up))
            results = directions()
            loss = sum(random_loss(r, seed) for seed, r in enumerate(results))
        return results, tape.gradient(loss, (down, up))

    directions = [
        LSTMDirection(**down, mask=options["mask"]),
        LSTMDirection(**up, reverse=True),
    ]
    with lowering(name):
        together = gradients(lambda: lstm(directions, training=training))
    alone = gradients(
        lambda: [
            run(down, options, training),
            run(up, {"reverse": True}, training),
        ]
    )
    near(tf.nest.flatten(together), tf.nest.flatten(alone))


@pytest.mark.parametrize("output", range(3), ids=["h", "last_h", "last_c"])
def test_gradient_of_one_output_alone_matches_automatic_differentiation(output):
    tensors, options = case({"taps": (-1, 0), "peepholes": True, "mask": True})
    check_gradients(
        tensors,
        hand_written=lambda t: run(t, options, training=True)[output : output + 1],
        automatic=lambda t: run(t, options, training=False)[output : output + 1],
        reference=lambda t: reference(**t, **options)[output : output + 1],
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_lstm_equals_keras_lstm(reverse, masked):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(B, T, C)).astype("float32")
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool) if masked else None
    layer = keras.layers.LSTM(
        U, return_sequences=True, return_state=True, go_backwards=reverse
    )
    layer.build(x.shape)
    kernel, recurrent_kernel, bias = weights = [
        rng.normal(size=w.shape).astype("float32") for w in layer.weights
    ]
    layer.set_weights(weights)
    h, c = (rng.normal(size=(B, U)).astype("float32") for _ in range(2))
    expected, *states = layer(x, initial_state=[h, c], mask=mask)
    expected = np.asarray(expected)[:, ::-1] if reverse else expected
    if masked:
        mask = np.transpose(mask)[..., None]
    direction = LSTMDirection(
        inputs=tf.constant(np.swapaxes(x, 0, 1)),
        recurrent_kernel=recurrent_kernel,
        h=h,
        c=c,
        kernel=kernel,
        bias=bias,
        mask=mask,
        reverse=reverse,
    )
    got, *last = lstm([direction], training=True)[0]
    if masked:  # Keras outputs zeros until the first real step, ours the first state
        seen = np.cumsum(mask[::-1] if reverse else mask, 0)
        seen = (seen[::-1] if reverse else seen).swapaxes(0, 1) > 0
        got, expected = np.swapaxes(got, 0, 1) * seen, expected * seen
    else:
        got = np.swapaxes(got, 0, 1)
    near((got, *last), (expected, *states))


@pytest.mark.parametrize(
    "jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_traced_gradients_equal_eager_ones_at_every_size(jit_compile):
    tensors, options = case(OPTIONS["everything carried"])
    mask = options.pop("mask")

    def gradients(tensors, mask):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            outputs = run(tensors, {**options, "mask": mask}, training=True)
            loss = tf.add_n([tf.reduce_sum(tf.sin(o)) for o in outputs])
        return outputs, tape.gradient(loss, tensors)

    dynamic = {
        name: tf.TensorSpec([None] * (len(x.shape) - 1) + [x.shape[-1]])
        if name in ("inputs", "h", "c")
        else tf.TensorSpec(x.shape)
        for name, x in tensors.items()
    }
    graph = tf.function(
        gradients,
        input_signature=[dynamic, tf.TensorSpec((None, None, None, 1))],
        jit_compile=jit_compile,
    )
    for steps, batch, lanes in ((T, B, L),) if jit_compile else ((T, B, L), (1, 1, 2)):
        cut = {
            **as_float32(tensors),
            "inputs": tf.constant(tensors["inputs"][:steps, :batch, :lanes], "float32"),
            **{
                k: tf.constant(tensors[k][:batch, :lanes], "float32")
                for k in ("h", "c")
            },
        }
        real = tf.constant(mask[:steps, :batch, :lanes], "float32")
        near(tf.nest.flatten(graph(cut, real)), tf.nest.flatten(gradients(cut, real)))


@pytest.mark.parametrize("name", ["tensor_array", "buffer", "unrolled"])
def test_every_lowering_matches_the_numpy_loop_in_a_graph(name):
    tensors, options = case(OPTIONS["everything cleared"])
    with lowering(name):
        graph = tf.function(lambda t: run(t, options, training=False))
        got = graph(as_float32(tensors))
    near(got, reference(**tensors, **options))


@pytest.mark.parametrize(
    ("name", "options", "products", "in_loops"),
    [
        # Forward one per step. Back: of what a step read, and the kernels' gradient.
        ("tensor_array", "everything carried, one channel", 3, 3),
        # Kernels larger than a step's rows: three gradients after the loop.
        ("tensor_array", "everything carried", 5, 2),
        # As on an accelerator: the inputs before the loop, three gradients after it.
        ("buffer", "everything carried, one channel", 6, 2),
    ],
)
def test_products_of_a_training_step(name, options, products, in_loops):
    tensors, options = case(OPTIONS[options])

    def gradients(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = random_loss(run(tensors, options, training=True, name=name))
        return tape.gradient(loss, tensors)

    graph = tf.function(gradients).get_concrete_function(as_float32(tensors))
    assert operators(graph, "MatMul") == products
    assert operators_in_loops(graph, "MatMul") == in_loops
    # What products read is joined, and nothing that is kept: XLA would compute the
    # gates once per gate, and read them back without vector instructions.
    assert operators_in_loops(graph, "ConcatV2") == in_loops


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_the_cell_state_in_float32(dtype, training):
    tensors, options = case({"taps": (-1, 0), "mask": True})
    half = {name: tf.cast(x, dtype) for name, x in tensors.items()}
    h, last_h, last_c = run(half, options, training)
    assert (h.dtype, last_h.dtype, last_c.dtype) == (dtype, dtype, "float32")
    # A gate's sum has magnitude up to 8 and one rounding; four steps pass it on.
    tolerance = 8 * T * EPSILON[dtype]
    near((h, last_h, last_c), reference(**tensors, **options), atol=tolerance)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_gradients_stay_near_those_of_float32(dtype):
    tensors, options = case({"peepholes": True, "mask": True})

    def gradients(tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = random_loss(run(tensors, options, training=True))
        return tape.gradient(loss, tensors)

    half = gradients({name: tf.cast(x, dtype) for name, x in tensors.items()})
    full = gradients(as_float32(tensors))
    for name, gradient in half.items():
        assert gradient.dtype == dtype
        # Gates, states and their gradients are each rounded once per step; sums over
        # T * B * L steps gain as many roundings, so compare with the largest entry.
        scale = float(tf.reduce_max(tf.abs(full[name])))
        near([gradient], [full[name]], atol=16 * EPSILON[dtype] * scale)


def test_small_cell_updates_are_not_lost_in_half_precision():
    # 256 + 0.5 is 256 in bfloat16: a cell state kept there would never move.
    inputs = np.zeros((8, 1, 4), "float32")
    inputs[..., 1], inputs[..., 2] = 40, np.arctanh(0.5)  # f = 1, i = 1/2, g = 1/2
    inputs[..., 0] = 40  # i = 1
    _, _, c = lstm(
        [
            LSTMDirection(
                tf.cast(inputs, "bfloat16"),
                tf.zeros((1, 4)),
                tf.zeros((1, 1)),
                tf.fill((1, 1), 256.0),
            )
        ]
    )[0]
    np.testing.assert_allclose(c, [[260.0]], atol=0.05)


def test_boolean_mask_is_a_mask_of_ones_and_zeros():
    tensors, options = case({"mask": True})
    boolean = {**options, "mask": options["mask"] > 0}
    near(
        run(as_float32(tensors), boolean, True), run(as_float32(tensors), options, True)
    )


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"masked": "keep"}, {}, "one of 'carry', 'zero'. Received: masked='keep'"),
        ({"taps": (-1, 0, 1), "forget_gates": 2}, {}, "1, or one per tap"),
        ({"taps": (-1, 0), "stable": True}, {}, "memories of two taps"),
        ({"taps": (-1, 0)}, {}, r"gates\), here \(6, 12\)"),
        ({}, {"inputs": np.zeros((T, B, L, 11))}, "4 gates of 3 units"),
        ({}, {"recurrent_kernel": np.zeros((4, 12))}, r"Received: .*\(4, 12\)"),
        (
            {},
            {"kernel": np.zeros((C, 12))},
            r"`kernel` must have the shape .* here \(12, 12\)",
        ),
        ({}, {"bias": np.zeros(12)}, "`bias` needs a `kernel`"),
        (
            {"taps": (-1, 0), "forget_gates": 2},
            {
                "inputs": np.zeros((T, B, L, 15)),
                "recurrent_kernel": np.zeros((6, 15)),
                "peepholes": np.zeros((3, U)),
            },
            "one forget gate only",
        ),
    ],
)
def test_bad_input_says_what_is_expected(options, changes, message):
    tensors, _ = case({})
    with pytest.raises(ValueError, match=message):
        run({**tensors, **changes}, options, training=False)
