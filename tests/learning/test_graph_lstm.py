"""A Graph LSTM carries along edges what the same layer without edges cannot know."""

import keras
import numpy as np
import pytest

from tfrecvis.data import SyntheticSuperpixels
from tfrecvis.models import SuperpixelLabeller


def accuracy(context, train, val):
    """The share of the nodes that the trained model names rightly."""
    model = SuperpixelLabeller(train.num_classes, train.num_features, context, 24)
    model.compile(
        keras.optimizers.Adam(0.01, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    weights = train.inputs["mask"].astype("float32")
    model.fit(
        train.inputs, train.labels, 20, epochs=4, sample_weight=weights, verbose=0
    )
    mask = val.inputs["mask"]
    answers = model.predict(val.inputs, verbose=0).argmax(-1)
    return (answers == val.labels)[mask].mean()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_confidence_order_over_edges_beats_the_same_cell_without_edges(seed):
    keras.utils.set_random_seed(seed)
    train = SyntheticSuperpixels("train", count=600, nodes=32, seed=seed)
    val = SyntheticSuperpixels("val", count=200, nodes=32, seed=seed)
    graph, alone = (accuracy(context, train, val) for context in ("graph", "none"))
    assert graph > 0.95
    # What can be known without edges is known, and no more.
    assert val.local_accuracy - 0.05 < alone < val.local_accuracy + 0.05
    assert np.mean(val.labels[val.inputs["mask"]] == 0) < alone
