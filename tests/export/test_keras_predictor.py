"""A Keras model answers like its artefacts, under every backend."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tfrecvis.export import keras_predictor
from tfrecvis.models import ImageClassifier, classification

JAX = """
import json, sys
import keras, numpy as np
from tfrecvis.export import ExportError, export_model, keras_predictor
from tfrecvis.models import classification, load_preset

assert keras.backend.backend() == "jax"
signatures = classification.signatures(load_preset(sys.argv[1]))
images = np.load(sys.argv[2])
found = keras_predictor(signatures).predict({"images": images})
np.savez(sys.argv[3], **found)
try:
    export_model(signatures, sys.argv[4], {"images": images})
except ExportError as error:
    print(json.dumps(str(error)))
"""


def test_the_model_predicts_what_its_artefacts_predict(exported, signatures, images):
    predictor = keras_predictor(signatures, exported.card)
    found = predictor.predict({"images": images})
    np.testing.assert_allclose(found["probabilities"], exported.probabilities, 1e-5)
    np.testing.assert_array_equal(found["labels"], exported.labels)
    features = predictor.predict({"images": images}, "encode")["features"]
    np.testing.assert_allclose(features, exported.features, 1e-5, 1e-5)
    assert predictor.kind == "keras"
    assert predictor.path is None
    assert predictor.card["class_names"] == exported.card["class_names"]


def test_another_size_of_a_model_that_has_one_says_so():
    model = ImageClassifier(3, "grid", 4, patch_size=4, input_shape=(8, 8, 1))
    predictor = keras_predictor(classification.signatures(model))
    with pytest.raises(
        ValueError, match=r"\(batch, 8, 8, 1\).*The model takes this si"
    ):
        predictor.predict({"images": np.zeros((1, 8, 4, 1), "uint8")})


# The commands under JAX are fast tests, of another model.
@pytest.mark.slow
def test_jax_gives_the_answers_of_tensorflow_and_refuses_to_export(tmp_path):
    pytest.importorskip("jax")
    model = ImageClassifier(
        3, "renet", 4, num_layers=1, dense_units=(5,), input_shape=(8, 6, 1)
    )
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 1), "uint8")
    wanted = keras_predictor(classification.signatures(model)).predict(
        {"images": images}
    )
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    names = ("", "images.npy", "found.npz", "exports")
    process = subprocess.run(
        [sys.executable, "-c", JAX, *(str(tmp_path / name) for name in names)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(found["labels"], wanted["labels"])
        # Float32 sums in another order.
        np.testing.assert_allclose(
            found["probabilities"], wanted["probabilities"], atol=1e-6
        )
    assert "KERAS_BACKEND=tensorflow" in json.loads(process.stdout.splitlines()[-1])
    assert not (tmp_path / "exports").exists()
