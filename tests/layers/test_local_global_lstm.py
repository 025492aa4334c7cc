import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.neighbour_lstm import DIRECTIONS, image_lstm

from tfrecvis.layers import LocalGlobalLSTM, PixelLSTM
from tfrecvis.ops import lowering

B, H, W, C, U, DEPTH = 2, 4, 5, 3, 2, 3
LAYERS = (LocalGlobalLSTM, PixelLSTM)
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")
both_layers = pytest.mark.parametrize("layer_class", LAYERS)


def built(layer_class, depth=DEPTH, seed=1, **options):
    """A layer whose weights are all random."""
    layer = layer_class(U, depth, **options)
    layer.build((None, None, None, C))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def by_hand(layer, images=IMAGES, mask=None):
    weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
    with_cells = isinstance(layer, LocalGlobalLSTM)
    return image_lstm(images, weights, layer.depth, with_cells, mask)


@pytest.mark.parametrize(
    "options", [{}, {"depth": 1}, {"depth": 2}, {"tied": True}], ids=str
)
@both_layers
def test_layer_matches_the_numpy_loop(layer_class, options):
    layer = built(layer_class, **options)
    np.testing.assert_allclose(call(layer), by_hand(layer), atol=1e-5)


@both_layers
def test_compiled_graph_of_a_known_size_matches_the_numpy_loop(layer_class):
    layer = built(layer_class)
    run = tf.function(lambda images: layer(images))
    np.testing.assert_allclose(run(tf.constant(IMAGES)), by_hand(layer), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 4), (3, 3), (4, 2)])
@both_layers
def test_small_images_match_the_numpy_loop(layer_class, size):
    images = IMAGES[:, : size[0], : size[1]]
    layer = built(layer_class)
    np.testing.assert_allclose(call(layer, images), by_hand(layer, images), atol=1e-5)


@both_layers
def test_masked_layer_matches_the_numpy_loop(layer_class):
    mask = np.random.default_rng(3).random((B, H, W)) < 0.5
    layer = built(layer_class)
    got = call(layer, mask=mask)
    np.testing.assert_allclose(got, by_hand(layer, mask=mask), atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@both_layers
def test_gradients_match_finite_differences(layer_class, tied):
    layer = built(layer_class, tied=tied)
    mask = np.random.default_rng(3).random((B, H, W)) < 0.8
    scale = np.random.default_rng(4).normal(size=(B, H, W, U))
    weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
    tensors = {"images": IMAGES.astype("float64"), **weights}

    def loss(tensors):
        with_cells = layer_class is LocalGlobalLSTM
        y = image_lstm(tensors["images"], tensors, DEPTH, with_cells, mask)
        return (y * scale).sum()

    x = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, mask=mask) * scale)
    found = tape.gradient(total, [x, *layer.trainable_variables])
    names = ["images", *(w.name for w in layer.trainable_variables)]
    for name, gradient in zip(names, found, strict=True):
        gradient = np.asarray(gradient)
        # The entry that matters most, where a wrong gradient is most wrong.
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        losses = []
        for step in (1e-5, -1e-5):
            moved = tensors[name].copy()
            moved[place] += step
            losses.append(loss({**tensors, name: moved}))
        expected = (losses[0] - losses[1]) / 2e-5
        assert abs(expected) > 1e-3
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-3)


# Properties


def mirrored_weights(layer, axis):
    """Weights for a mirrored image: directions and cells trade places."""
    directions = np.array(DIRECTIONS)
    directions[:, axis] *= -1
    order = [DIRECTIONS.index(tuple(d)) for d in directions.tolist()]
    blocks = [0, *(1 + d for d in order)]
    if isinstance(layer, LocalGlobalLSTM):
        blocks += list(9 + np.flip(np.arange(9).reshape(3, 3), axis).ravel())
    values = []
    for weight in layer.weights:
        value = np.asarray(weight)
        if weight.name in ("depth_kernel", "spatial_kernel"):
            parts = value.reshape(len(value), -1, U, 4 * U)
            value = parts[:, blocks].reshape(value.shape)
        values.append(value)
    return values


@pytest.mark.parametrize("axis", [0, 1])
@both_layers
def test_mirroring_the_image_permutes_the_directions(layer_class, axis):
    layer, mirrored = built(layer_class), built(layer_class)
    mirrored.set_weights(mirrored_weights(layer, axis))
    got = np.flip(call(mirrored, np.flip(IMAGES, axis + 1)), axis + 1)
    np.testing.assert_allclose(got, call(layer), atol=1e-5)
    unchanged = np.flip(call(layer, np.flip(IMAGES, axis + 1)), axis + 1)
    assert np.abs(unchanged - call(layer)).max() > 0.01


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_pixel_sees_one_pixel_further_with_every_layer(depth):
    layer = built(PixelLSTM, depth)
    x = tf.random.stateless_normal((1, 8, 9, C), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)[:, 1, 4]
    seen = np.abs(tape.gradient(y, x)).sum((0, -1)) > 0
    rows, columns = np.indices(seen.shape)
    near = np.maximum(abs(rows - 1), abs(columns - 4)) <= depth
    np.testing.assert_array_equal(seen, near)


