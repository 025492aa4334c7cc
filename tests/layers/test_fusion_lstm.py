import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.fusion_lstm import fusion_lstm as reference

from tfrecvis.layers import FusionLSTM
from tfrecvis.ops import lowering

B, H, W, U = 2, 4, 6, 5
CHANNELS = (3, 2, 1)
RNG = np.random.default_rng(0)
SCENE = [RNG.normal(size=(B, H, W, c)).astype("float32") for c in CHANNELS]
REAL = np.zeros((B, H, W), bool)
REAL[0, : H - 1, :2] = REAL[1, :2] = True


def built(count=2, **options):
    """A layer whose weights are all random."""
    layer = FusionLSTM(U, **options)
    layer.build([(None, None, None, c) for c in CHANNELS[:count]])
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, modalities, **options):
    return keras.ops.convert_to_numpy(layer(modalities, **options))


def by_hand(layer, modalities, mask=None):
    def values(weights):
        names = ("kernel", "recurrent_kernel", "bias")
        return [np.asarray(weights[name], "float64") for name in names]

    vertical = [values(weights) for weights in layer.vertical]
    return reference(modalities, vertical, values(layer.horizontal), mask)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("count", [2, 3])
def test_layer_matches_the_numpy_loop(count, training):
    layer, scene = built(count), SCENE[:count]
    got = call(layer, scene, training=training)
    np.testing.assert_allclose(got, by_hand(layer, scene), atol=1e-5)


def test_masked_layer_matches_the_numpy_loop():
    mask = np.random.default_rng(3).random((B, H, W)) < 0.5
    layer, scene = built(), SCENE[:2]
    got = call(layer, scene, mask=mask, training=True)
    np.testing.assert_allclose(got, by_hand(layer, scene, mask), atol=1e-5)


def test_gradients_match_automatic_ones_and_finite_differences():
    layer = built()
    scale = np.random.default_rng(4).normal(size=(B, H, W, 2 * U))
    found = []
    for training in (True, False):
        scene = [tf.constant(x) for x in SCENE[:2]]
        with tf.GradientTape() as tape:
            tape.watch(scene)
            loss = tf.reduce_sum(layer(scene, mask=REAL, training=training) * scale)
        found.append(tape.gradient(loss, [*scene, *layer.trainable_variables]))
    for written, automatic in zip(*found, strict=True):
        assert np.abs(written).max() > 0
        np.testing.assert_allclose(written, automatic, atol=2e-5)
    for place in ((0, 0, 0, 0), (1, 1, W - 1, 1)):
        losses = []
        for step in (1e-5, -1e-5):
            moved = SCENE[1].astype("float64")
            moved[place] += step
            losses.append((by_hand(layer, [SCENE[0], moved], REAL) * scale).sum())
        expected = (losses[0] - losses[1]) / 2e-5
        np.testing.assert_allclose(found[0][1][place], expected, rtol=1e-3, atol=1e-5)


# Properties


def test_flipping_the_scene_swaps_the_vertical_directions():
    layer, flipped = built(), built()
    for weights in flipped.vertical:
        for weight in weights.values():
            weight.assign(np.asarray(weight)[::-1])  # up, down
    kernel = np.asarray(flipped.horizontal["kernel"]).reshape(2, 2, 2, U, -1)
    kernel = kernel[:, :, ::-1].reshape(2, 4 * U, -1)  # reads [v_up; v_down]
    flipped.horizontal["kernel"].assign(kernel)
    got = call(flipped, [x[:, ::-1] for x in SCENE[:2]])[:, ::-1]
    np.testing.assert_allclose(got, call(layer, SCENE[:2]), atol=1e-5)


def test_mirroring_the_scene_swaps_the_horizontal_directions():
    layer, mirrored = built(), built()
    for weight in mirrored.horizontal.values():
        weight.assign(np.asarray(weight)[::-1])  # left, right
    got = call(mirrored, [x[:, :, ::-1] for x in SCENE[:2]])[:, :, ::-1]
    got = np.roll(got, U, axis=-1)
    np.testing.assert_allclose(got, call(layer, SCENE[:2]), atol=1e-5)


def test_every_output_sees_every_pixel_of_every_modality():
    layer = built(3)
    scene = [tf.constant(x) for x in SCENE]
    with tf.GradientTape() as tape:
        tape.watch(scene)
        y = layer(scene, training=True)[:, 1, 2]
    for gradient in tape.gradient(y, scene):
        assert (np.abs(gradient).sum((0, -1)) > 0).all()


@pytest.mark.parametrize("padding", [0, 1e3, np.nan])
def test_padded_scene_gives_what_the_scene_alone_gives(padding):
    layer = built()
    padded = [np.where(REAL[..., None], x, np.float32(padding)) for x in SCENE[:2]]
    with tf.GradientTape() as tape:
        y = layer(padded, mask=REAL, training=True)
        loss = tf.reduce_sum(y)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert np.isfinite(gradient).all()
    assert (np.asarray(y)[~REAL] == 0).all()
    for n, (height, width) in enumerate([(H - 1, 2), (2, W)]):
        alone = call(layer, [x[n : n + 1, :height, :width] for x in SCENE[:2]])[0]
        np.testing.assert_allclose(y[n, :height, :width], alone, atol=1e-5)


def test_pixel_is_real_where_every_modality_says_so():
    layer = built()
    other = np.random.default_rng(5).random((B, H, W)) < 0.7
    expected = call(layer, SCENE[:2], mask=REAL & other)
    for masks in ([REAL, other], [REAL & other, None]):
        got = call(layer, SCENE[:2], mask=masks)
        np.testing.assert_array_equal(got, expected)


def test_mask_goes_on_to_the_next_layer():
    first, second = (keras.Input((None, None, c)) for c in CHANNELS[:2])
    mask = keras.Input((None, None), dtype="bool")
    layer = built()
    fused = layer([first, second], mask=mask)
    model = keras.Model([first, second, mask], [fused, fused._keras_mask])
    y, passed = model([*SCENE[:2], REAL])
    np.testing.assert_array_equal(passed, REAL)
    np.testing.assert_allclose(y, call(layer, SCENE[:2], mask=REAL), atol=1e-6)


def test_all_columns_share_their_steps_and_then_all_rows(count_steps):
    with lowering("buffer"):
        call(built(3), SCENE)
    assert count_steps == [H, W]


def test_each_modality_has_weights_of_its_own():
    layer = FusionLSTM(U)
    layer(SCENE)
    assert [w["kernel"].shape[1] for w in layer.vertical] == list(CHANNELS)
    names = [w.name for w in layer.weights]
    assert names[:2] == ["vertical_0_kernel", "vertical_0_recurrent_kernel"]
    assert len(set(names)) == len(names) == 3 * 4
    assert layer.horizontal["kernel"].shape == (2, 3 * 2 * U, 4 * U)
