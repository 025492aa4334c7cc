"""WordAccuracy: hits among the words, padding left out."""

import numpy as np

from tfrecvis.metrics import WordAccuracy


def test_accuracy_counts_hits_among_words_of_two_batches():
    rng = np.random.default_rng(1)
    metric, hits = WordAccuracy(), []
    for shape in ((2, 3, 4), (1, 3, 5)):
        tokens = rng.integers(0, 3, shape)
        logits = rng.normal(size=(*shape, 3)).astype("float32")
        metric.update_state(tokens, logits)
        hits += [
            logits[p].argmax() == tokens[p] for p in np.ndindex(shape) if tokens[p]
        ]
    np.testing.assert_allclose(float(metric.result()), np.mean(hits), rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_config_holds_every_argument():
    metric = WordAccuracy(name="hits")
    assert WordAccuracy.from_config(metric.get_config()).name == "hits"
