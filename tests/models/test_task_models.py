"""SequenceTagger, ImageClassifier and SuperpixelLabeller: shapes, twins, errors."""

import keras
import numpy as np
import pytest

from tfrecvis.data import SyntheticSuperpixels
from tfrecvis.models import ImageClassifier, SequenceTagger, SuperpixelLabeller


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("steps", [1, 5, 9])
@pytest.mark.parametrize("recurrence", ["grid", "stacked"])
def test_tagger_answers_at_every_step_of_any_sequence(recurrence, steps, tmp_path):
    model = SequenceTagger(7, recurrence, units=6, depth=2)
    tokens = np.arange(2 * steps).reshape(2, steps) % 7
    logits = numpy(model(tokens))
    assert logits.shape == (2, steps, 7)
    np.testing.assert_array_equal(numpy(saved(model, tmp_path)(tokens)), logits)


@pytest.mark.parametrize("recurrence", ["grid", "stacked"])
def test_tagger_does_not_see_what_comes_later(recurrence):
    model = SequenceTagger(7, recurrence, units=6, depth=2)
    tokens = np.array([[1, 2, 3, 4, 5]])
    changed = np.array([[1, 2, 3, 6, 0]])
    before, after = numpy(model(tokens)), numpy(model(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(-1).all()


@pytest.mark.parametrize(
    ("num_tokens", "units", "depth", "tied"),
    [(11, 64, 6, True), (17, 32, 2, True), (65, 100, 3, True), (11, 40, 3, False)],
)
def test_stacked_twin_has_as_many_parameters(num_tokens, units, depth, tied):
    grid, stacked = (
        SequenceTagger(num_tokens, kind, units, depth, tied).count_params()
        for kind in ("grid", "stacked")
    )
    assert stacked == pytest.approx(grid, rel=0.02)


def test_stacked_twin_has_as_many_layers():
    model = SequenceTagger(7, "stacked", units=6, depth=3)
    lstms = [layer for layer in model.layers if isinstance(layer, keras.layers.LSTM)]
    assert len(lstms) == 3


@pytest.mark.parametrize("context", ["renet", "grid"])
def test_classifier_takes_integers_and_floats_and_is_saved_whole(context, tmp_path):
    model = ImageClassifier(
        3, context, 4, patch_size=2, dense_units=(5,), input_shape=(8, 6, 2)
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 2), "uint8")
    logits = numpy(model(images))
    assert logits.shape == (2, 3)
    np.testing.assert_array_equal(numpy(model(images.astype("float32"))), logits)
    np.testing.assert_array_equal(numpy(saved(model, tmp_path)(images)), logits)


def test_patches_of_the_grid_are_those_of_the_image():
    model = ImageClassifier(3, "grid", 4, patch_size=2, input_shape=(4, 6, 3))
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3)).astype("float32")
    patches = keras.Model(model.inputs, model.get_layer("pixels").output)(images)
    for row in range(2):
        for column in range(3):
            patch = images[0, 2 * row :, 2 * column :][:2, :2] / 255
            np.testing.assert_allclose(
                numpy(patches)[0, row, column], patch.reshape(-1), rtol=1e-6
            )


def test_grid_reads_the_image_from_each_corner():
    model = ImageClassifier(3, "grid", 4, patch_size=2, input_shape=(8, 8, 1))
    scans = keras.Model(model.inputs, model.get_layer("corners").output)
    images = np.zeros((1, 8, 8, 1), "float32")
    changed = images.copy()
    changed[0, 3, 5] = 255  # in the patch at (1, 2)
    moved = (numpy(scans(images)) != numpy(scans(changed)))[0].reshape(4, 4, 4, 4)
    seen = moved.any(-1)  # (rows, columns, corner)
    rows, columns = np.mgrid[:4, :4]
    for corner, expected in enumerate(
        [
            (rows >= 1) & (columns >= 2),
            (rows >= 1) & (columns <= 2),
            (rows <= 1) & (columns >= 2),
            (rows <= 1) & (columns <= 2),
        ]
    ):
        np.testing.assert_array_equal(seen[..., corner], expected)


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


def test_edges_alone_tell_the_labeller_from_its_twin(graphs):
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
    ("model", "arguments", "message"),
    [
        (SequenceTagger, {"num_tokens": 1}, "`num_tokens`.*at least 2"),
        (SequenceTagger, {"recurrence": "lstm"}, "`recurrence` must be"),
        (SequenceTagger, {"units": 0}, "`units` must be"),
        (SequenceTagger, {"depth": 1.5}, "`depth` must be"),
        (ImageClassifier, {"num_classes": 1}, "`num_classes`.*at least 2"),
        (ImageClassifier, {"context": "conv"}, "`context` must be"),
        (ImageClassifier, {"units": 0}, "`units` must be"),
        (ImageClassifier, {"num_layers": 0}, "`num_layers` must be"),
        (ImageClassifier, {"patch_size": 5}, "`patch_size` must divide"),
        (ImageClassifier, {"dropout": 1.0}, "`dropout` must be"),
        (ImageClassifier, {"input_shape": (8, 8)}, "`input_shape` must be"),
        (SuperpixelLabeller, {"num_classes": 1}, "`num_classes`.*at least 2"),
        (SuperpixelLabeller, {"num_features": 0}, "`num_features` must be"),
        (SuperpixelLabeller, {"context": "edges"}, "`context` must be"),
        (SuperpixelLabeller, {"units": 0}, "`units`"),
        (SuperpixelLabeller, {"num_layers": 0}, "`num_layers` must be"),
    ],
)
def test_wrong_argument_is_named(model, arguments, message):
    first = {
        SequenceTagger: {"num_tokens": 5},
        ImageClassifier: {"num_classes": 3},
        SuperpixelLabeller: {"num_classes": 3, "num_features": 2},
    }[model]
    with pytest.raises(ValueError, match=message):
        model(**{**first, **arguments})
