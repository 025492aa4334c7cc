import keras
import numpy as np
import pytest
from reference import reinspect

from tfrecvis.layers import RolloutLSTM


def built(seed=0):
    layer = RolloutLSTM(5, steps=4)
    layer.build((None, None, None, 3))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer, rng.normal(size=(2, 3, 4, 3)).astype("float32")


def test_layer_matches_the_numpy_loop():
    layer, maps = built()
    expected = reinspect.rollout(maps, *map(np.array, layer.weights), 4)
    for training in (False, True):
        found = layer(maps, training=training)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_equal_to_keras_lstm_over_repeated_features():
    layer, maps = built()
    other = keras.layers.LSTM(5, return_sequences=True)
    steps = np.repeat(maps.reshape(24, 1, 3), 4, axis=1)
    other.build(steps.shape)
    other.set_weights(layer.get_weights())
    found = np.array(layer(maps)).reshape(24, 4, 5)
    np.testing.assert_allclose(found, other(steps), atol=1e-5)


def test_pixel_hears_from_itself_only():
    layer, maps = built()
    moved = maps.copy()
    moved[0, 1, 2] += 1
    differ = (np.array(layer(maps)) != np.array(layer(moved))).any((-1, -2))
    assert np.argwhere(differ).tolist() == [[0, 1, 2]]


def test_gradients_of_both_passes_agree():
    import tensorflow as tf

    layer, maps = built()
    maps = tf.constant(maps)
    found = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            y = layer(maps, training=training)
            total = tf.reduce_sum(y * tf.reshape(tf.range(480.0), y.shape))
        found.append(tape.gradient(total, [maps, *layer.trainable_weights]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("arguments", [{"units": 0}, {"steps": 0}, {"steps": 2.5}])
def test_bad_arguments_are_named(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"`{name}` must be an integer of at least 1"):
        RolloutLSTM(**{"units": 4, "steps": 5, **arguments})


def test_channels_must_be_known():
    with pytest.raises(ValueError, match="last axis of `maps` must be known"):
        RolloutLSTM(4, 5)(keras.Input((3, 4, None)))
