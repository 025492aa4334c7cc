"""What detectors that a trainer of their own trains have in common, as tests."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from detectors import bright_squares, iou

from tfrecvis.models import YOLOv2, detection

# Arguments: the folder of the model and its batch, and the name of the trainer.
JAX = """
import sys
import keras, numpy as np
from tfrecvis.models import detection

assert keras.backend.backend() == "jax"
folder, name = sys.argv[1:]
batch = dict(np.load(f"{folder}/batch.npz"))
model = keras.models.load_model(f"{folder}/model.keras")
found = model.predict(batch["images"], verbose=0)
trainer = getattr(detection, name)(model)
trainer.compile("sgd")
loss = trainer.evaluate(batch, verbose=0, return_dict=True)["loss"]
history = trainer.fit(batch, verbose=0)
np.savez(f"{folder}/jax.npz", loss=loss, fitted=history.history["loss"], **found)
"""


class TrainedDetector:
    """Inherited by the tests of a builder, which give the attributes below.

    Attributes: `builder`; `trainer`, the name of its function; `small`, arguments of a
    small model; `terms`, the metrics of the trainer; `seen`, the layer whose maps have
    heard from the whole image; `bad`, pairs of wrong arguments and messages.
    """

    def build(self, **changes):
        keras.utils.set_random_seed(0)
        return type(self).builder(2, **{**self.small, **changes})

    def batch(self, count=2, seed=0):
        data = bright_squares(count, seed)
        return {name: data[name] for name in ("images", "boxes", "classes")}

    def compiled(self, model, optimizer="sgd", **options):
        trainer = getattr(detection, self.trainer)(model)
        trainer.compile(optimizer, **(options or {"run_eagerly": True}))
        return trainer

    def test_any_size_is_answered_in_its_own_pixels(self):
        model = self.build(score_threshold=0.0)
        images = np.random.default_rng(0).integers(0, 255, (2, 37, 51, 3))
        found = model(images.astype("float32"))
        boxes = keras.ops.convert_to_numpy(found["boxes"])
        assert boxes.shape == (2, 5, 4)
        assert boxes.min() >= 0 and (boxes.max((0, 1)) <= [51, 37, 51, 37]).all()
        assert (keras.ops.convert_to_numpy(found["num_detections"]) > 0).all()

    def test_twin_has_as_many_parameters(self):
        filters = (32, 48, 64)[-len(self.small["backbone_filters"]) :]
        real, twin = (
            self.build(context=kind, units=48, backbone_filters=filters)
            for kind in ("renet", "conv")
        )
        assert twin.count_params() == pytest.approx(real.count_params(), rel=0.01)

    def test_context_lets_a_cell_hear_from_the_whole_image(self):
        images = np.zeros((2, 96, 96, 3), "float32")
        images[1, -8:, -8:] = 255
        for context, hears in (("renet", True), ("conv", False)):
            model = self.build(context=context)
            maps = keras.Model(model.inputs, model.get_layer(self.seen).output)
            first, second = keras.ops.convert_to_numpy(maps(images))[:, 0, 0]
            assert (np.abs(first - second).max() > 0) == hears

    def test_every_weight_is_trained_and_shared(self):
        model = self.build()
        before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
        trainer = self.compiled(model, keras.optimizers.Adam(1e-3))
        history = trainer.fit(self.batch(), epochs=2, verbose=0).history
        assert set(history) == {"loss", *self.terms}
        for weight, old in zip(model.trainable_weights, before, strict=True):
            new = keras.ops.convert_to_numpy(weight)
            assert np.abs(new - old).max() > 0, weight.path

    def test_images_without_any_box_are_survived(self):
        batch = self.batch()
        batch["boxes"] = np.zeros((2, 0, 4), "float32")
        batch["classes"] = np.zeros((2, 0), "int32")
        history = self.compiled(self.build()).fit(batch, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        assert history["boxes"] == [0.0]

    @pytest.mark.slow
    def test_trainer_of_a_loaded_file(self, tmp_path):
        self.build().save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")
        batch = self.batch()
        losses = [
            self.compiled(each).evaluate(batch, verbose=0, return_dict=True)["loss"]
            for each in (model, self.build())
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)

    def test_signature_answers_uint8_images(self):
        (signature,) = detection.signatures(self.build())
        answer = signature(images=bright_squares(2)["images"])
        sizes = {"batch": 2, "height": 48, "width": 48}
        assert set(answer) == set(signature.outputs)
        for name, spec in signature.outputs.items():
            assert tuple(answer[name].shape) == spec.bound(sizes).shape
            assert keras.backend.standardize_dtype(answer[name].dtype) == spec.dtype

    def loss(self, model, jit_compile):
        trainer = self.compiled(model, jit_compile=jit_compile)
        return trainer.evaluate(self.batch(), verbose=0, return_dict=True)["loss"]

    @pytest.mark.slow
    def test_xla_gives_the_same_loss_and_trains(self):
        model = self.build()
        plain, compiled = self.loss(model, False), self.loss(model, True)
        assert compiled == pytest.approx(plain, rel=1e-4)
        history = self.compiled(model, jit_compile=True).fit(self.batch(), verbose=0)
        assert np.isfinite(history.history["loss"]).all()

    @pytest.mark.slow
    def test_jax_gives_the_same_loss_and_detections_and_trains(self, tmp_path):
        pytest.importorskip("jax")
        model = self.build(score_threshold=0.0)
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "batch.npz", **self.batch())
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
        expected = model.predict(self.batch()["images"], verbose=0)
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-3)

    def test_bad_arguments_are_named(self):
        for changes, message in self.bad:
            with pytest.raises(ValueError, match=message):
                self.build(**changes)

    def test_another_model_has_no_such_trainer(self):
        model = YOLOv2(2, [(8, 8)], backbone_filters=(4, 4, 4, 4), units=2)
        with pytest.raises(ValueError, match="`model` must be .* Received: 'yolo_v2'"):
            getattr(detection, self.trainer)(model)

    def hits(self, model, count=16):
        """The share of objects that a detection of their class overlaps by half."""
        test = self.batch(count, seed=1)
        found = model.predict(test["images"], verbose=0)
        hits = []
        for n in range(count):
            for box, label in zip(test["boxes"][n], test["classes"][n], strict=True):
                if label >= 0:
                    of_class = found["classes"][n] == label
                    of_class &= found["scores"][n] > 0.3
                    overlaps = [
                        iou(box, other) for other in found["boxes"][n][of_class]
                    ]
                    hits.append(max(overlaps, default=0) > 0.5)
        return np.mean(hits)
