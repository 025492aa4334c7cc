"""What MaskedConv2D, RowLSTM and DiagonalBiLSTM have in common, as tests.

Each layer's file inherits them and gives the layer, its loop and a fixture `options`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import causal_layers as reference
from reference.gradients import check_layer_gradients

from tfrecvis.layers import MaskedConv2D

B, H, W, C, F = 2, 4, 6, 3, 9
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")

RECURRENT = {
    "plain": {"learn_initial_state": False},
    "initial state": {},
    "colours": {"num_colors": 3},
    "residual": {"num_colors": 3, "residual": True},
}


def built(layer, channels=C, **options):
    """A layer whose weights are all random: biases and initial states too."""
    made = layer(F, **options)
    made.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    made.set_weights([rng.normal(size=w.shape, scale=0.5) for w in made.weights])
    return made


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def sees(model, size, channels):
    """Which input values each output value depends on, by gradients.

    Returns a boolean array `(H, W, outputs, H, W, channels)`.
    """
    image = np.random.default_rng(4).normal(size=(1, *size, channels))
    outputs = model(image.astype("float32")).shape[1:]
    # One copy of the image for each output value: one gradient tells them all.
    count = np.prod(outputs)
    x = tf.constant(np.repeat(image, count, 0), "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        each = tf.linalg.diag_part(tf.reshape(model(x), (count, count)))
        loss = tf.reduce_sum(each)
    return tape.gradient(loss, x).numpy().reshape(*outputs, *size, channels) != 0


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


class CausalLayer:
    """An output sees what comes before it: in the image, and in its own pixel.

    Attributes:
        layer: The class.
        loop: Function of `(images, **weights, num_colors)`, the layer in NumPy.
    """

    def by_hand(self, layer, images=IMAGES):
        weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
        residual = [
            weights.pop(name)
            for name in ("residual_kernel", "residual_bias")
            if name in weights
        ]
        if hasattr(layer, "mask_type"):
            weights["mask_type"] = layer.mask_type
        images = images.astype("float64")
        y = self.loop(images, **weights, num_colors=layer.num_colors)
        if residual:
            y = reference.with_residual(images, y, *residual, layer.num_colors)
        return y

    @pytest.mark.parametrize("training", [False, True])
    def test_layer_matches_the_numpy_loop(self, options, training):
        layer = built(self.layer, **options)
        y = call(layer, training=training)
        np.testing.assert_allclose(y, self.by_hand(layer), atol=1e-5)

    @pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (7, 2)])
    def test_any_height_and_width_match_the_numpy_loop(self, options, size):
        layer = built(self.layer, **options)
        images = np.random.default_rng(2).normal(size=(1, *size, C)).astype("float32")
        y, expected = call(layer, images), self.by_hand(layer, images)
        np.testing.assert_allclose(y, expected, atol=1e-5)

    def test_no_value_sees_a_later_one(self, options):
        layer = built(self.layer, **options)
        outputs = C if getattr(layer, "residual", False) else F
        own = getattr(layer, "mask_type", "B") == "B"
        allowed = before((3, 4), C, outputs, layer.num_colors, own)
        seen = sees(layer, (3, 4), C)
        assert not (seen & ~allowed).any()

    def test_rows_one_by_one_give_the_image(self, options):
        layer = built(self.layer, **options)
        cache = layer.initial_cache(batch_size=B, width=W)
        rows = []
        for r in range(H):
            row, cache = layer.step(IMAGES[:, r], cache)
            rows.append(row)
        np.testing.assert_allclose(np.stack(rows, 1), call(layer), atol=1e-5)

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
    def test_rows_one_by_one_give_the_image_in_half_precision(self, options, policy):
        layer = built(self.layer, **options, dtype=policy)
        cache = layer.initial_cache(batch_size=B, width=W)
        rows = []
        for r in range(H):
            row, cache = layer.step(IMAGES[:, r], cache)
            assert row.dtype == layer.compute_dtype
            rows.append(keras.ops.cast(row, "float32"))
        y = keras.ops.cast(layer(IMAGES), "float32")
        tolerance = 0.02 if "float16" in policy and "b" not in policy else 0.15
        np.testing.assert_allclose(np.stack(rows, 1), y, atol=tolerance, rtol=tolerance)

    def test_padding_changes_nothing_and_puts_out_zeros(self, options):
        layer = built(self.layer, **options)
        padded = np.full((B, H + 2, W + 3, C), np.nan, "float32")
        padded[:, :H, :W] = IMAGES
        mask = np.zeros(padded.shape[:3], bool)
        mask[:, :H, :W] = True
        for training in (False, True):
            y = call(layer, padded, mask=mask, training=training)
            np.testing.assert_allclose(y[:, :H, :W], call(layer), atol=1e-5)
            assert (y[:, H:] == 0).all()
            assert (y[:, :, W:] == 0).all()


class CausalRecurrence(CausalLayer):
    """And its states go from row to row, with gradients written by hand."""

    def test_gradients_match_automatic_and_finite_differences(self, options):
        layer = built(self.layer, **options)
        check_layer_gradients(layer, IMAGES, lambda x: self.by_hand(layer, x))

    @pytest.mark.parametrize("num_colors", [1, 3])
    def test_a_pixel_network_never_sees_the_pixel_that_it_predicts(self, num_colors):
        model = keras.Sequential(
            [
                MaskedConv2D(24, 3, mask_type="A", num_colors=num_colors),
                self.layer(12, residual=True, num_colors=num_colors),
                keras.layers.Activation("tanh"),
                MaskedConv2D(3, 1, num_colors=num_colors),
            ]
        )
        seen = sees(model, (3, 4), 3)
        assert not (seen & ~before((3, 4), 3, 3, num_colors, own=False)).any()
        assert seen[2, 3, 0, 0, 0].all()
