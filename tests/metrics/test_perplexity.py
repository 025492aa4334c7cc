"""Perplexity: the loop over words of two batches, padding, errors."""

import math

import numpy as np
import pytest

from tfrecvis.metrics import Perplexity


def test_perplexity_is_that_of_all_words_of_two_batches():
    rng = np.random.default_rng(0)
    metric, costs = Perplexity(), []
    for shape in ((2, 3, 4), (1, 3, 5)):
        tokens = rng.integers(0, 6, shape)
        logits = rng.normal(size=(*shape, 6)).astype("float32")
        metric.update_state(tokens, logits)
        for place in np.ndindex(shape):
            if tokens[place]:
                row = logits[place].astype("float64")
                costs.append(math.log(np.exp(row).sum()) - row[tokens[place]])
    expected = math.exp(sum(costs) / len(costs))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 1


def test_weights_of_samples_are_refused():
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        Perplexity().update_state(np.ones((1, 2)), np.ones((1, 2, 3)), np.ones(1))


def test_config_holds_every_argument():
    metric = Perplexity(name="hesitation")
    assert Perplexity.from_config(metric.get_config()).name == "hesitation"
