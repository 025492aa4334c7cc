"""What LocalGlobalLSTM and PixelLSTM have in common: tests that their files inherit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.neighbour_lstm import DIRECTIONS, image_lstm

from tfrecvis.ops import lowering

B, H, W, C, U, DEPTH = 2, 4, 5, 3, 2, 3
IMAGES = np.random.default_rng(0).normal(size=(B, H, W, C)).astype("float32")


def built(layer_class, depth=DEPTH, seed=1, **options):
    """A layer whose weights are all random."""
    layer = layer_class(U, depth, **options)
    layer.build((None, None, None, C))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def call(layer, images=IMAGES, **options):
    return keras.ops.convert_to_numpy(layer(images, **options))


def corner_mask(sizes):
    mask = np.zeros((B, H, W), bool)
    for real, (height, width) in zip(mask, sizes, strict=True):
        real[:height, :width] = True
    return mask


def mirrored_weights(layer, axis, with_cells):
    """Weights for a mirrored image: directions and cells trade places."""
    directions = np.array(DIRECTIONS)
    directions[:, axis] *= -1
    order = [DIRECTIONS.index(tuple(d)) for d in directions.tolist()]
    blocks = [0, *(1 + d for d in order)]
    if with_cells:
        blocks += list(9 + np.flip(np.arange(9).reshape(3, 3), axis).ravel())
    values = []
    for weight in layer.weights:
        value = np.asarray(weight)
        if weight.name in ("depth_kernel", "spatial_kernel"):
            parts = value.reshape(len(value), -1, U, 4 * U)
            value = parts[:, blocks].reshape(value.shape)
        values.append(value)
    return values


class NeighbourLSTM:
    """A pixel reads its eight neighbours; with cells, also the nine of a 3x3 grid.

    Attributes:
        layer: The class.
        with_cells: Whether it reads the cells.
    """

    def by_hand(self, layer, images=IMAGES, mask=None):
        weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
        return image_lstm(images, weights, layer.depth, self.with_cells, mask)

    @pytest.mark.parametrize(
        "options", [{}, {"depth": 1}, {"depth": 2}, {"tied": True}], ids=str
    )
    def test_layer_matches_the_numpy_loop(self, options):
        layer = built(self.layer, **options)
        np.testing.assert_allclose(call(layer), self.by_hand(layer), atol=1e-5)

    def test_compiled_graph_of_a_known_size_matches_the_numpy_loop(self):
        layer = built(self.layer)
        run = tf.function(lambda images: layer(images))
        np.testing.assert_allclose(
            run(tf.constant(IMAGES)), self.by_hand(layer), atol=1e-5
        )

    @pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 4), (3, 3), (4, 2)])
    def test_small_images_match_the_numpy_loop(self, size):
        images = IMAGES[:, : size[0], : size[1]]
        layer = built(self.layer)
        np.testing.assert_allclose(
            call(layer, images), self.by_hand(layer, images), atol=1e-5
        )

    def test_masked_layer_matches_the_numpy_loop(self):
        mask = np.random.default_rng(3).random((B, H, W)) < 0.5
        layer = built(self.layer)
        got = call(layer, mask=mask)
        np.testing.assert_allclose(got, self.by_hand(layer, mask=mask), atol=1e-5)

    @pytest.mark.parametrize("tied", [False, True])
    def test_gradients_match_finite_differences(self, tied):
        layer = built(self.layer, tied=tied)
        mask = np.random.default_rng(3).random((B, H, W)) < 0.8
        scale = np.random.default_rng(4).normal(size=(B, H, W, U))
        weights = {w.name: np.asarray(w, "float64") for w in layer.weights}
        tensors = {"images": IMAGES.astype("float64"), **weights}

        def loss(tensors):
            y = image_lstm(tensors["images"], tensors, DEPTH, self.with_cells, mask)
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

    @pytest.mark.parametrize("axis", [0, 1])
    def test_mirroring_the_image_permutes_the_directions(self, axis):
        layer, mirrored = built(self.layer), built(self.layer)
        mirrored.set_weights(mirrored_weights(layer, axis, self.with_cells))
        got = np.flip(call(mirrored, np.flip(IMAGES, axis + 1)), axis + 1)
        np.testing.assert_allclose(got, call(layer), atol=1e-5)
        unchanged = np.flip(call(layer, np.flip(IMAGES, axis + 1)), axis + 1)
        assert np.abs(unchanged - call(layer)).max() > 0.01

    @pytest.mark.parametrize("padding", [0, 1e3, np.nan])
    def test_padded_image_gives_what_the_image_alone_gives(self, padding):
        layer = built(self.layer)
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

    def test_padding_on_any_side_changes_nothing(self):
        layer = built(self.layer)
        padded = np.pad(IMAGES, [[0, 0], [2, 1], [1, 3], [0, 0]])
        mask = np.pad(np.ones((B, H, W), bool), [[0, 0], [2, 1], [1, 3]])
        got = call(layer, padded, mask=mask)[:, 2:-1, 1:-3]
        np.testing.assert_allclose(got, call(layer), atol=1e-5)

    def test_compiled_graph_of_padding_alone_gives_zeros(self):
        layer = built(self.layer)
        run = tf.function(lambda mask: layer(IMAGES, mask=mask))
        y = run(corner_mask([(0, 0), (H, W)]))
        assert (np.asarray(y[0]) == 0).all()
        np.testing.assert_allclose(y[1], call(layer)[1], atol=1e-6)

    def test_nan_in_a_pixel_is_seen_and_not_hidden(self):
        images = IMAGES.copy()
        images[0, 1, 2, 0] = np.nan
        y = call(built(self.layer, depth=1), images)
        assert np.isnan(y[0, 1, 2]).all()
        assert np.isfinite(y[1]).all()

    def test_mask_goes_on_to_the_next_layer(self):
        images = keras.Input((None, None, C))
        mask = keras.Input((None, None), dtype="bool")
        first, second = built(self.layer), self.layer(U, 2)
        y = first(images, mask=mask)
        model = keras.Model([images, mask], second(y))
        real = corner_mask([(2, 5), (3, 2)])
        expected = call(second, call(first, mask=real), mask=real)
        np.testing.assert_allclose(model([IMAGES, real]), expected, atol=1e-6)
        assert (expected[~real] == 0).all()

    @pytest.mark.parametrize("tied", [False, True])
    def test_depth_is_one_loop_with_one_step_a_layer_but_the_last(
        self, tied, count_steps
    ):
        with lowering("buffer"):
            call(built(self.layer, depth=4, tied=tied))
        assert count_steps == [3]

    def test_parameters_follow_the_formula(self):
        reads = 18 if self.with_cells else 9
        gates = (reads * U + 1) * 4 * U
        first = (C + 1) * 4 * U
        untied, tied = built(self.layer), built(self.layer, tied=True)
        assert untied.count_params() == first + (2 * DEPTH - 1) * gates
        assert tied.count_params() == first + 2 * gates

    def test_memory_is_kept_in_float32(self):
        # Each layer adds less than bfloat16 can add to a memory of 2.
        layer = self.layer(1, 101, tied=True, dtype="bfloat16")
        layer.build((None, 1, 1, 1))
        for weight in layer.weights:
            weight.assign(np.zeros(weight.shape))
        layer.input_bias.assign([0, 2, 0, 0])
        layer.depth_bias.assign([[-6, 200, 200, 200]])  # i = 0.0025, f = g = o = 1
        h = float(call(layer, np.zeros((1, 1, 1, 1)))[0, 0, 0, 0])
        expected = np.tanh(2 + 101 / (1 + np.exp(6)))
        assert abs(h - expected) < 2**-8
        assert expected - np.tanh(2) > 2**-7
