"""SuperpixelLabeller: a class for every node, edges and their twin, errors."""

import keras
import numpy as np
import pytest

from tfrecvis.data import SyntheticSuperpixels
from tfrecvis.models import SuperpixelLabeller


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


@pytest.fixture(scope="module")
def graphs():
    return SyntheticSuperpixels(count=3, nodes=16)


@pytest.mark.parametrize("context", ["graph", "none"])
def test_labeller_gives_every_node_logits(graphs, context, tmp_path):
    model = SuperpixelLabeller(4, 6, context, units=5, num_layers=2)
    logits = numpy(model(graphs.inputs))
    assert logits.shape == (3, 16, 4)
    # A dict by name is the list.
    np.testing.assert_array_equal(numpy(model(list(graphs.inputs.values()))), logits)
    again = numpy(saved(model, tmp_path)(graphs.inputs))
    np.testing.assert_array_equal(again, logits)


def test_only_edges_tell_the_labeller_from_its_twin(graphs):
    models = [
        SuperpixelLabeller(4, 6, context, units=5, num_layers=2)
        for context in ("graph", "none")
    ]
    assert models[0].count_params() == models[1].count_params()
    models[1].set_weights(models[0].get_weights())
    one_node = {
        "features": graphs.inputs["features"][:, :1],
        "neighbours": np.full((3, 1, 2), -1),
        "confidence": graphs.inputs["confidence"][:, :1],
        "mask": np.ones((3, 1), bool),
    }
    alone, twin = (numpy(model(one_node)) for model in models)
    np.testing.assert_allclose(alone, twin, rtol=1e-5, atol=1e-6)

    changed = {name: array.copy() for name, array in graphs.inputs.items()}
    changed["features"][:, 0] += 1
    seen = [(numpy(m(changed)) != numpy(m(graphs.inputs)))[:, 1:].any() for m in models]
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes`.*at least 2"),
        ({"num_features": 0}, "`num_features` must be"),
        ({"context": "edges"}, "`context` must be"),
        ({"units": 0}, "`units`"),
        ({"num_layers": 0}, "`num_layers` must be"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SuperpixelLabeller(**{"num_classes": 3, "num_features": 2, **arguments})
