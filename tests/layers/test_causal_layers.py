"""MaskedConv2D, RowLSTM and DiagonalBiLSTM: an output sees what comes before it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import causal_layers as reference
from reference.gradients import check_layer_gradients

from tfrecvis.layers import DiagonalBiLSTM, MaskedConv2D, RowLSTM

B, H, W, C, F = 2, 4, 6, 3, 9
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")

RECURRENT = {
    f"{layer.__name__}, {name}": (layer, options)
    for layer in (RowLSTM, DiagonalBiLSTM)
    for name, options in {
        "plain": {"learn_initial_state": False},
        "initial state": {},
        "colours": {"num_colors": 3},
        "residual": {"num_colors": 3, "residual": True},
    }.items()
}
RECURRENT["RowLSTM, wide"] = (RowLSTM, {"kernel_size": 5})
RECURRENT["RowLSTM, kernel size 1"] = (RowLSTM, {"kernel_size": 1})
CONVOLUTIONS = {
    f"MaskedConv2D, {mask_type}, {colors}, {size}": (
        MaskedConv2D,
        {"kernel_size": size, "mask_type": mask_type, "num_colors": colors},
    )
    for mask_type in "AB"
    for colors, size in ((1, 3), (3, (3, 5)), (3, 1))
}
ALL = {**RECURRENT, **CONVOLUTIONS}

every_recurrent = pytest.mark.parametrize(
    ("layer", "options"), RECURRENT.values(), ids=RECURRENT
)
every_layer = pytest.mark.parametrize(("layer", "options"), ALL.values(), ids=ALL)


def built(layer, channels=C, **options):
    """A layer whose weights are all random: biases and initial states too."""
    made = layer(F, **options)
    made.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    made.set_weights([rng.normal(size=w.shape, scale=0.5) for w in made.weights])
    return made


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def by_hand(layer, images=IMAGES):
    weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
    residual = [
        weights.pop(name)
        for name in ("residual_kernel", "residual_bias")
        if name in weights
    ]
    if isinstance(layer, MaskedConv2D):
        weights["mask_type"] = layer.mask_type
    loop = {
        MaskedConv2D: reference.masked_conv_2d,
        RowLSTM: reference.row_lstm,
        DiagonalBiLSTM: reference.diagonal_bilstm,
    }[type(layer)]
    images = images.astype("float64")
    y = loop(images, **weights, num_colors=layer.num_colors)
    if residual:
        y = reference.with_residual(images, y, *residual, layer.num_colors)
    return y


@every_layer
@pytest.mark.parametrize("training", [False, True])
def test_layer_matches_the_numpy_loop(layer, options, training):
    layer = built(layer, **options)
    y = call(layer, training=training)
    np.testing.assert_allclose(y, by_hand(layer), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (7, 2)])
@every_layer
def test_any_height_and_width_match_the_numpy_loop(layer, options, size):
    layer = built(layer, **options)
    images = np.random.default_rng(2).normal(size=(1, *size, C)).astype("float32")
    np.testing.assert_allclose(call(layer, images), by_hand(layer, images), atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
@every_layer
def test_rows_one_by_one_give_the_image_in_half_precision(layer, options, policy):
    layer = built(layer, **options, dtype=policy)
    cache = layer.initial_cache(batch_size=B, width=W)
    rows = []
    for r in range(H):
        row, cache = layer.step(IMAGES[:, r], cache)
        assert row.dtype == layer.compute_dtype
        rows.append(keras.ops.cast(row, "float32"))
    y = keras.ops.cast(layer(IMAGES), "float32")
    tolerance = 0.02 if "float16" in policy and "b" not in policy else 0.15
    np.testing.assert_allclose(np.stack(rows, 1), y, atol=tolerance, rtol=tolerance)


@every_recurrent
def test_gradients_match_automatic_and_finite_differences(layer, options):
    layer = built(layer, **options)
    check_layer_gradients(layer, IMAGES, lambda x: by_hand(layer, x))


def sees(model, size, channels):
    """Which input values each output value depends on, by gradients.

    Returns a boolean array `(H, W, outputs, H, W, channels)`.
    """
    x = tf.constant(
        np.random.default_rng(4).normal(size=(1, *size, channels)), "float32"
    )
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)
    return tape.jacobian(y, x).numpy()[0, :, :, :, 0] != 0


def before(size, channels, outputs, num_colors, own):
    """What each output may see: all that was read before it, by the definition."""
    allowed = np.zeros((*size, outputs, *size, channels), bool)
    for r, c, out, row, column, channel in np.ndindex(*allowed.shape):
        a = reference.colour(channel, channels, num_colors)
        b = reference.colour(out, outputs, num_colors)
        earlier = (row, column) < (r, c)
        here = (row, column) == (r, c) and (a < b or (own and a == b))
        allowed[r, c, out, row, column, channel] = earlier or here
    return allowed


@every_layer
def test_no_value_sees_a_later_one(layer, options):
    layer = built(layer, **options)
    outputs = C if getattr(layer, "residual", False) else F
    own = getattr(layer, "mask_type", "B") == "B"
    allowed = before((3, 4), C, outputs, layer.num_colors, own)
    seen = sees(layer, (3, 4), C)
    assert not (seen & ~allowed).any()


@pytest.mark.parametrize("options", [{}, {"num_colors": 3}])
def test_diagonal_bilstm_sees_all_that_comes_before(options):
    layer = built(DiagonalBiLSTM, **options)
    allowed = before((3, 4), C, F, layer.num_colors, own=True)
    np.testing.assert_array_equal(sees(layer, (3, 4), C), allowed)


def test_row_lstm_sees_its_triangle():
    seen = sees(built(RowLSTM, kernel_size=3), (4, 7), C).any((2, 5))
    # In a row the pixel and its left; each row up, one pixel more on the right.
    for row, columns in ((3, [2, 3]), (2, [1, 2, 3, 4]), (1, [0, 1, 2, 3, 4, 5])):
        np.testing.assert_array_equal(np.flatnonzero(seen[3, 3, row]), columns)


@pytest.mark.parametrize(
    "recurrent", [RowLSTM(12, residual=True), DiagonalBiLSTM(12, residual=True)]
)
@pytest.mark.parametrize("num_colors", [1, 3])
def test_a_pixel_network_never_sees_the_pixel_that_it_predicts(recurrent, num_colors):
    recurrent = type(recurrent)(12, residual=True, num_colors=num_colors)
    model = keras.Sequential(
        [
            MaskedConv2D(24, 3, mask_type="A", num_colors=num_colors),
            recurrent,
            keras.layers.Activation("tanh"),
            MaskedConv2D(3, 1, num_colors=num_colors),
        ]
    )
    seen = sees(model, (3, 4), 3)
    assert not (seen & ~before((3, 4), 3, 3, num_colors, own=False)).any()
    assert seen[2, 3, 0, 0, 0].all()


@every_layer
def test_rows_one_by_one_give_the_image(layer, options):
    layer = built(layer, **options)
    cache = layer.initial_cache(batch_size=B, width=W)
    rows = []
    for r in range(H):
        row, cache = layer.step(IMAGES[:, r], cache)
        rows.append(row)
    np.testing.assert_allclose(np.stack(rows, 1), call(layer), atol=1e-5)


@every_layer
def test_padding_changes_nothing_and_puts_out_zeros(layer, options):
    layer = built(layer, **options)
    padded = np.full((B, H + 2, W + 3, C), np.nan, "float32")
    padded[:, :H, :W] = IMAGES
    mask = np.zeros(padded.shape[:3], bool)
    mask[:, :H, :W] = True
    for training in (False, True):
        y = call(layer, padded, mask=mask, training=training)
        np.testing.assert_allclose(y[:, :H, :W], call(layer), atol=1e-5)
        assert (y[:, H:] == 0).all()
        assert (y[:, :, W:] == 0).all()


def test_mirrored_image_swaps_the_halves_of_diagonal_bilstm():
    layer, swapped = built(DiagonalBiLSTM), built(DiagonalBiLSTM)
    swapped.set_weights([w[::-1] for w in layer.get_weights()])
    # The right half is a row late: outputs of the left half, mirrored, move down.
    ours = call(layer) - call(without_right(layer))
    theirs = call(without_right(swapped), IMAGES[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(ours[:, 1:], theirs[:, :-1], atol=1e-5)
    np.testing.assert_allclose(ours[:, 0], 0, atol=1e-6)


def without_right(layer):
    """The same left half; a right half whose output gates are shut."""
    copy = built(DiagonalBiLSTM)
    weights = layer.get_weights()
    names = [w.name for w in layer.weights]
    for name, weight in zip(names, weights, strict=True):
        if name != "initial_state":
            weight[1] = 0
        if name == "bias":
            weight[1, 3 * F :] = -100
    copy.set_weights(weights)
    return copy


def test_one_column_row_lstm_of_kernel_size_1_is_an_lstm():
    layer = built(RowLSTM, kernel_size=1, learn_initial_state=False)
    theirs = keras.layers.LSTM(F, return_sequences=True)
    column = IMAGES[:, :, 0]
    theirs.build(column.shape)
    kernel, recurrent_kernel, bias = layer.get_weights()
    theirs.set_weights([kernel[0], recurrent_kernel, bias])
    y = call(layer, column[:, :, None])[:, :, 0]
    np.testing.assert_allclose(y, theirs(column), atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "steps"), [(RowLSTM, [H]), (DiagonalBiLSTM, [H + W - 1] * 2)]
)
def test_sequential_steps_are_rows_and_diagonals(layer, steps, count_steps):
    call(built(layer))
    assert count_steps == steps
