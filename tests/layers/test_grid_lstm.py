import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_gradients
from reference.grid_lstm import grid_lstm as reference

from tfrecvis.layers import GridLSTM

B, F, U = 2, 4, 3
GRIDS = {0: (), 1: (5,), 2: (5, 4), 3: (3, 4, 2)}
OPTIONS = {
    "all_lstm": {},
    "untied": {"tied": False},
    "depth_last": {"priority": (-1,), "tied": False},
    "depth_without_memory": {"transforms": "relu", "peepholes": True},
    "standard_output": {"output_gate": "outside"},
    "peepholes": {"peepholes": True},
    "untied_peepholes": {"peepholes": True, "tied": False},
}


def grids(rank, seed=0):
    shape = (B, *GRIDS[rank], F)
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(rank, *arguments, seed=1, **options):
    """A layer whose weights are all random: biases and peepholes too."""
    if options.get("transforms") == "relu":
        options["transforms"] = (*["lstm"] * rank, "relu")
    layer = GridLSTM(U, *arguments, **options)
    layer.build((None, *(None,) * rank, F))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, inputs, **options):
    outputs = layer(inputs, **options)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def by_hand(layer, inputs, weights=None, initial_state=None, mask=None):
    """Outputs and final state of the NumPy loop."""
    weights = weights or {w.name: w.numpy().astype("float64") for w in layer.weights}
    names = [*(f"axis_{k}" for k in range(inputs.ndim - 2)), "depth"]

    def per_layer(kind):
        found = [weights.get(f"{name}_{kind}") for name in names]
        return [
            [x if x is None or layer.tied else x[k] for x in found]
            for k in range(layer.depth)
        ]

    results = [
        reference(
            inputs[b],
            weights["kernel"],
            weights["bias"],
            per_layer("kernel"),
            per_layer("bias"),
            layer.depth,
            layer.transforms or ("lstm",) * len(names),
            per_layer("peepholes"),
            layer.priority,
            layer.output_gate,
            layer.reverse,
            None if initial_state is None else [s[b] for s in initial_state],
            None if mask is None else mask[b],
        )
        for b in range(len(inputs))
    ]
    outputs, states = zip(*results, strict=True)
    return np.stack(outputs), [np.stack(s) for s in zip(*states, strict=True)]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("rank", GRIDS)
def test_grid_lstm_matches_the_numpy_loop(rank, options):
    if rank == 0:  # one dimension has no order
        options = {name: x for name, x in options.items() if name != "priority"}
    for depth in (1, 3):
        layer, inputs = built(rank, depth, **options), grids(rank)
        expected, _ = by_hand(layer, inputs)
        np.testing.assert_allclose(call(layer, inputs), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("transforms", "priority"),
    [
        (("relu", "lstm", "lstm"), (0,)),
        (("lstm", "tanh", "identity"), (-1, 0)),
        (("tanh", "relu", "identity"), (1,)),
        (("lstm", "lstm", "lstm"), (0, 1)),
    ],
)
def test_mixed_dimensions_match_the_numpy_loop(transforms, priority):
    layer = built(2, 2, transforms=transforms, priority=priority, tied=False)
    expected, _ = by_hand(layer, grids(2))
    np.testing.assert_allclose(call(layer, grids(2)), expected, atol=1e-5)


