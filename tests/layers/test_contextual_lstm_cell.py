import keras
import numpy as np
import pytest
from reference.contextual_lstm import contextual_lstm

from tfrecvis.layers import ContextualLSTM, ContextualLSTMCell

B, T, C, K, U = 2, 6, 3, 4, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, C)).astype("float32")
TOPICS = RNG.normal(size=(B, T, K)).astype("float32")
STATE = [RNG.normal(size=(B, U)).astype("float32") for _ in range(2)]


def built(layer):
    """The layer with random weights."""
    layer.build((B, T, C + K))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.weights])
    return layer


def in_an_rnn(**options):
    cell = ContextualLSTMCell(U, K, **options)
    return built(keras.layers.RNN(cell, return_sequences=True))


variants = pytest.mark.parametrize(
    "options", [{}, {"peepholes": False, "shared_context": True}]
)


@variants
def test_one_step_matches_the_numpy_loop(options):
    cell = in_an_rnn(**options).cell
    weights = {w.name: np.asarray(w, "float64") for w in cell.weights}
    h, (last_h, c) = cell(X[:, 0], STATE, context=TOPICS[:, 0])
    expected = contextual_lstm(X[:, :1], TOPICS[:, :1], weights, *STATE)
    for a, b in zip((h, last_h, c), (expected[0][:, 0], *expected[1:]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@variants
def test_cell_in_a_keras_rnn_gives_what_the_layer_gives(options):
    rnn = in_an_rnn(**options)
    together = np.concatenate([X, TOPICS], -1)
    layer = ContextualLSTM(U, K, return_sequences=True, **options)
    layer.build(together.shape)
    layer.set_weights(rnn.get_weights())
    np.testing.assert_allclose(rnn(together), layer(together), atol=1e-5)
