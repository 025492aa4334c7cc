"""What SSD and YOLO have in common, as tests that both inherit."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from detectors import bright_squares, iou

from tfrecvis.models import detection

# Arguments: the folder of the model and its batch, and the name of the trainer.
JAX = """
import sys
import keras, numpy as np
from tfrecvis.models import detection

assert keras.backend.backend() == "jax"
folder, trainer = sys.argv[1:]
batch = dict(np.load(f"{folder}/batch.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
found = model.predict(batch["images"], verbose=0)
trainer = getattr(detection, trainer)(model)
trainer.compile("sgd")
loss = trainer.evaluate(batch, verbose=0, return_dict=True)["loss"]
history = trainer.fit(batch, verbose=0)
np.savez(f"{folder}/jax.npz", loss=loss, fitted=history.history["loss"], **found)
"""


def batch(count=2, seed=0):
    data = bright_squares(count, seed)
    return {name: data[name] for name in ("images", "boxes", "classes")}


def found_share(model, data):
    """The share of objects that a detection of their class overlaps by half."""
    found, hits = model.predict(data["images"], verbose=0), []
    for n, labels in enumerate(data["classes"]):
        for box, label in zip(data["boxes"][n], labels, strict=True):
            if label >= 0:
                mine = found["boxes"][n][found["classes"][n] == label]
                hits.append(max((iou(box, other) for other in mine), default=0) > 0.5)
    return np.mean(hits)


class OneStage:
    """Inherited by the tests of each builder, which give `build` and `trainer`."""

    def fitted(self, model, data, **options):
        trainer = getattr(detection, self.trainer)(model)
        trainer.compile("sgd", run_eagerly=True)
        return trainer.fit(data, verbose=0, **options).history

    def test_answer_is_in_pixels_of_the_image(self):
        model = self.build(score_threshold=0.0)
        images = bright_squares(2)["images"]
        found = model.predict(images, verbose=0)
        assert found["boxes"].shape == (2, 5, 4)
        assert found["boxes"].min() >= 0 and found["boxes"].max() <= 48
        assert (found["num_detections"] > 0).all()
        assert (np.diff(found["scores"]) <= 0).all()

    def test_every_weight_is_trained_and_shared(self):
        model = self.build()
        before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
        history = self.fitted(model, batch(6), epochs=2)
        assert set(history) == {"loss", *self.terms}
        for weight, old in zip(model.trainable_weights, before, strict=True):
            new = keras.ops.convert_to_numpy(weight)
            assert np.abs(new - old).max() > 0, weight.path

    def test_images_without_any_box_are_survived(self):
        data = batch()
        data["boxes"] = np.zeros((2, 0, 4), "float32")
        data["classes"] = np.zeros((2, 0), "int32")
        history = self.fitted(self.build(), data)
        assert np.isfinite(history["loss"]).all()
        assert history[self.terms[0]] == [0.0]

    def test_other_models_have_no_such_trainer(self):
        images = keras.Input((8, 8, 3))
        model = keras.Model(images, keras.layers.Conv2D(1, 1)(images), name="other")
        with pytest.raises(ValueError, match="must be a.*Received: 'other'"):
            getattr(detection, self.trainer)(model)

    def test_signature_answers_uint8_images(self):
        (signature,) = detection.signatures(self.build())
        answer = signature(images=bright_squares(2)["images"])
        sizes = {"batch": 2, "height": 48, "width": 48}
        assert set(answer) == set(signature.outputs)
        for name, spec in signature.outputs.items():
            assert tuple(answer[name].shape) == spec.bound(sizes).shape
            assert keras.backend.standardize_dtype(answer[name].dtype) == spec.dtype
        assert signature.weights == self.weights

    def loss(self, model, jit_compile):
        trainer = getattr(detection, self.trainer)(model)
        trainer.compile("sgd", jit_compile=jit_compile)
        return trainer.evaluate(batch(), verbose=0, return_dict=True)["loss"]

    @pytest.mark.slow
    def test_xla_gives_the_same_loss_and_trains_a_loaded_file(self, tmp_path):
        self.build().save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
        assert self.loss(model, True) == pytest.approx(
            self.loss(model, False), rel=1e-4
        )
        trainer = getattr(detection, self.trainer)(model)
        trainer.compile("sgd", jit_compile=True)
        assert np.isfinite(trainer.fit(batch(), verbose=0).history["loss"]).all()

    @pytest.mark.slow
    def test_jax_gives_the_same_loss_and_detections_and_trains(self, tmp_path):
        pytest.importorskip("jax")
        model = self.build(score_threshold=0.0)
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "batch.npz", **batch())
        done = subprocess.run(
            [sys.executable, "-c", JAX, str(tmp_path), self.trainer],
            env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = dict(np.load(tmp_path / "jax.npz"))
        assert found.pop("loss") == pytest.approx(self.loss(model, False), rel=1e-4)
        assert np.isfinite(found.pop("fitted")).all()
        expected = model.predict(batch()["images"], verbose=0)
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-3)
