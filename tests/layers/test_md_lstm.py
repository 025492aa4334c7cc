import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.gradients import check_layer_gradients
from reference.md_lstm import md_lstm as reference

from tfrecvis.layers import MDLSTM
from tfrecvis.ops import lowering

B, H, W, C, U = 2, 4, 6, 3, 5
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")
CELLS = ("plain", "stable")
FLIPS = {"down_right": (1, 1), "down_left": (1, -1), "up_right": (-1, 1)}
FLIPS["up_left"] = (-1, -1)
every_cell = pytest.mark.parametrize("cell", CELLS)


def built(**options):
    layer = MDLSTM(U, **options)
    layer.build((None, None, None, C))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def by_hand(layer, images=IMAGES):
    kernel, recurrent_kernel, bias = (np.asarray(w, "float64") for w in layer.weights)
    outputs = []
    for n, name in enumerate(layer.directions):
        down, right = FLIPS[name]
        weights = kernel[n], recurrent_kernel[n], bias[n]
        h = reference(images[:, ::down, ::right], *weights, layer.cell == "stable")
        outputs.append(h[:, ::down, ::right])
    return np.concatenate(outputs, -1) if layer.merge_mode == "concat" else sum(outputs)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
@pytest.mark.parametrize(
    "directions",
    ["up_left", ("up_right", "down_right"), ("up_left", "down_left", "up_right")],
)
@every_cell
def test_md_lstm_matches_the_numpy_loop(cell, directions, merge_mode, training):
    layer = built(cell=cell, directions=directions, merge_mode=merge_mode)
    y = call(layer, training=training)
    np.testing.assert_allclose(y, by_hand(layer), atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
@every_cell
def test_four_directions_on_any_size_match_the_numpy_loop(cell, size):
    layer = built(cell=cell)
    images = IMAGES[:, :1, :1].repeat(size[0], 1).repeat(size[1], 2)
    np.testing.assert_allclose(call(layer, images), by_hand(layer, images), atol=1e-5)


@every_cell
def test_gradients_match_automatic_and_finite_differences(cell):
    layer = built(cell=cell)
    check_layer_gradients(layer, IMAGES, lambda x: by_hand(layer, x))


@pytest.mark.parametrize("axis", [1, 2])
def test_reversing_the_image_swaps_the_directions(axis):
    names = list(FLIPS)
    swapped = [names.index(n) for n in _mirrored(names, axis)]
    layer, other = built(), built()
    other.set_weights([w[swapped] for w in layer.get_weights()])
    y = np.flip(call(other, np.flip(IMAGES, axis)), axis)
    y = np.concatenate([np.split(y, 4, -1)[n] for n in swapped], -1)
    np.testing.assert_allclose(y, call(layer), atol=1e-5)


def _mirrored(names, axis):
    word = {1: ("up", "down"), 2: ("left", "right")}[axis]
    turn = dict(zip(word, word[::-1], strict=True))
    return ["_".join(turn.get(part, part) for part in n.split("_")) for n in names]


@pytest.mark.parametrize("axis", [1, 2])
def test_image_one_pixel_wide_is_an_lstm(axis):
    layer = built(directions="down_right")
    kernel, recurrent_kernel, bias = (w[0] for w in layer.get_weights())
    i, above, beside, g, o = range(5)
    gates = (i, above if axis == 1 else beside, g, o)

    def pick(w):
        return np.concatenate([np.split(w, 5, -1)[gate] for gate in gates], -1)

    rows = slice(0, U) if axis == 1 else slice(U, 2 * U)
    theirs = keras.layers.LSTM(U, return_sequences=True)
    theirs.build((None, None, C))
    theirs.set_weights([pick(kernel), pick(recurrent_kernel[rows]), pick(bias)])
    sequence = IMAGES[:, :, 0] if axis == 1 else IMAGES[:, 0]
    y = call(layer, np.expand_dims(sequence, 3 - axis)).squeeze(3 - axis)
    np.testing.assert_allclose(y, theirs(sequence), atol=1e-5)


@pytest.mark.parametrize("corner", ["top left", "bottom right"])
@every_cell
def test_padding_changes_nothing_and_puts_out_zeros(cell, corner):
    layer = built(cell=cell)
    padded = np.full((B, H + 2, W + 3, C), np.nan, "float32")
    mask = np.zeros(padded.shape[:3], bool)
    first = corner == "top left"
    place = (slice(None), *((slice(H), slice(W)) if first else (slice(2, None),) * 2))
    place = place if first else (slice(None), slice(2, None), slice(3, None))
    padded[place], mask[place] = IMAGES, True
    for training in (False, True):
        y = call(layer, padded, mask=mask, training=training)
        np.testing.assert_allclose(y[place], call(layer), atol=1e-5)
        assert (y[~mask] == 0).all()


def test_memories_of_the_stable_cell_stay_below_those_of_the_plain_one():
    # All gates open: the plain cell doubles its memory on every diagonal.
    outputs = {}
    for cell in CELLS:
        layer = built(cell=cell, directions="down_right")
        kernel, recurrent_kernel, bias = layer.get_weights()
        bias[:] = 10
        if cell == "stable":
            bias[:, 2 * U : 3 * U] = 0
        layer.set_weights([0 * kernel, 0 * recurrent_kernel, bias])
        zeros = np.zeros((1, 12, 12, C), "float32")
        with tf.GradientTape() as tape:
            x = tf.constant(zeros)
            tape.watch(x)
            layer(x)
        outputs[cell] = largest_memory(layer, zeros)
    assert outputs["plain"] > 10**4
    assert outputs["stable"] < 50


def largest_memory(layer, images):
    from tfrecvis.ops import lstm
    from tfrecvis.ops.diagonals import skewed

    columns = skewed(layer._direction(0, keras.ops.convert_to_tensor(images), None))
    zeros = keras.ops.zeros((*columns.inputs.shape[1:3], layer.units))
    columns = columns._replace(h=zeros, c=zeros)
    stable = layer.cell == "stable"
    _, _, c = lstm([columns], (-1, 0), forget_gates=2, stable=stable)[0]
    return float(keras.ops.max(c))


def test_sequential_steps_are_the_diagonals(count_steps):
    call(built())
    assert count_steps == [H + W - 1] * 4


def test_on_an_accelerator_all_directions_share_one_loop(count_steps):
    with lowering("buffer"):  # takes the accelerator's way
        call(built())
    assert count_steps == [H + W - 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "at least 1. Received: units=0"),
        ({"directions": ()}, "one to four different ones"),
        ({"directions": 3}, "Received: directions=3"),
        ({"directions": ("down",)}, "Use some of .*'down_right', 'down_left'"),
        ({"directions": ("up_left", "up_left")}, "one to four different ones"),
        ({"merge_mode": "mean"}, "one of 'concat', 'sum'. Received"),
        ({"cell": "leaky"}, "one of 'plain', 'stable'. Received"),
    ],
)
def test_bad_argument_says_what_is_expected(arguments, message):
    with pytest.raises(ValueError, match=message):
        MDLSTM(**{"units": U, **arguments})


@pytest.mark.parametrize(
    ("images", "mask", "message"),
    [
        (IMAGES[0], None, "expected ndim=4, found ndim=3"),
        (IMAGES[:, :0], None, "at least one pixel"),
        (IMAGES, np.ones((B, W, H), bool), "`mask` must have the shape"),
    ],
)
def test_bad_images_are_refused(images, mask, message):
    with pytest.raises(ValueError, match=message):
        MDLSTM(U)(images, mask=mask)