def test_one_layer_sees_the_largest_value_of_every_cell():
    layer = built(LocalGlobalLSTM, depth=1)
    x = tf.random.stateless_normal((1, 9, 9, C), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)[:, 0, 0]
    seen = np.abs(tape.gradient(y, x)).sum((0, -1)) > 0
    per_cell = seen.reshape(3, 3, 3, 3).sum((1, 3))
    assert (per_cell[1:] >= 1).all()
    assert (per_cell[1:] <= U).all()  # one pixel a unit at the most


def corner_mask(sizes):
    mask = np.zeros((B, H, W), bool)
    for real, (height, width) in zip(mask, sizes, strict=True):
        real[:height, :width] = True
    return mask


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
@both_layers
def test_padded_image_gives_what_the_image_alone_gives(layer_class, padding):
    layer = built(layer_class)
    sizes = [(2, 5), (3, 2)]
    mask = corner_mask(sizes)
    padded = np.where(mask[..., None], IMAGES, np.float32(padding))
    with tf.GradientTape() as tape:
        y = layer(padded, mask=mask)
        loss = tf.reduce_sum(y)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.isfinite(gradient).all()
    assert (np.asarray(y)[~mask] == 0).all()
    for n, (height, width) in enumerate(sizes):
        alone = call(layer, IMAGES[n : n + 1, :height, :width])[0]
        np.testing.assert_allclose(y[n, :height, :width], alone, atol=1e-5)


@both_layers
def test_padding_on_any_side_changes_nothing(layer_class):
    layer = built(layer_class)
    padded = np.pad(IMAGES, [[0, 0], [2, 1], [1, 3], [0, 0]])
    mask = np.pad(np.ones((B, H, W), bool), [[0, 0], [2, 1], [1, 3]])
    got = call(layer, padded, mask=mask)[:, 2:-1, 1:-3]
    np.testing.assert_allclose(got, call(layer), atol=1e-5)


@both_layers
def test_compiled_graph_of_padding_alone_gives_zeros(layer_class):
    layer = built(layer_class)
    run = tf.function(lambda mask: layer(IMAGES, mask=mask))
    y = run(corner_mask([(0, 0), (H, W)]))
    assert (np.asarray(y[0]) == 0).all()
    np.testing.assert_allclose(y[1], call(layer)[1], atol=1e-6)


@both_layers
def test_nan_in_a_pixel_is_seen_and_not_hidden(layer_class):
    images = IMAGES.copy()
    images[0, 1, 2, 0] = np.nan
    y = call(built(layer_class, depth=1), images)
    assert np.isnan(y[0, 1, 2]).all()
    assert np.isfinite(y[1]).all()


@both_layers
def test_mask_goes_on_to_the_next_layer(layer_class):
    images = keras.Input((None, None, C))
    mask = keras.Input((None, None), dtype="bool")
    first, second = built(layer_class), layer_class(U, 2)
    y = first(images, mask=mask)
    model = keras.Model([images, mask], second(y))
    real = corner_mask([(2, 5), (3, 2)])
    expected = call(second, call(first, mask=real), mask=real)
    np.testing.assert_allclose(model([IMAGES, real]), expected, atol=1e-6)
    assert (expected[~real] == 0).all()


@pytest.mark.parametrize("tied", [False, True])
@both_layers
def test_depth_is_one_loop_with_one_step_a_layer_but_the_last(
    layer_class, tied, count_steps
):
    with lowering("buffer"):
        call(built(layer_class, depth=4, tied=tied))
    assert count_steps == [3]


@pytest.mark.parametrize("layer_class", LAYERS)
def test_parameters_follow_the_formula(layer_class):
    reads = {PixelLSTM: 9, LocalGlobalLSTM: 18}[layer_class]
    gates = (reads * U + 1) * 4 * U
    first = (C + 1) * 4 * U
    untied, tied = built(layer_class), built(layer_class, tied=True)
    assert untied.count_params() == first + (2 * DEPTH - 1) * gates
    assert tied.count_params() == first + 2 * gates


def test_weights_start_with_open_forget_gates():
    layer = PixelLSTM(U, 3)
    layer.build((None, None, None, C))
    bias = np.asarray(layer.spatial_bias).reshape(2, 4, U)
    np.testing.assert_array_equal(bias[:, 1], 1)
    np.testing.assert_array_equal(bias[:, [0, 2, 3]], 0)


@both_layers
def test_memory_is_kept_in_float32(layer_class):
    # Each layer adds less than bfloat16 can add to a memory of 2.
    layer = layer_class(1, 101, tied=True, dtype="bfloat16")
    layer.build((None, 1, 1, 1))
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape))
    layer.input_bias.assign([0, 2, 0, 0])
    layer.depth_bias.assign([[-6, 200, 200, 200]])  # i = 0.0025, f = g = o = 1
    h = float(call(layer, np.zeros((1, 1, 1, 1)))[0, 0, 0, 0])
    expected = np.tanh(2 + 101 / (1 + np.exp(6)))
    assert abs(h - expected) < 2**-8
    assert expected - np.tanh(2) > 2**-7