@pytest.mark.parametrize("reverse", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("transforms", [("lstm",) * 3, ("relu", "lstm", "lstm")])
def test_states_and_masks_match_the_numpy_loop(transforms, reverse):
    layer = built(2, 3, transforms=transforms, reverse=reverse, return_state=True)
    inputs, rng = grids(2), np.random.default_rng(3)
    mask = rng.random(inputs.shape[:-1]) < 0.6
    count = 2 if transforms[0] == "lstm" else 1
    state = [rng.normal(size=(B, 4, 3, U)).astype("float32") for _ in range(count)]
    expected, last = by_hand(layer, inputs, initial_state=state, mask=mask)
    y, *got = call(layer, inputs, mask=mask, initial_state=state)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert len(got) == len(last) == count
    for a, b in zip(got, last, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_two_lstm_of_one_layer_is_what_the_paper_writes():
    layer = built(1, 1)
    w = {x.name: x.numpy().astype("float64") for x in layer.weights}
    inputs = grids(1)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for x, y in zip(inputs, call(layer, inputs), strict=True):
        h_time, m_time = np.zeros(U), np.zeros(U)
        for t in range(len(x)):
            h_depth, m_depth = np.split(x[t] @ w["kernel"] + w["bias"], 2)
            joined = np.concatenate([h_time, h_depth])
            u, f, c, o = np.split(joined @ w["axis_0_kernel"] + w["axis_0_bias"], 4)
            m_time = sigmoid(f) * m_time + sigmoid(u) * np.tanh(c)
            h_time = np.tanh(sigmoid(o) * m_time)
            u, f, c, o = np.split(joined @ w["depth_kernel"] + w["depth_bias"], 4)
            m_depth = sigmoid(f) * m_depth + sigmoid(u) * np.tanh(c)
            np.testing.assert_allclose(y[t], np.tanh(sigmoid(o) * m_depth), atol=1e-5)


def test_depth_without_memory_in_priority_gives_keras_lstm_along_time():
    """The depth passes on h'_time, which is what `keras.layers.LSTM` outputs."""
    layer = built(
        1, 1, transforms=("lstm", "identity"), priority=(-1,), output_gate="outside"
    )
    layer.kernel.assign(np.eye(F, U))
    layer.bias.assign(np.zeros(U))
    layer.kernels[1].assign(np.concatenate([np.eye(U), np.zeros((U, U))]))
    layer.biases[1].assign(np.zeros(U))
    recurrent, kernel = np.split(layer.kernels[0].numpy(), 2)
    theirs = keras.layers.LSTM(U, return_sequences=True)
    theirs.build((None, None, U))
    theirs.set_weights([kernel, recurrent, layer.biases[0].numpy()])
    inputs = grids(1)
    np.testing.assert_allclose(
        call(layer, inputs), call(theirs, inputs[..., :U]), atol=1e-5
    )


# Gradients


@pytest.mark.parametrize(
    ("rank", "options"),
    [
        (0, {"tied": False, "peepholes": True}),
        (1, {"tied": False, "peepholes": True, "priority": (-1,)}),
        (2, {"transforms": ("lstm", "lstm", "tanh"), "reverse": (1,)}),
    ],
)
def test_gradients_match_finite_differences(rank, options):
    layer, inputs = built(rank, 2, **options), grids(rank)
    mask = np.random.default_rng(5).random(inputs.shape[:-1]) < 0.8 if rank else None
    names = [w.name for w in layer.weights]
    tensors = {w.name: w.numpy().astype("float64") for w in layer.weights}

    def ours(values):
        given = [values[name] for name in names]
        return [layer.stateless_call(given, [], values["inputs"], mask=mask)[0]]

    check_gradients(
        {**tensors, "inputs": inputs.astype("float64")},
        ours,
        tf.function(ours),
        lambda values: [by_hand(layer, values["inputs"], values, mask=mask)[0]],
    )


@pytest.mark.parametrize("rank", [1, 2])
def test_output_sees_no_position_after_its_own(rank):
    layer, inputs = built(rank, 3), tf.constant(grids(rank))
    place = tuple(n // 2 for n in GRIDS[rank])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs)[(slice(None), *place)]
    seen = np.abs(tape.gradient(y, inputs)).sum((0, -1)) > 0
    expected = np.zeros(GRIDS[rank], bool)
    expected[tuple(slice(None, p + 1) for p in place)] = True
    np.testing.assert_array_equal(seen, expected)


# Properties


@pytest.mark.parametrize("rank", GRIDS)
@pytest.mark.parametrize("peepholes", [False, True])
def test_parameters_are_counted_by_formula(rank, peepholes):
    n, depth = rank + 1, 5
    entry = F * 2 * U + 2 * U
    block = n * (n * U * 4 * U + 4 * U + (3 * U if peepholes else 0))
    tied = built(rank, depth, peepholes=peepholes)
    untied = built(rank, depth, peepholes=peepholes, tied=False)
    assert tied.count_params() == entry + block
    assert untied.count_params() == entry + depth * block


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_untied_layers_of_equal_weights_are_tied(rank):
    tied, untied = built(rank, 3), built(rank, 3, tied=False)
    for ours, theirs in zip(untied.weights, tied.weights, strict=True):
        ours.assign(np.broadcast_to(theirs.numpy(), ours.shape))
    np.testing.assert_allclose(
        call(untied, grids(rank)), call(tied, grids(rank)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("rank", "reverse"), [(1, (0,)), (2, (0,)), (2, (1,)), (2, (0, 1)), (3, (1, 2))]
)
def test_reversing_is_flip_run_flip(rank, reverse):
    axes = [1 + k for k in reverse]
    backward, forward = built(rank, 2, reverse=reverse), built(rank, 2)
    expected = np.flip(call(forward, np.flip(grids(rank), axes)), axes)
    np.testing.assert_allclose(call(backward, grids(rank)), expected, atol=1e-6)


def test_transposing_the_image_swaps_its_two_axes():
    layer, swapped = built(2, 2), built(2, 2)
    weights = {w.name: w.numpy() for w in layer.weights}
    for weight in swapped.weights:
        name = {"0": "1", "1": "0"}
        value = weights[weight.name]
        if weight.name.startswith("axis"):
            value = weights[f"axis_{name[weight.name[5]]}{weight.name[6:]}"]
        if weight.name.endswith("_kernel"):
            a, b, c = np.split(value, 3)  # rows read the first, the second axis, depth
            value = np.concatenate([b, a, c])
        weight.assign(value)
    turned = call(swapped, grids(2).transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(turned, call(layer, grids(2)), atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
@pytest.mark.parametrize("reverse", [(), (0,), (0, 1)])
@pytest.mark.parametrize("tied", [True, False])
def test_padded_image_gives_what_the_image_alone_gives(padding, reverse, tied):
    layer = built(2, 3, reverse=reverse, tied=tied, return_state=True)
    inputs, sizes = grids(2), [(2, 4), (3, 3)]
    mask = np.zeros(inputs.shape[:-1], bool)
    for real, (height, width) in zip(mask, sizes, strict=True):
        real[:height, :width] = True
    padded = np.where(mask[..., None], inputs, np.float32(padding))
    y, *state = call(layer, padded, mask=mask)
    assert (y[~mask] == 0).all()
    for b, (height, width) in enumerate(sizes):
        alone, *last = call(layer, inputs[b : b + 1, :height, :width])
        np.testing.assert_allclose(y[b, :height, :width], alone[0], atol=1e-5)
        for got, expected in zip(state, last, strict=True):
            np.testing.assert_allclose(got[b, :width], expected[0], atol=1e-5)


def test_masked_gradients_are_finite_and_zero_at_padding():
    layer, inputs = built(1, 2), grids(1)
    mask = np.arange(5)[None] < np.array([[3], [4]])
    x = tf.constant(np.where(mask[..., None], inputs, np.float32(np.nan)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(tf.sin(layer(x, mask=mask)))
    gradients = tape.gradient(loss, [x, *(w.value for w in layer.weights)])
    assert all(np.isfinite(g).all() for g in gradients)
    assert (gradients[0].numpy()[~mask] == 0).all()


def test_masked_vector_gives_zeros_without_a_grid():
    layer, inputs = built(0, 2), grids(0)
    y = call(layer, inputs, mask=np.array([True, False]))
    np.testing.assert_allclose(y[0], call(layer, inputs)[0], atol=1e-6)
    assert (y[1] == 0).all()


@pytest.mark.parametrize("with_state", [False, True])
def test_mask_of_an_embedding_reaches_the_layer_and_the_next(with_state):
    tokens = np.array([[3, 1, 2, 0, 0], [2, 3, 1, 1, 0]])
    embedding = keras.layers.Embedding(4, F, mask_zero=True)
    layer = built(1, 2)
    state = [np.ones((B, 2, U), "float32")] * 2
    options = {"initial_state": state} if with_state else {}
    y = layer(embedding(tokens), **options)
    values = keras.ops.convert_to_numpy(embedding(tokens))
    expected = call(layer, values, mask=tokens != 0, **options)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    np.testing.assert_array_equal(y._keras_mask, tokens != 0)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("tied", [True, False])
def test_state_carries_a_grid_on_from_where_it_ended(rank, tied):
    layer, inputs = built(rank, 3, tied=tied, return_state=True), grids(rank)
    whole, *last = call(layer, inputs)
    first, *state = call(layer, inputs[:, :2])
    second, *end = call(layer, inputs[:, 2:], initial_state=state)
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-5)
    for a, b in zip(end, last, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("rank", "steps"), [(0, 3), (1, 5 + 3 - 1), (2, 5 + 4 + 3 - 2), (3, 3 + 4 + 2)]
)
@pytest.mark.parametrize("tied", [True, False])
def test_steps_are_those_of_one_wavefront(rank, steps, tied, count_steps):
    call(built(rank, 3, tied=tied), grids(rank))
    assert count_steps == [steps]


# The sweep compiles its gradients; a traced step of any size is fast for ReNet.
@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_step_of_any_image_size_equals_the_eager_one(jit_compile):
    layer = built(2, 2, tied=False, peepholes=True, priority=(-1,))

    def step(images, mask):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(images, mask=mask)))
        return loss, tape.gradient(loss, [w.value for w in layer.weights])

    graph = tf.function(
        step,
        input_signature=[
            tf.TensorSpec((None, None, None, F)),
            tf.TensorSpec((None, None, None), "bool"),
        ],
        jit_compile=jit_compile,
    )
    for batch, height, width in ((B, 5, 4),) if jit_compile else ((B, 5, 4), (1, 3, 2)):
        images = tf.constant(grids(2)[:batch, :height, :width])
        mask = tf.constant(np.random.default_rng(1).random(images.shape[:-1]) < 0.7)
        got, expected = (tf.nest.flatten(f(images, mask)) for f in (graph, step))
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-5)


def test_symbolic_state_works_in_the_functional_api():
    sequences, h, m = (keras.Input(shape) for shape in [(None, F), (2, U), (2, U)])
    layer = built(1, 2, return_state=True)
    outputs = layer(sequences, initial_state=[h, m])
    assert [y.shape for y in outputs] == [(None, None, U), (None, 2, U), (None, 2, U)]
    state = [np.ones((B, 2, U), "float32")] * 2
    got = keras.Model([sequences, h, m], outputs)([grids(1), *state])
    expected = call(layer, grids(1), initial_state=state)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("tied", [True, False])
def test_weights_start_as_those_of_one_layer(tied):
    layer = GridLSTM(16, depth=3, tied=tied)
    layer.build((None, None, F))
    for kernel, bias in zip(layer.kernels, layer.biases, strict=True):
        gates = bias.numpy().reshape(-1, 4, 16)
        np.testing.assert_array_equal(gates[:, 1], 1)
        np.testing.assert_array_equal(gates[:, [0, 2, 3]], 0)
        limit = np.sqrt(6 / (2 * 16 + 4 * 16))
        draws = kernel.numpy().reshape(-1, 32, 64)
        assert len(draws) == (1 if tied else 3)
        assert 0.9 * limit < np.abs(draws).max((1, 2)).min() <= limit
        if not tied:
            assert np.abs(draws[0] - draws[1]).max() > 0.1


def test_memories_of_half_precision_layers_stay_in_float32():
    """A memory of 600 grows by less than float16 can hold beside it."""
    layer = built(1, 1, transforms=("lstm", "lstm"), return_state=True, dtype="float16")
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))
    gates = np.repeat([100.0, 100.0, 0.1, 0.0], U)  # i, f open; g = tanh(0.1)
    layer.biases[0].assign(gates)
    steps = 100
    state = [np.zeros((1, 1, U), "float16"), np.full((1, 1, U), 600, "float16")]
    inputs = np.zeros((1, steps, F), "float16")
    _, _, m = call(layer, inputs, initial_state=state)
    assert m.dtype == "float16"
    np.testing.assert_allclose(m, 600 + steps * np.tanh(0.1), rtol=1e-3)
