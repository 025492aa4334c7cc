"""A tied Grid LSTM learns before a stacked LSTM of as many layers and weights does.

Small versions of two tasks of Kalchbrenner et al., 2015 (sections 4.2 and 4.3). Depth
is what the Grid LSTM is better at: where tasks are this small, two wide LSTM layers
can keep up with it. Each test takes one of the seeds 0 and 1, which both pass: a seed
takes two minutes.
"""

import keras
import numpy as np
import pytest

from tfrecvis.data import ADDITION_TOKENS, addition, memorisation
from tfrecvis.layers import GridLSTM


def tagger(tokens, *layers):
    """A model that gives one token for each that it reads."""
    inputs = keras.Input((None,), dtype="int32")
    x = keras.ops.one_hot(inputs, tokens)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, keras.layers.Dense(tokens)(x))


def stacked(tokens, like, depth):
    """LSTM layers with as many weights in all as another model, within 2 %."""

    def of(units, wider):
        """`wider` of the layers have one unit more, to come that near."""
        sizes = [units + 1] * wider + [units] * (depth - wider)
        layers = (keras.layers.LSTM(n, return_sequences=True) for n in sizes)
        return tagger(tokens, *layers)

    def excess(model):
        return abs(model.count_params() / like.count_params() - 1)

    sizes = [(units, wider) for units in range(6, 20) for wider in range(depth)]
    model = of(*min(sizes, key=lambda size: excess(of(*size))))
    assert excess(model) < 0.02
    return model


def accuracy(model, train, test, steps):
    """The share of the answers' tokens that the trained model gets right."""
    optimizer = keras.optimizers.Adam(0.01, clipnorm=1.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    inputs, targets = zip(*(next(train) for _ in range(steps)), strict=True)
    model.fit(
        np.concatenate(inputs),
        np.concatenate(targets),
        batch_size=len(inputs[0]),
        shuffle=False,
        verbose=0,
    )
    inputs, targets = next(test)
    answers = model.predict(inputs, verbose=0).argmax(-1)
    return (answers == targets)[targets > 0].mean()


@pytest.mark.slow
def test_grid_lstm_remembers_more_symbols_than_a_stacked_lstm(seed=1):
    """Eight symbols, each one of four; six layers."""
    keras.utils.set_random_seed(seed)
    grid = tagger(5, GridLSTM(12, depth=6))
    ours, theirs = (
        accuracy(
            model,
            memorisation(8, 4, 32, seed),
            memorisation(8, 4, 512, seed=10 + seed),
            steps=4000,
        )
        for model in (grid, stacked(5, grid, depth=6))
    )
    assert ours > 0.75
    assert ours > theirs + 0.15


@pytest.mark.slow
def test_grid_lstm_learns_to_add_before_a_stacked_lstm_does(seed=0):
    """Two numbers of two digits; four layers."""
    keras.utils.set_random_seed(seed)
    grid = tagger(ADDITION_TOKENS, GridLSTM(16, depth=4))
    ours, theirs = (
        accuracy(
            model, addition(2, 32, seed), addition(2, 512, seed=10 + seed), steps=7000
        )
        for model in (grid, stacked(ADDITION_TOKENS, grid, depth=4))
    )
    assert ours > 0.75
    assert ours > theirs + 0.15
