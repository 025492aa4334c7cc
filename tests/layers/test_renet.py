import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.graphs import operators
from reference.renet import renet as reference

from tfrecvis.layers import ReNet
from tfrecvis.ops import lowering

B, H, W, C, U = 2, 4, 6, 3, 5
CELLS = ("lstm", "gru")
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")


def built(*arguments, seed=1, shape=(None, None, None, C), **options):
    """A layer whose weights are all random: biases and initial states too."""
    layer = ReNet(*arguments, **options)
    layer.build(shape)
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def by_hand(layer, images=IMAGES, mask=None):
    def directions(weights):
        values = {k: np.asarray(w, "float64") for k, w in weights.items()}
        zeros = np.zeros((2, 2 if layer.cell == "lstm" else 1, layer.units))
        state = values.get("initial_state", zeros)
        names = ("kernel", "recurrent_kernel", "bias")
        return [(tuple(values[n][k] for n in names), state[k]) for k in range(2)]

    passes = directions(layer.vertical), directions(layer.horizontal)
    return reference(layer.cell, images, *passes, layer.patch_size, mask)


def corner_mask(sizes, images=IMAGES):
    """Real pixels at the top left of each image, of the given (height, width)."""
    mask = np.zeros(images.shape[:3], bool)
    for real, (height, width) in zip(mask, sizes, strict=True):
        real[:height, :width] = True
    return mask


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("learn_initial_state", [False, True])
@pytest.mark.parametrize("patch_size", [1, 2, (3, 4)])
@pytest.mark.parametrize("cell", CELLS)
def test_renet_matches_the_numpy_loop(cell, patch_size, learn_initial_state, training):
    layer = built(
        U, cell, patch_size, learn_initial_state=learn_initial_state, shape=IMAGES.shape
    )
    y = call(layer, training=training)
    np.testing.assert_allclose(y, by_hand(layer), atol=1e-5)


@pytest.mark.parametrize("patch_size", [1, (3, 4)])
@pytest.mark.parametrize("cell", CELLS)
def test_masked_renet_matches_the_numpy_loop(cell, patch_size):
    layer = built(U, cell, patch_size, learn_initial_state=True)
    mask = np.random.default_rng(3).random((B, H, W)) < 0.4
    y = call(layer, mask=mask, training=True)
    np.testing.assert_allclose(y, by_hand(layer, mask=mask), atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_renet_equals_four_keras_sweeps(cell):
    layer = built(U, cell)
    recurrent = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]

    def sweep(sequences, weights):
        outputs = []
        for k in range(2):
            theirs = recurrent(U, return_sequences=True, go_backwards=k == 1)
            theirs.build(sequences.shape)
            names = ("kernel", "recurrent_kernel", "bias")
            theirs.set_weights([np.asarray(weights[name])[k] for name in names])
            y = keras.ops.convert_to_numpy(theirs(sequences))
            outputs.append(y[:, ::-1] if k else y)
        return np.concatenate(outputs, -1)

    columns = IMAGES.transpose(0, 2, 1, 3).reshape(B * W, H, C)
    v = sweep(columns, layer.vertical).reshape(B, W, H, 2 * U)
    rows = v.transpose(0, 2, 1, 3).reshape(B * H, W, 2 * U)
    expected = sweep(rows, layer.horizontal).reshape(B, H, W, 2 * U)
    np.testing.assert_allclose(call(layer), expected, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_hand_written_gradients_match_automatic_ones(cell):
    layer = built(U, cell, 2, learn_initial_state=True)
    mask = corner_mask([(3, 5), (4, 6)])
    found = []
    for training in (True, False):
        x = tf.constant(IMAGES)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, mask=mask, training=training)))
        found.append(tape.gradient(loss, [x, *(w.value for w in layer.weights)]))
    for written, automatic in zip(*found, strict=True):
        assert np.abs(written).max() > 0
        np.testing.assert_allclose(written, automatic, atol=2e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_to_the_image_matches_finite_differences(cell):
    layer = built(U, cell)
    weights = np.random.default_rng(4).normal(size=(B, H, W, 2 * U))
    x = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=True) * weights)
    gradient = tape.gradient(loss, x).numpy()
    for place in ((0, 0, 0, 0), (1, 2, 3, 1), (1, H - 1, W - 1, 2)):
        losses = []
        for step in (1e-5, -1e-5):
            moved = IMAGES.astype("float64")
            moved[place] += step
            losses.append((by_hand(layer, moved) * weights).sum())
        expected = (losses[0] - losses[1]) / 2e-5
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("cell", ["lstm", pytest.param("gru", marks=pytest.mark.slow)])
def test_training_step_of_any_image_size_equals_the_eager_one(cell, jit_compile):
    layer = built(U, cell, (2, 3), learn_initial_state=True)

    def step(images, mask):
        with tf.GradientTape() as tape:
            y = layer(images, mask=mask, training=True)
            loss = tf.reduce_sum(tf.sin(y))
        return y, tape.gradient(loss, [w.value for w in layer.weights])

    graph = tf.function(
        step,
        input_signature=[
            tf.TensorSpec((None, None, None, C)),
            tf.TensorSpec((None, None, None), "bool"),
        ],
        jit_compile=jit_compile,
    )
    sizes = ((B, H, W),) if jit_compile else ((B, H, W), (1, 3, 5))
    for batch, height, width in sizes:
        images = tf.constant(IMAGES[:batch, :height, :width])
        mask = corner_mask([(height - 2, width), (height, 2)][:batch], images)
        got, expected = (tf.nest.flatten(f(images, mask)) for f in (graph, step))
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-5)


