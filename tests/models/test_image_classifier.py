"""ImageClassifier: patches, corners, saving, errors."""

import keras
import numpy as np
import pytest

from tfrecvis.models import ImageClassifier


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def saved(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes`.*at least 2"),
        ({"context": "conv"}, "`context` must be"),
        ({"units": 0}, "`units` must be"),
        ({"num_layers": 0}, "`num_layers` must be"),
        ({"patch_size": 5}, "`patch_size` must divide"),
        ({"dropout": 1.0}, "`dropout` must be"),
        ({"input_shape": (8, 8)}, "`input_shape` must be"),
    ],
)
def test_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageClassifier(**{"num_classes": 3, **arguments})