# Properties


@pytest.mark.parametrize("cell", CELLS)
def test_flipping_the_image_swaps_the_two_directions(cell):
    layer = built(U, cell, learn_initial_state=True)
    upside_down = built(U, cell, learn_initial_state=True)
    upside_down.set_weights(layer.get_weights())
    for weight in upside_down.vertical.values():
        weight.assign(np.asarray(weight)[::-1])  # up, down
    kernel = upside_down.horizontal["kernel"]
    kernel.assign(np.roll(np.asarray(kernel), U, axis=1))  # reads [v_up; v_down]
    got = call(upside_down, IMAGES[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(got, call(layer), atol=1e-5)

    mirrored = built(U, cell, learn_initial_state=True)
    mirrored.set_weights(layer.get_weights())
    for weight in mirrored.horizontal.values():
        weight.assign(np.asarray(weight)[::-1])  # left, right
    got = np.roll(call(mirrored, IMAGES[:, :, ::-1])[:, :, ::-1], U, axis=-1)
    np.testing.assert_allclose(got, call(layer), atol=1e-5)


def pixels_seen(layer, row, column):
    """Which pixels the output at (row, column) depends on."""
    x = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)[:, row, column]
    return np.abs(tape.gradient(y, x)).sum((0, -1)) > 0


@pytest.mark.parametrize("cell", CELLS)
def test_every_output_sees_the_whole_image(cell):
    layer = built(U, cell)
    for row, column in ((0, 0), (2, 3), (H - 1, W - 1)):
        assert pixels_seen(layer, row, column).all()


@pytest.mark.parametrize("cell", CELLS)
def test_one_pass_sees_the_column_and_the_other_sees_the_row(cell):
    row, column = 1, 2
    layer = built(U, cell)
    cross = np.zeros((H, W), bool)
    layer.horizontal["recurrent_kernel"].assign(np.zeros((2, U, len_gates(cell))))
    forget(layer.horizontal, cell)
    cross[:, column] = True
    np.testing.assert_array_equal(pixels_seen(layer, row, column), cross)

    layer = built(U, cell)
    cross = np.zeros((H, W), bool)
    layer.vertical["recurrent_kernel"].assign(np.zeros((2, U, len_gates(cell))))
    forget(layer.vertical, cell)
    cross[row] = True
    np.testing.assert_array_equal(pixels_seen(layer, row, column), cross)


def len_gates(cell):
    return {"lstm": 4, "gru": 3}[cell] * U


def forget(weights, cell):
    """A bias that closes the gate which keeps the state: sigmoid(-200) is 0."""
    gate = {"lstm": slice(U, 2 * U), "gru": slice(0, U)}[cell]
    bias = weights["bias"].value.numpy().copy()
    bias[..., gate] = -200
    weights["bias"].assign(bias)


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
@pytest.mark.parametrize("patch_size", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_padded_image_gives_what_the_image_alone_gives(cell, patch_size, padding):
    layer = built(U, cell, patch_size, learn_initial_state=True)
    sizes = [(2, 6), (3, 3)]
    mask = corner_mask(sizes)
    padded = np.where(mask[..., None], IMAGES, np.float32(padding))
    y = call(layer, padded, mask=mask, training=True)
    for b, (height, width) in enumerate(sizes):
        rows, columns = -(-height // patch_size), -(-width // patch_size)
        alone = call(layer, IMAGES[b : b + 1, :height, :width])[0]
        np.testing.assert_allclose(y[b, :rows, :columns], alone, atol=1e-5)
        assert (y[b, rows:] == 0).all()
        assert (y[b, :, columns:] == 0).all()


def test_patch_with_one_real_pixel_is_real():
    layer = built(U, patch_size=2)
    mask = np.zeros((B, H, W), bool)
    mask[:, 1, 3] = True  # in patch (0, 1)
    y = call(layer, mask=mask)
    assert np.abs(y).sum((0, -1)).nonzero() == (np.array([0]), np.array([1]))


def test_mask_goes_on_to_the_next_layer_patch_by_patch():
    images = keras.Input((None, None, C))
    mask = keras.Input((None, None), dtype="bool")
    first, second = built(U, patch_size=2), built(U, shape=(None, None, None, 2 * U))
    model = keras.Model([images, mask], second(first(images, mask=mask)))
    real = corner_mask([(2, 6), (4, 4)])
    got = keras.ops.convert_to_numpy(model([IMAGES, real]))
    patches = real[:, ::2, ::2]
    expected = call(second, call(first, mask=real), mask=patches)
    assert (got[~patches] == 0).all()
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_patch_that_does_not_divide_pads_the_bottom_and_the_right(cell):
    layer = built(U, cell, (3, 4))
    padded = np.pad(IMAGES, [[0, 0], [0, 2], [0, 2], [0, 0]])
    np.testing.assert_allclose(call(layer), call(layer, padded), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_initial_state_starts_at_zero_and_is_trained(cell):
    layer = ReNet(U, cell, learn_initial_state=True)
    without = ReNet(U, cell)
    y = call(layer)
    without.build(IMAGES.shape)
    without.set_weights(
        [w for w in layer.weights if not w.name.endswith("initial_state")]
    )
    np.testing.assert_array_equal(y, call(without))
    states = [layer.vertical["initial_state"], layer.horizontal["initial_state"]]
    assert [s.shape for s in states] == [(2, 2 if cell == "lstm" else 1, U)] * 2
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(IMAGES, training=True))
    for gradient in tape.gradient(loss, [s.value for s in states]):
        assert (np.abs(gradient).max((1, 2)) > 0).all()


def test_weights_start_as_those_of_keras_lstm():
    layer = ReNet(U, "lstm")
    layer.build((None, None, None, C))
    for weights in (layer.vertical, layer.horizontal):
        bias = np.asarray(weights["bias"]).reshape(2, 4, U)
        np.testing.assert_array_equal(bias[:, 1], 1)
        np.testing.assert_array_equal(bias[:, [0, 2, 3]], 0)
        first, second = np.asarray(weights["recurrent_kernel"])
        np.testing.assert_allclose(first @ first.T, np.eye(U), atol=1e-5)
        assert np.abs(first - second).max() > 0.1
        kernel = np.asarray(weights["kernel"])
        limit = np.sqrt(6 / (kernel.shape[1] + kernel.shape[2]))
        assert 0.8 * limit < np.abs(kernel).max() <= limit


# Dropout


def test_dropout_acts_in_training_only():
    layer = built(U, dropout=0.5, seed=1)
    without = built(U)
    np.testing.assert_array_equal(call(layer), call(without))
    assert np.abs(call(layer, training=True) - call(without)).max() > 0.01


def test_equal_seeds_drop_the_same_features_and_each_call_others():
    first, second = (
        ReNet(U, dropout=0.5, seed=7, name=name) for name in ("first", "second")
    )
    first.build(IMAGES.shape)
    second.build(IMAGES.shape)
    second.set_weights(first.get_weights())
    y = call(first, training=True)
    np.testing.assert_array_equal(call(second, training=True), y)
    assert np.abs(call(first, training=True) - y).max() > 1e-3


def test_dropout_draws_once_for_an_image():
    channels = 32  # so many that no two draws are alike
    layer = ReNet(64, dropout=0.5, seed=3)
    layer.build((None, None, None, channels))
    for weights in (layer.vertical, layer.horizontal):
        recurrent = weights["recurrent_kernel"]
        recurrent.assign(np.zeros(recurrent.shape))
        bias = np.zeros((2, 4, 64))
        bias[:, 1] = -200  # without memory, equal pixels give equal outputs
        weights["bias"].assign(bias.reshape(2, -1))
    y = call(layer, np.ones((B, H, W, channels), "float32"), training=True)
    np.testing.assert_allclose(y, np.broadcast_to(y[:, :1, :1], y.shape), atol=1e-6)
    assert np.abs(y[0] - y[1]).max() > 0.01


# What becomes of it in a graph


def traced(layer, shape, name):
    with lowering(name):
        return tf.function(lambda x: layer(x)).get_concrete_function(
            tf.TensorSpec(shape)
        )


@pytest.mark.parametrize("cell", CELLS)
def test_all_lowerings_give_the_same_image(cell):
    layer = built(U, cell, 2)
    expected = by_hand(layer)
    for name, lists, loops in (
        ("tensor_array", True, True),
        ("buffer", False, True),
        ("unrolled", False, False),
    ):
        graph = traced(layer, IMAGES.shape, name)
        assert (operators(graph, "TensorList") > 0) == lists
        assert (operators(graph, "While") > 0) == loops
        np.testing.assert_allclose(graph(IMAGES), expected, atol=1e-5)


def test_opposite_directions_share_their_steps(count_steps):
    layer = built(U)
    with lowering("buffer"):
        call(layer)
    assert count_steps == [H, W]
    count_steps.clear()
    with lowering("buffer"):
        call(built(U, patch_size=2))
    assert count_steps == [H // 2, W // 2]


def test_unrolling_an_image_of_unknown_size_says_what_to_do():
    with pytest.raises(ValueError, match="Give the model a fixed image size"):
        traced(built(U), (1, None, None, C), "unrolled")


# Precision

# A gate's sum has magnitude up to 4, is rounded once, and passes through two sweeps of
# up to 6 steps; errors partly cancel: 4 * 6 * eps.
TOLERANCE = {"float16": 24 * 2**-10, "bfloat16": 24 * 2**-7}


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
@pytest.mark.parametrize("cell", CELLS)
def test_half_precision_stays_near_float32(cell, policy):
    half = built(U, cell, learn_initial_state=True, dtype=policy)
    full = built(U, cell, learn_initial_state=True)
    dtype = policy.removeprefix("mixed_")
    mask = corner_mask([(3, 5), (4, 6)])
    for training in (False, True):
        y = half(IMAGES, mask=mask, training=training)
        assert y.dtype == dtype
        np.testing.assert_allclose(
            tf.cast(y, "float32"), call(full, mask=mask), atol=TOLERANCE[dtype]
        )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(half(IMAGES, training=True), "float32"))
    gradients = tape.gradient(loss, [w.value for w in half.weights])
    for weight, gradient in zip(half.weights, gradients, strict=True):
        assert gradient.dtype == weight.dtype
        assert np.isfinite(tf.cast(gradient, "float32")).all()


def test_nan_in_a_pixel_is_seen_and_not_hidden():
    images = IMAGES.copy()
    images[0, 1, 2, 0] = np.nan
    y = call(built(U), images)
    assert np.isnan(y[0]).any(-1).all()  # in the directions that come from there
    assert np.isfinite(y[1]).all()


def test_batch_without_images_gives_a_batch_without_images():
    for patch_size in (1, 2):
        y = call(built(U, patch_size=patch_size), IMAGES[:0])
        assert y.shape == (0, H // patch_size, W // patch_size, 2 * U)
